"""Every format that is read, in the shape in which its own program writes it.

lm-eval 0.4 is asked itself (test_importing); the others are spelled as their sources have them:
lighteval's documentation and EvaluationTracker, the columns of open-llm-leaderboard/contents, the
schema 0.3.0 of Every Eval Ever, and lm-eval 0.3's simple_evaluate.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.errors import ConfigError
from zoo.executors import builtins
from zoo.host import Host
from zoo.importing.runs import Imported, import_files
from zoo.maintenance import rebuild_index
from zoo.recall import recall_run
from zoo.reporting import render
from zoo.results import Result
from zoo.tradeoffs import tradeoff_of

QUESTIONS = [("What is 1 + 1?", [" 1", " 2"], 1), ("What is 2 + 2?", [" 4", " 5"], 0)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "zoo.toml").write_text("", "utf-8")
    return Host(tmp_path / "zoo.toml", tmp_path / "store", builtins=builtins())


def written(path: Path, table: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table), "utf-8")
    return path


def taken(host: Host, *paths: Path) -> tuple[Imported, dict[tuple[str, str], Result]]:
    """What was imported, by model and task, as the store has it."""
    done = import_files(host, paths)
    found = [each for run in done.runs for each in recall_run(host.store, run.id).results]
    return done, {(each.spec.model.id, each.spec.benchmark.task): each for each in found}


def lighteval(model: str, score: float, **general: Any) -> dict[str, Any]:
    return {
        "config_general": {
            "lighteval_sha": "203045a8431bc9b77245c9998e05fc54509ea07f",
            "num_fewshot_seeds": 1,
            "max_samples": None,
            "job_id": "",
            "model_name": model,
            "model_sha": "607a30d783dfa663caf39e06633721c8d4cfcd7e",
            "model_dtype": "torch.bfloat16",
            "model_size": "476.2 MB",
            **general,
        },
        "results": {
            "sums|0": {"acc": score, "acc_stderr": 0.5, "ppl": 3.5},
            "harness|arc:challenge|25": {"acc_norm": 0.25, "acc_norm_stderr": 0.125},
            "mmlu:_average|5": {"acc": 0.5},
            "all": {"acc": 0.5},
        },
        "versions": {"sums|0": 2},
        "config_tasks": {
            "lighteval|sums": {
                "name": "sums",
                "metric": [
                    {"metric_name": "acc", "higher_is_better": True},
                    {"metric_name": "ppl", "higher_is_better": False},
                ],
                "original_num_docs": 2,
                "effective_num_docs": 2,
                "version": 2,
            }
        },
        "summary_tasks": {},
        "summary_general": {},
    }


def details(right: list[bool]) -> pa.Table:
    """The columns of lighteval's Detail: doc, model_response, metric."""
    rows = [
        {
            "doc": {"query": query, "choices": choices, "gold_index": [gold], "task_name": "sums"},
            "metric": {"acc": int(good)},
            "model_response": {
                "text": [],
                "logprobs": [-1.0, -2.0] if good == (gold == 0) else [-2.0, -1.0],
            },
        }
        for (query, choices, gold), good in zip(QUESTIONS, right, strict=True)
    ]
    return pa.Table.from_pylist(rows)


def write_lighteval(root: Path, model: str, right: list[bool]) -> Path:
    date = "2025-11-05T14-43-47.148527"
    place = root / "details" / model / date / f"details_sums|0_{date}.parquet"
    place.parent.mkdir(parents=True)
    pq.write_table(details(right), place)
    table = lighteval(model, sum(right) / len(right))
    return written(root / "results" / model / f"results_{date}.json", table)


