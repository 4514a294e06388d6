"""The tables of a published run: `results`, one row a cell, and `samples`, one row an answer.

Both are parquet with the same columns and types in every file, so that `datasets` reads files of
many publishers as one table.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoo.publishing.names import renamed
from zoo.publishing.recording import Published, error_of, may_show_items
from zoo.questions import Question
from zoo.results import Result

if TYPE_CHECKING:
    import pyarrow as pa

RESULTS = {
    "run": "string", "family": "string", "suite": "string", "model": "string",
    "revision": "string", "regime": "string", "base_model": ["string"], "licence": "string",
    "parameters": "int64", "step": "int64", "training_seed": "int64", "targets": ["string"],
    "benchmark": "string", "metric": "string", "filter": "string", "num_fewshot": "int64",
    "task_version": "string", "protocol": "string", "axis": "string", "capability": "string",
    "chance": "float64", "policy": "string", "data_licence": "string", "purpose": "string",
    "n": "int64", "value": "float64", "stderr": "float64", "higher_is_better": "bool",
    "status": "string", "error": "string", "limit": "int64", "seed": "int64", "dtype": "string",
    "device": "string", "hardware": "string", "batch_size": "string", "loader": "string",
    "engine": "string", "scoring": "string", "weights": "string", "tokenizer": "string",
    "chat_template": "string", "response_key": "string", "score_key": "string",
    "plugins": "string", "versions": "string", "source": "string", "zoo_version": "string",
    "date": "string",
}  # fmt: skip
"""Columns of `results`, in order. A list is a column of lists; plugins and versions are JSON."""

SAMPLES = {
    "run": "string", "model": "string", "revision": "string", "benchmark": "string",
    "metric": "string", "filter": "string", "num_fewshot": "int64", "protocol": "string",
    "policy": "string", "item_id": "string", "sample": "int64", "score": "float64",
    "n_tokens": "int64", "truncated": "bool", "parsed": "bool", "prompt_hash": "string",
    "response": "string", "prompts": ["string"], "options": ["string"], "target": "string",
}  # fmt: skip
"""Columns of `samples`. From `parsed` on they are null where items may not be shown."""


def results_table(run: Published, version: str) -> bytes:
    """The table `results` of a run as parquet."""
    return _parquet((_result_row(run, result, version) for result in run.results), RESULTS)


def samples_table(run: Published, questions: Callable[[Result], Mapping[str, Question]]) -> bytes:
    """The table `samples` of a run as parquet.

    questions: what a cell asked, by prompt hash. Of a benchmark whose items may not be shown there
    are hashes, scores and counts of tokens alone.
    """
    return _parquet(_sample_rows(run, questions), SAMPLES)


def _result_row(run: Published, result: Result, version: str) -> dict[str, Any]:
    spec, found = result.spec, result.provenance
    model, benchmark, score = spec.model, spec.benchmark, result.score
    row: dict[str, Any] = {
        "run": run.record.id,
        "family": run.record.family,
        "suite": run.record.suite.get("name", ""),
        "model": model.id,
        "revision": model.revision,
        "regime": model.regime,
        "base_model": list(model.parents),
        "licence": model.licence,
        "parameters": model.parameters,
        "step": model.step,
        "training_seed": model.seed,
        "targets": None if model.targets is None else list(model.targets),
        "benchmark": benchmark.task,
        "metric": benchmark.metric,
        "filter": benchmark.filter,
        "num_fewshot": benchmark.num_fewshot,
        "task_version": benchmark.version,
        "protocol": spec.protocol,
        "axis": benchmark.axis,
        "capability": benchmark.capability,
        "chance": benchmark.chance,
        "policy": policy_of(result),
        "data_licence": benchmark.licence,
        "purpose": spec.purpose,
        "n": score.n if score else None,
        "value": score.value if score else None,
        "stderr": score.stderr if score else None,
        "higher_is_better": score.higher_is_better if score else None,
        "status": result.status,
        "error": error_of(result),
        "limit": spec.limit,
        "seed": spec.seed,
        "dtype": found.dtype,
        "device": found.device,
        "hardware": found.hardware,
        "batch_size": found.batch_size,
        "loader": found.loader,
        "engine": found.engine,
        "scoring": found.scoring,
        "weights": found.weights,
        "tokenizer": found.tokenizer,
        "chat_template": found.chat_template,
        "response_key": found.response_key,
        "score_key": found.score_key,
        "plugins": json.dumps(dict(found.plugins), sort_keys=True),
        "versions": json.dumps(dict(found.versions), sort_keys=True),
        "source": source_of(result),
        "zoo_version": version,
        "date": found.finished or run.record.started,
    }
    said: dict[str, Any] = renamed(row, run.names)
    return said


def source_of(result: Result) -> str:
    """How a number came about: measured by zoo, or imported from another's file."""
    return "imported" if result.provenance.imported else "measured"


def policy_of(result: Result) -> str:
    """The benchmark's policy; `unknown` where it calls itself open and nobody named a licence."""
    benchmark = result.spec.benchmark
    closed = benchmark.policy == "open" and not may_show_items(benchmark)
    return "unknown" if closed else benchmark.policy


def _sample_rows(
    run: Published, questions: Callable[[Result], Mapping[str, Question]]
) -> Iterator[dict[str, Any]]:
    for result in run.results:
        spec = result.spec
        own = {
            "run": run.record.id,
            "model": spec.model.id,
            "revision": spec.model.revision,
            "benchmark": spec.benchmark.task,
            "metric": spec.benchmark.metric,
            "filter": spec.benchmark.filter,
            "num_fewshot": spec.benchmark.num_fewshot,
            "protocol": spec.protocol,
            "policy": policy_of(result),
        }
        shown = may_show_items(spec.benchmark)
        known = questions(result) if shown else {}
        for item in result.items:
            row: dict[str, Any] = {
                **own,
                "item_id": item.item_id,
                "sample": item.sample,
                "score": item.score,
                "n_tokens": item.n_tokens,
                "truncated": item.truncated,
            }
            if shown:
                asked = known.get(item.prompt_hash, Question(()))
                row |= {
                    "parsed": item.parsed,
                    "prompt_hash": item.prompt_hash,
                    "response": item.response,
                    "prompts": list(asked.prompts),
                    "options": list(asked.options),
                    "target": asked.target,
                }
            yield renamed(row, run.names)


def _parquet(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Any]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _type(kind)) for name, kind in columns.items()])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _type(kind: str | list[str]) -> pa.DataType:
    import pyarrow as pa

    return (
        pa.list_(pa.type_for_alias(kind[0])) if isinstance(kind, list) else pa.type_for_alias(kind)
    )
