"""Cells and run records, as a run writes them, made without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.fingerprints import digest
from zoo.models import Model, Prompting
from zoo.results import Item, Provenance, RecordedCell, RunRecord, RunSpec, Score
from zoo.store import SCORES, Store
from zoo.structuring import plain

BENCHMARK = Benchmark("arc_easy", "acc", num_fewshot=0, capability="knowledge", chance=0.25)
SUITE = Suite("mine", (BENCHMARK,))
MODEL = Model("org/base", regime="pretrained", family="f")
SETTINGS = {"dtype": "float32", "loader": None, "seed": 1234, "limit": None}


def keep(
    store: Store,
    *,
    model: Model = MODEL,
    protocol: Any = "uniform",
    value: float = 0.5,
    weights: str = "w",
    chance: float = 0.25,
    benchmark: Benchmark = BENCHMARK,
    answers: Sequence[float] = (0.0, 1.0, 0.0, 1.0),
) -> RecordedCell:
    """A scored cell in the store, as a run records it. answers: the score of each item."""
    benchmark = replace(benchmark, chance=chance)
    spec = RunSpec(model, benchmark, protocol, Prompting())
    key = digest([model.id, protocol, value, weights])
    provenance = Provenance(key[::-1], key, weights=weights, loader="torch", dtype="float32")
    items = [
        Item(f"i{n}", f"i{n}", 0, score, None, None, None, 0.25, 0.5, "x", "p")
        for n, score in enumerate(answers)
    ]
    columns = {name: [getattr(i, name) for i in items] for name in Item.__dataclass_fields__}
    summary = {
        "scores": plain((Score("acc", value, 0.1, len(items)),)),
        "provenance": plain(provenance),
    }
    store.put(SCORES, key, columns, summary)
    return RecordedCell(spec, "scored", key[::-1], key)


def record(
    name: str, *cells: RecordedCell, suite: Suite = SUITE, family: str = "f", **settings: Any
) -> RunRecord:
    return RunRecord(name, family, plain(suite), name, {**SETTINGS, **settings}, cells)


def failed(model: Model, reason: str) -> RecordedCell:
    return RecordedCell(RunSpec(model, BENCHMARK, "uniform", Prompting()), "failed", error=reason)