def test_lighteval_with_its_details_pairs_two_models_item_by_item(
    host: Host, tmp_path: Path
) -> None:
    (host.config_path or tmp_path).write_text(
        '[families.f]\nmodels = [{ id = "org/a", regime = "pretrained" }, '
        '{ id = "org/a-sft", regime = "fine-tuned", base_model = "org/a" }]\n'
    )
    write_lighteval(tmp_path / "out", "org/a", [True, False])
    write_lighteval(tmp_path / "out", "org/a-sft", [True, True])
    done, cells = taken(host, tmp_path / "out")
    assert (done.problems, done.notes) == ((), ())
    assert cells.keys() == {
        (model, task) for model in ("org/a", "org/a-sft") for task in ("sums", "arc:challenge")
    }
    cell = cells["org/a", "sums"]
    assert [(i.score, i.response, i.chance) for i in cell.items] == [(1, " 2", 0.5), (0, " 5", 0.5)]
    assert cell.provenance.finished == "2025-11-05T14:43:47+00:00"
    assert (cell.spec.benchmark.num_fewshot, cell.spec.benchmark.version) == (0, "2")
    assert cells["org/a", "arc:challenge"].spec.benchmark.num_fewshot == 25
    (run,) = done.runs
    found = recall_run(host.store, run.id)
    tradeoff = tradeoff_of(host, found.family, found.suite, found.results, found.records)
    (edge,) = (e for e in tradeoff.edges if e.benchmark == "sums")
    assert (edge.n, edge.delta, edge.gained, edge.lost, edge.mixed) == (2, 0.5, 1, 0, "")
    assert run.unsaid == {"chat template": ("org/a", "org/a-sft"), "seed": ("org/a", "org/a-sft")}


def test_details_that_are_not_what_the_number_is_the_mean_of_are_not_paired(
    host: Host, tmp_path: Path
) -> None:
    path = write_lighteval(tmp_path / "out", "org/a", [True, False])
    written(path, lighteval("org/a", 1.0))
    _, cells = taken(host, path)
    cell = cells["org/a", "sums"]
    assert (cell.score.value, cell.items) == (1.0, ()) if cell.score else False
    assert "is not the mean of its items" in cell.provenance.imported["items"]


def test_lm_eval_before_0_4_is_read(host: Host, tmp_path: Path) -> None:
    table = {
        "results": {
            "arc_challenge": {"acc": 0.25, "acc_stderr": 0.01, "acc_norm": 0.3},
            "wikitext": {"word_perplexity": 21.5},
            "broken": {"acc": "n/a"},
        },
        "versions": {"arc_challenge": 0, "wikitext": 1, "broken": 0},
        "config": {
            "model": "hf-causal",
            "model_args": "pretrained=EleutherAI/pythia-160m,revision=step100,use_auth_token=abc",
            "num_fewshot": 25,
            "batch_size": "8",
            "device": "cuda:0",
            "no_cache": True,
            "limit": None,
            "bootstrap_iters": 100000,
            "description_dict": {},
        },
    }
    done, cells = taken(host, written(tmp_path / "pythia.json", table))
    cell = cells["EleutherAI/pythia-160m", "arc_challenge"]
    assert cell.score
    assert (cell.score.value, cell.score.stderr) in {(0.25, 0.01), (0.3, None)}
    assert (cell.spec.benchmark.num_fewshot, cell.spec.benchmark.version) == (25, "0")
    assert cell.provenance.imported["format"] == "lm-eval before 0.4"
    assert "abc" not in str(cell.provenance)
    assert set(done.runs[0].unsaid) == {"revision", "dtype", "seed", "date"}
    (failed,) = done.runs[0].failed
    assert "has no number for broken" in failed.error


ROW = {
    "eval_name": "org_base_bfloat16",
    "Precision": "bfloat16",
    "Type": "🟢 pretrained",
    "T": "🟢",
    "Weight type": "Original",
    "Architecture": "LlamaForCausalLM",
    "Model": '<a target="_blank" href="https://huggingface.co/org/base">org/base</a>',
    "fullname": "org/base",
    "Model sha": "a" * 40,
    "Average ⬆️": 20.5,
    "Hub License": "apache-2.0",
    "Hub ❤️": 3,
    "#Params (B)": 8.03,
    "Available on the hub": True,
    "MoE": False,
    "Flagged": False,
    "Chat Template": False,
    "IFEval Raw": 0.5,
    "IFEval": 50.0,
    "BBH Raw": 0.45,
    "BBH": 25.0,
    "MATH Lvl 5 Raw": 0.1,
    "MATH Lvl 5": 10.0,
    "GPQA Raw": 0.3,
    "GPQA": 6.66,
    "MUSR Raw": 0.4,
    "MUSR": 8.0,
    "MMLU-PRO Raw": 0.35,
    "MMLU-PRO": 27.7,
    "Upload To Hub Date": "2024-07-01",
    "Submission Date": "2024-08-02",
    "Generation": 0,
    "Base Model": "org/base",
}
CHAT = {
    **ROW,
    "fullname": "other/base-DPO",
    "Model sha": "b" * 40,
    "Type": "💬 chat models (RLHF, DPO, IFT, ...)",
    "Base Model": "org/base (Merge)",
    "Chat Template": True,
    "BBH Raw": 0.5,
    "Hub License": "?",
}
NORMALISED_ONLY = {k: v for k, v in CHAT.items() if not k.endswith(" Raw")} | {
    "fullname": "third/alone",
    "Base Model": "Removed",
}
ROWS = [ROW, CHAT, NORMALISED_ONLY]


