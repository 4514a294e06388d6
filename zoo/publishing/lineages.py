"""The same results for readers of Every Eval Ever 0.3.0, and the lineage that it has no field for.

Its schema: github.com/evaleval/every_eval_ever, eval.schema.json. One file a model; every detail
that it has no field for is text.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zoo.models import Model
from zoo.publishing.names import renamed, safe
from zoo.publishing.recording import Published, made_of
from zoo.results import Result, Score

SCHEMA_VERSION = "0.3.0"
FROM_0_TO_1 = frozenset("acc acc_norm exact_match f1 prompt_level_strict_acc parsed".split())
"""Metrics whose least and greatest values are known."""


def lineage_of(run: Published) -> dict[str, Any]:
    """Who descends from whom: models, parents before children, as zoo.lineage/1."""
    stages = [
        {
            "model": model.id,
            "revision": model.revision,
            "regime": model.regime,
            "base_model": list(model.parents),
            "step": model.step,
            "training_seed": model.seed,
            "training_datasets": list(model.training_datasets),
            "made": made_of(model),
        }
        for model in run.models
    ]
    said = {"schema": "zoo.lineage/1", "family": run.record.family, "stages": stages}
    found: dict[str, Any] = renamed(said, run.names)
    return found


def every_eval_ever(run: Published, version: str, owner: str) -> dict[str, dict[str, Any]]:
    """path -> one evaluation of Every Eval Ever for each model and library that scored it.

    owner: the organisation that publishes it. What was imported is of the library that the file
    names, and of no evaluation run of ours.
    """
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in run.results:
        if result.score:
            by = result.provenance.imported.get("format", "")
            groups.setdefault((result.spec.model.id, by), []).append(result)
    models = {model.id: model for model in run.models}
    found = {}
    for (id, by), scored in groups.items():
        model = models[id]
        name = run.names.get(id, id)
        known = "/".join(filter(None, ("stagezoo", run.record.id, name, by)))
        own = uuid.uuid5(uuid.NAMESPACE_URL, known)
        developer, _, short = name.rpartition("/")
        collection = f"zoo_{safe(str(run.record.suite.get('name', '')))}"
        path = f"{collection}/{safe(developer or owner)}/{safe(short)}/{own}.json"
        evaluation = _evaluation(run, model, scored, version, owner)
        found[f"every_eval_ever/data/{path}"] = renamed(evaluation, run.names)
    return found


def _evaluation(
    run: Published, model: Model, scored: list[Result], version: str, owner: str
) -> dict[str, Any]:
    record = run.record
    stamp = f"{datetime.fromisoformat(record.started).timestamp():.0f}"
    provenance = scored[0].provenance
    imported = provenance.imported
    measured_by = ", ".join(" ".join(pair) for pair in provenance.versions.items())
    relation = "first_party" if model.id.partition("/")[0] == owner else "third_party"
    engine = {} if imported else {"name": provenance.loader, "version": provenance.engine}
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{record.suite.get('name', '')}/{model.id}/{stamp}",
        **({} if imported else {"evaluation_timestamp": record.started}),
        "retrieved_timestamp": stamp,
        "source_metadata": {
            "source_name": imported.get("format", "stagezoo"),
            "source_type": "documentation" if imported else "evaluation_run",
            "source_organization_name": "unknown" if imported else owner,
            "evaluator_relationship": "other" if imported else relation,
        },
        "eval_library": {
            "name": imported.get("format", "stagezoo"),
            "version": (measured_by or "unknown") if imported else version,
        },
        "model_info": {
            "name": model.id.rpartition("/")[2],
            "id": model.id,
            "developer": model.id.partition("/")[0],
            **({"inference_engine": engine} if engine else {}),
            "additional_details": _texts(
                {
                    "revision": model.revision,
                    "regime": model.regime,
                    "base_model": ", ".join(model.parents),
                    "weights_sha256": provenance.weights,
                    "dtype": provenance.dtype,
                }
            ),
        },
        "evaluation_results": [
            _result(result, result.score) for result in scored if result.score is not None
        ],
    }


def _result(result: Result, score: Score) -> dict[str, Any]:
    spec = result.spec
    bounds = (
        {"score_type": "continuous", "min_score": 0.0, "max_score": 1.0}
        if score.metric in FROM_0_TO_1
        else {}
    )
    uncertainty = {
        **({"standard_error": {"value": score.stderr}} if score.stderr is not None else {}),
        "num_samples": score.n,
    }
    return {
        "evaluation_name": f"{spec.benchmark.task} ({spec.protocol})",
        "source_data": {"dataset_name": spec.benchmark.task, "source_type": "other"},
        "metric_config": {
            "evaluation_description": f"{score.metric}, {score.filter}",
            "lower_is_better": not score.higher_is_better,
            **bounds,
        },
        "score_details": {"score": score.value, "uncertainty": uncertainty},
        "generation_config": {
            "additional_details": _texts(
                {
                    "protocol": spec.protocol,
                    "num_fewshot": spec.benchmark.num_fewshot,
                    "limit": spec.limit,
                    "seed": spec.seed,
                    "score_key": result.provenance.score_key,
                }
            )
        },
    }


def _texts(details: Mapping[str, Any]) -> dict[str, str]:
    """Details that are known, as text."""
    return {name: str(value) for name, value in details.items() if value not in (None, "")}
