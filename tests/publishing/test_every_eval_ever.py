"""Results in the schema of Every Eval Ever, and the lineage beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema

from publishing.conftest import Zoo
from zoo.publishing.lineages import every_eval_ever, lineage_of
from zoo.publishing.recording import Published
from zoo.recall import read_cell

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "schema_version",
        "evaluation_id",
        "retrieved_timestamp",
        "source_metadata",
        "model_info",
        "eval_library",
        "evaluation_results",
    ],
    "properties": {
        "schema_version": {"const": "0.3.0"},
        "evaluation_id": {"type": "string"},
        "evaluation_timestamp": {"type": "string"},
        "retrieved_timestamp": {"type": "string", "pattern": r"^\d+$"},
        "source_metadata": {
            "required": ["source_type", "source_organization_name", "evaluator_relationship"],
            "properties": {
                "source_type": {"enum": ["documentation", "evaluation_run"]},
                "evaluator_relationship": {
                    "enum": ["first_party", "third_party", "collaborative", "other"]
                },
            },
        },
        "eval_library": {"required": ["name", "version"]},
        "model_info": {
            "required": ["name", "id"],
            "properties": {"additional_details": TEXTS},
        },
        "evaluation_results": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["evaluation_name", "source_data", "metric_config", "score_details"],
                "properties": {
                    "source_data": {
                        "required": ["dataset_name", "source_type"],
                        "properties": {"source_type": {"const": "other"}},
                    },
                    "metric_config": {
                        "required": ["lower_is_better"],
                        "if": {"properties": {"score_type": {"const": "continuous"}}},
                        "then": {"required": ["min_score", "max_score"]},
                    },
                    "score_details": {
                        "required": ["score"],
                        "properties": {"score": {"type": "number"}},
                    },
                    "generation_config": {"properties": {"additional_details": TEXTS}},
                },
            },
        },
    },
}
"""The parts of eval.schema.json (github.com/evaleval/every_eval_ever) that are written."""


def run_of(zoo: Zoo) -> Published:
    (path,) = zoo.store.runs()
    record = zoo.store.read_run(path)
    return Published(record, [read_cell(zoo.store, cell) for cell in record.cells], {}, {})


def test_each_model_has_a_file_that_fits_the_schema_in_the_place_it_asks_for(zoo: Zoo) -> None:
    files = every_eval_ever(run_of(zoo), "1.2", "org")
    assert len(files) == 2
    for path, evaluation in files.items():
        jsonschema.validate(evaluation, SCHEMA)
        model = evaluation["model_info"]["id"]
        assert path.startswith(f"every_eval_ever/data/zoo_mine/{model}/")
        (result,) = evaluation["evaluation_results"]
        assert result["score_details"]["score"] == 0.5
        assert result["score_details"]["uncertainty"]["standard_error"] == {"value": 0.1}
        assert evaluation["source_metadata"]["evaluator_relationship"] == "first_party"
    assert every_eval_ever(run_of(zoo), "1.2", "org") == files, "the same run has the same names"


def test_what_was_imported_is_no_evaluation_run_of_ours(zoo: Zoo) -> None:
    run = run_of(zoo)
    base, chat = run.results
    said = replace(
        chat.provenance, imported={"format": "lm-eval 0.4"}, versions={"lm_eval": "0.4.9"}
    )
    other = replace(chat, provenance=said)
    mixed = replace(run, results=[base, chat, other])
    assert len(every_eval_ever(mixed, "1.2", "org")) == 3
    for evaluation in every_eval_ever(replace(run, results=[other]), "1.2", "org").values():
        jsonschema.validate(evaluation, SCHEMA)
        assert evaluation["eval_library"] == {"name": "lm-eval 0.4", "version": "lm_eval 0.4.9"}
        source = evaluation["source_metadata"]
        assert (source["source_type"], source["source_name"]) == ("documentation", "lm-eval 0.4")
        assert "evaluation_timestamp" not in evaluation
        assert "stagezoo" not in str(evaluation)


def test_the_lineage_that_the_schema_has_no_field_for_stands_beside_it(zoo: Zoo) -> None:
    stages = lineage_of(run_of(zoo))["stages"]
    assert [each["made"] for each in stages] == [None, None]
    assert [(each["model"], each["base_model"]) for each in stages] == [
        ("org/base", []),
        ("org/chat", ["org/base"]),
    ]