def as_parquet(path: Path) -> Path:
    columns = list(ROW)
    pq.write_table(pa.Table.from_pylist([{c: r.get(c) for c in columns} for r in ROWS]), path)
    return path


def as_csv(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        writer.writerows(ROWS)
    return path


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "viewer"])
def test_the_open_llm_leaderboards_table_is_read_in_every_form(
    form: str, host: Host, tmp_path: Path
) -> None:
    path = tmp_path / f"contents.{'json' if form == 'viewer' else form}"
    viewer = {"features": [], "rows": [{"row_idx": n, "row": row} for n, row in enumerate(ROWS)]}
    match form:
        case "parquet":
            as_parquet(path)
        case "csv":
            as_csv(path)
        case _:
            written(path, viewer if form == "viewer" else ROWS)
    done, cells = taken(host, path)
    assert len(cells) == 18
    assert {run.family: run.models for run in done.runs} == {
        "org/base": ("org/base", "other/base-DPO"),
        "third/alone": ("third/alone",),
    }
    base, chat = cells["org/base", "leaderboard_bbh"], cells["other/base-DPO", "leaderboard_bbh"]
    assert base.score
    assert (base.score.metric, base.score.value) == ("acc_norm", 0.45)
    assert (base.score.stderr, base.score.n) == (None, 5761)
    models = base.spec.model, chat.spec.model
    assert [each.regime for each in models] == ["pretrained", "RL-tuned"]
    assert [each.base_model for each in models] == [None, "org/base"]
    assert (models[0].parameters, models[0].licence) == (8_030_000_000, "apache-2.0")
    assert models[1].licence == ""
    assert (base.provenance.dtype, models[0].revision) == ("bfloat16", "a" * 40)
    assert base.spec.protocol == "uniform"
    assert chat.spec.protocol == "native"
    alone = cells["third/alone", "leaderboard_gpqa"].score
    assert alone
    assert (alone.metric, alone.value) == ("normalised", pytest.approx(0.0666))


