"""Cells of the index to claims: what is said of one model under one protocol, asked in one way.

Of cells of one entry (same weights, source, seed, limit, loader and dtype) the newest counts. Cells
of other entries are claims of their own: they stand beside one another and are never averaged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.benchmarks import Suite
from zoo.composites import BenchmarkKey
from zoo.errors import UnknownNameError
from zoo.fingerprints import digest
from zoo.ranking.nouns import CellScore
from zoo.stats import Summary
from zoo.store import Store, index
from zoo.structuring import read

CELL = (
    "entry benchmark metric filter num_fewshot score_key value stderr n higher_is_better chance "
    "normalised normalised_stderr"
).split()
FACTS = (
    "entry family model revision regime parents protocol parameters licence step training_seed "
    "source dtype loader engine limit_n seed weights versions finished"
).split()


@dataclass(frozen=True)
class Measured:
    """A cell as the index has it. error: of its normalised score. unfit: on no scale from a guesser
    to perfection, so that it may enter no composite."""

    score_key: str
    score: CellScore
    error: float | None
    unfit: bool


@dataclass(frozen=True)
class Claim:
    """facts: the columns FACTS of its newest cell. cells: by benchmark. digest: of the score keys,
    as the standing of the stage has it."""

    facts: Mapping[str, Any]
    cells: Mapping[BenchmarkKey, Measured]
    digest: str


@dataclass(frozen=True)
class Material:
    """All that a leaderboard of a suite is made of.

    stages: bodies of standings by digest and protocol; edges: by those of the child.
    fit: the benchmarks that may enter a composite.
    """

    suite: Suite
    fit: frozenset[BenchmarkKey]
    claims: tuple[Claim, ...]
    stages: Mapping[tuple[str, str], Mapping[str, Any]]
    edges: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]


def choose_suite(store: Store, name: str | None = None) -> str:
    """The suite of that name, or the one that most models were asked; the newest of equals.

    Raises UnknownNameError where none was run.
    """
    models: dict[str, set[str]] = {}
    for head in store.heads():
        models.setdefault(head.suite, set()).update(head.models)
    if name is None and models:
        return max(models, key=lambda each: len(models[each]))
    if name not in models:
        raise UnknownNameError("run of the suite", name or "any", models, "`zoo run` makes one")
    return name


def read_material(store: Store, name: str) -> Material:
    """What the index knows of a suite; it is read, and no item. Raises StoreError."""
    found = [each for each in store.from_index(index.read_suites) if each[1] == name]
    digests = [digest for digest, _, _ in found]
    suite = read(Suite, {"name": name, "benchmarks": json.loads(found[-1][2])}, "index")
    tasks = list(dict.fromkeys(benchmark.task for benchmark in suite.benchmarks))
    claims = _claims(
        suite,
        store.from_index(lambda path: index.read_entries(path, FACTS, tasks)),
        store.from_index(lambda path: index.read_cells(path, CELL, tasks)),
    )
    stages = store.from_index(lambda path: index.read_standings(path, "stages", digests[-1]))
    edges: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for edge in store.from_index(lambda path: index.read_standings(path, "edges", digests[-1])):
        edges.setdefault((edge["other_cells"], edge["protocol"]), []).append(edge["body"])
    return Material(
        suite=suite,
        fit=_fit(suite, claims),
        claims=claims,
        stages={(each["cells"], each["protocol"]): each["body"] for each in stages},
        edges=edges,
    )


def _claims(
    suite: Suite, entries: Sequence[tuple[Any, ...]], cells: Sequence[tuple[Any, ...]]
) -> tuple[Claim, ...]:
    asked = {benchmark.key: benchmark.chance for benchmark in suite.benchmarks}
    measured: dict[str, dict[BenchmarkKey, Measured]] = {}
    for entry, task, metric, filter, shots, *rest in cells:
        key = (task, metric, filter, shots)
        if key in asked:
            measured.setdefault(entry, {})[key] = _measured(asked[key], *rest)
    claims = []
    for row in entries:
        facts = dict(zip(FACTS, row, strict=True))
        if own := measured.get(facts["entry"]):
            facts["parents"] = tuple(json.loads(facts["parents"]))
            facts["versions"] = json.loads(facts["versions"])
            of = digest(sorted(each.score_key for each in own.values()))
            claims.append(Claim(facts, own, of))
    return tuple(claims)


def _measured(
    asked_chance: float | None,
    score_key: str,
    value: float,
    stderr: float | None,
    n: int,
    higher_is_better: int,
    chance: float | None,
    normalised: float | None,
    error: float | None,
) -> Measured:
    """A cell; without a standing of its items, normalised by the chance that the suite declares.

    (score - chance) / (perfect - chance), as `zoo.composites` has it item by item.
    """
    unfit = not 0 <= value <= 1 or (chance is not None and normalised is None)
    if normalised is None and asked_chance is not None and not unfit:
        span = (1.0 if higher_is_better else 0.0) - asked_chance
        if unfit := span == 0:
            return Measured(score_key, CellScore(value, stderr, n, None), None, unfit)
        normalised = (value - asked_chance) / span
        error = math.sqrt(Summary(value, stderr, n).variance) / abs(span)
    return Measured(score_key, CellScore(value, stderr, n, normalised), error, unfit)


def _fit(suite: Suite, claims: Sequence[Claim]) -> frozenset[BenchmarkKey]:
    unfit = {key for claim in claims for key, cell in claim.cells.items() if cell.unfit}
    return frozenset(benchmark.key for benchmark in suite.benchmarks if benchmark.key not in unfit)
