"""Imported results as cells of the store, under keys of their own.

Who answered is not known by bytes, so an imported cell has no response key and never stands in for
one that was measured here. Its score key is made of its files and of how they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.errors import CellError
from zoo.evaluation.outcomes import result_of
from zoo.fingerprints import digest
from zoo.importing.nouns import Logged, Results, TaskResults, UnpairableError
from zoo.questions import keep_questions
from zoo.results import Item, Provenance, Result, RunSpec, Score
from zoo.stats import mean_stderr
from zoo.store import SCORES, Store
from zoo.structuring import plain

LOADER = "imported"
"""What stands for the loader of an imported cell: a contrast with a cell that was measured here
has two loaders, and is marked as mixed."""

READING = 1
"""Version of how files become cells: raise it with every change of a number."""

ONLY_AGGREGATES = "no items, only its aggregate"


@dataclass(frozen=True)
class ImportedCell:
    """A result, and under which key its questions are kept ("" where it has none)."""

    result: Result
    questions: str = ""


def keep_cell(store: Store, spec: RunSpec, results: Results, task: TaskResults) -> ImportedCell:
    """Puts one task's results into the store; a damaged one is a failed result that says why.

    Raises StoreError where it cannot be written.
    """
    benchmark = spec.benchmark
    measure = benchmark.metric, benchmark.filter
    identity = [
        READING, results.sha256, task.sha256, task.name, *measure, benchmark.cluster
    ]  # fmt: skip
    key = digest({"imported": identity})
    why = ONLY_AGGREGATES
    logged: Logged | None = None
    try:
        if task.broken:
            raise CellError(task.broken)
        if task.items is not None:
            logged = task.items(measure, benchmark.cluster)
    except UnpairableError as problem:
        why = f"{ONLY_AGGREGATES}, since {problem}"
    except CellError as problem:
        return ImportedCell(Result(spec, "failed", error=str(problem)))
    provenance = _provenance(results, task, key, "" if logged else why)
    items = logged.items if logged else ()
    score = _score(task, benchmark, items)
    columns = {name: [getattr(each, name) for each in items] for name in Item.__dataclass_fields__}
    summary = {"scores": plain((score,)), "provenance": plain(provenance)}
    questions = ""
    if logged:
        questions = digest({"imported": [READING, task.sha256, *measure]})
        keep_questions(store, [(questions, logged.questions.items())])
    return ImportedCell(result_of(spec, store.put(SCORES, key, columns, summary)), questions)


def _score(task: TaskResults, benchmark: Benchmark, items: tuple[Item, ...]) -> Score:
    """The file's own number; its error over the items where there are any, else the file's."""
    own = task.aggregates[benchmark.metric, benchmark.filter]
    stderr = own.stderr
    if items:
        _, found = mean_stderr(
            np.array([item.score for item in items]), [item.cluster_id for item in items]
        )
        stderr = float(found) if np.isfinite(found) else None
    n = len(items) or task.n or 0
    return Score(
        benchmark.metric, own.value, stderr, n, own.higher_is_better, filter=benchmark.filter
    )


def _provenance(results: Results, task: TaskResults, key: str, without: str) -> Provenance:
    facts: Mapping[str, Any] = {
        **results.facts,
        "file": results.path.name,
        "file_sha256": results.sha256,
        "task_version": task.version,
        "n_shot": "" if task.num_fewshot is None else str(task.num_fewshot),
        "samples_sha256": task.sha256,
        "items": without,
    }
    return Provenance(
        score_key=key,
        chat_template=results.facts.get("chat_template_sha", ""),
        loader=LOADER,
        engine=results.engine,
        dtype=results.dtype,
        device=results.device,
        batch_size=results.batch_size,
        finished=results.date,
        versions=dict(results.versions),
        imported={name: text for name, text in facts.items() if text},
    )


def described(benchmark: Benchmark, task: TaskResults) -> Benchmark:
    """A benchmark as a file asked it: its shots and version, and a measure that the file has."""
    measure = benchmark.metric, benchmark.filter
    if measure not in task.aggregates and task.aggregates:
        metric, filter = next(iter(task.aggregates))
        benchmark = replace(benchmark, metric=metric, filter=filter, chance=None)
    return replace(benchmark, num_fewshot=task.num_fewshot, version=task.version, repeats=1)