def every_eval(model: str, score: float, **more: Any) -> dict[str, Any]:
    return {
        "schema_version": "0.3.0",
        "evaluation_id": f"demo/{model}/1750000000",
        "evaluation_timestamp": "1750000000",
        "retrieved_timestamp": "1750000001",
        "source_metadata": {
            "source_name": "<script>demo</script>",
            "source_type": "evaluation_run",
            "source_organization_name": "demo",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "model_info": {
            "name": model,
            "id": model,
            "additional_details": {"dtype": "torch.bfloat16", "params_billions": "8.357"},
        },
        "evaluation_results": [
            {
                "evaluation_result_id": "sums",
                "evaluation_name": "sums/strict",
                "source_data": {"dataset_name": "sums", "source_type": "other"},
                "metric_config": {
                    "evaluation_description": "exact_match (filter: strict)",
                    "lower_is_better": False,
                    "score_type": "continuous",
                    "min_score": 0.0,
                    "max_score": 1.0,
                },
                "score_details": {
                    "score": score,
                    "uncertainty": {
                        "standard_error": {"value": 0.5, "method": "bootstrap"},
                        "num_samples": 2,
                    },
                },
                "generation_config": {"additional_details": {"num_fewshot": "5"}},
            },
            {
                "evaluation_name": "percents",
                "source_data": {"dataset_name": "percents", "source_type": "url", "url": []},
                "metric_config": {
                    "metric_id": "accuracy", "metric_unit": "percent", "lower_is_better": False
                },
                "score_details": {"score": 42.5},
            },
        ],
        **more,
    }  # fmt: skip


def samples(right: list[bool]) -> str:
    rows = [
        {
            "schema_version": "0.3.0",
            "evaluation_name": "sums/strict",
            "evaluation_result_id": "sums",
            "sample_id": f"sums_{number}",
            "sample_hash": f"{number}" * 64,
            "interaction_type": "single_turn",
            "input": {"raw": query, "formatted": f"Q: {query}", "reference": [choices[gold]]},
            "output": {"raw": [choices[gold if good else 1 - gold]]},
            "evaluation": {"score": float(good), "is_correct": good},
            "token_usage": {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
        }
        for number, ((query, choices, gold), good) in enumerate(zip(QUESTIONS, right, strict=True))
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_every_eval_ever_is_read_with_its_items(host: Host, tmp_path: Path) -> None:
    own = "f3a1c0de-4b2e-4c1a-9f6d-1b7e5a2c8d40"
    folder = tmp_path / "data" / "demo" / "org" / "model"
    path = written(folder / f"{own}.json", every_eval("org/model-instruct", 0.5))
    (folder / f"{own}_samples.jsonl").write_text(samples([True, False]), "utf-8")
    done, cells = taken(host, tmp_path / "data")
    assert (done.problems, done.notes) == ((), ())
    sums, percents = cells["org/model-instruct", "sums"], cells["org/model-instruct", "percents"]
    measure = sums.spec.benchmark
    assert (measure.metric, measure.filter, measure.num_fewshot) == ("exact_match", "strict", 5)
    assert [(i.score, i.n_tokens, i.response) for i in sums.items] == [(1, 5, " 2"), (0, 5, " 5")]
    assert percents.score
    assert (percents.score.value, percents.items) == (0.425, ())
    model = sums.spec.model
    assert (model.regime, model.parameters) == ("instruction-tuned", 8_357_000_000)
    assert sums.provenance.imported["organisation"] == "demo"
    found = recall_run(host.store, done.runs[0].id)
    tradeoff = tradeoff_of(host, found.family, found.suite, found.results, found.records)
    assert "<script>demo" not in render(tradeoff, "html", items=tradeoff.items)
    # its items named instead of it are the same file
    again, _ = taken(host, folder / f"{own}_samples.jsonl")
    assert again.runs[0].cells == 2
    (folder / f"{own}_samples.jsonl").write_text("{", "utf-8")
    damaged, _ = taken(host, path)
    assert {each.error.partition(":")[0] for each in damaged.runs[0].failed} == {
        f"{own}_samples.jsonl, line 1, is damaged"
    }


def test_one_import_of_many_models_makes_a_family_of_each_lineage_and_lines_in_the_index(
    host: Host, tmp_path: Path
) -> None:
    for number in range(3):
        written(tmp_path / "many" / f"{number}.json", every_eval(f"org/m{number}", 0.5))
    written(tmp_path / "many" / "config.json", {"model_type": "llama"})
    (tmp_path / "many" / "results_broken.json").write_text("{", "utf-8")
    done, cells = taken(host, tmp_path / "many")
    assert [run.family for run in done.runs] == ["org/m0", "org/m1", "org/m2"]
    assert len(cells) == 6
    (note,) = done.notes
    assert "config.json" in note
    (problem,) = done.problems
    assert "results_broken.json is no JSON" in problem
    rows = host.store.indexed()
    assert {row["source"] for row in rows} == {"imported"}
    assert len(rows) == 6
    assert host.store.verify() == []
    assert rebuild_index(host.store) == 6
    assert host.store.indexed() == rows


def test_models_that_name_each_other_as_bases_stand_each_for_itself(
    host: Host, tmp_path: Path
) -> None:
    rows = [
        {**ROW, "fullname": "org/a", "Base Model": "org/b"},
        {**ROW, "fullname": "org/b", "Base Model": "org/a"},
    ]
    done, cells = taken(host, written(tmp_path / "contents.json", rows))
    assert {run.family for run in done.runs} == {"org/b"}
    assert len(cells) == 12


def test_two_precisions_of_one_model_are_two_claims_and_neither_is_lost(
    host: Host, tmp_path: Path
) -> None:
    rows = [ROW, {**ROW, "Precision": "float16", "BBH Raw": 0.44}]
    done, _ = taken(host, written(tmp_path / "contents.json", rows))
    assert done.notes == ()
    found = {row["dtype"]: row["value"] for row in host.store.indexed(benchmark="leaderboard_bbh")}
    assert found == {"bfloat16": 0.45, "float16": 0.44}


@pytest.mark.parametrize("name", ["/home/me/model", "./model", "C:\\models\\x", "", "a\nb"])
def test_a_model_that_is_called_by_a_path_is_not_taken_for_one_of_that_name(
    name: str, host: Host, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"no family names|does not say which model"):
        taken(host, written(tmp_path / "results.json", lighteval(name, 0.5)))
