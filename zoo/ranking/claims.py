"""Cells of the index to claims: what is said of one model under one protocol, asked in one way.

Of cells of one entry (same weights, source, seed, limit, loader and dtype) the newest counts. Cells
of other entries are claims of their own: they stand beside one another and are never averaged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.composites import BenchmarkKey
from zoo.errors import ConfigError, UnknownNameError
from zoo.fingerprints import digest_of_cells
from zoo.ranking.nouns import CellScore
from zoo.stats import Summary
from zoo.store import Store, index
from zoo.structuring import read


@dataclass(frozen=True)
class Claim:
    """facts: what the index says of its entry. cells: by benchmark. digest: of the score keys, as
    the standing of the stage has it."""

    facts: Mapping[str, Any]
    cells: Mapping[BenchmarkKey, CellScore]
    digest: str

    @property
    def is_own(self) -> bool:
        """Whether it was measured here."""
        return not self.facts["source"]

    @property
    def place(self) -> tuple[str, str, str]:
        """Under which the standings of this claim lie."""
        return self.facts["source"], self.digest, self.facts["protocol"]


@dataclass(frozen=True)
class Material:
    """All that a leaderboard of a suite is made of.

    fit: the benchmarks that may enter a composite. stages: bodies of standings by source, digest
    and protocol; edges: by those of the child. What a source says is of its own claims alone.
    """

    suite: Suite
    fit: frozenset[BenchmarkKey]
    claims: tuple[Claim, ...]
    stages: Mapping[tuple[str, str, str], Mapping[str, Any]]
    edges: Mapping[tuple[str, str, str], Sequence[Mapping[str, Any]]]

    @cached_property
    def keys(self) -> tuple[BenchmarkKey, ...]:
        """Of the suite's benchmarks, in its order."""
        return tuple(benchmark.key for benchmark in self.suite.benchmarks)


def choose_suite(store: Store, name: str | None = None) -> str:
    """The suite of that name, or the one that most models were asked; the newest of equals.

    Raises UnknownNameError where none was run, and ConfigError where no cell of it is scored.
    """
    models: dict[str, set[str]] = {}
    for head in store.heads():
        models.setdefault(head.suite, set()).update(head.models)
    if not models:
        raise ConfigError("the store holds no run yet; `zoo run` makes one")
    if name is not None and name not in models:
        raise UnknownNameError("run of the suite", name, models, "`zoo run` makes one")
    scored = store.from_index(index.read_measures)
    known = {
        suite
        for _, suite, benchmarks in store.from_index(index.read_suites)
        if scored & {each.key for each in read(tuple[Benchmark, ...], json.loads(benchmarks), "")}
    }
    fit = [each for each in models if each in known and name in (None, each)]
    if not fit:
        raise ConfigError(
            f"no model has a score on {name or 'any suite'} yet; `zoo report` says why cells failed"
        )
    return max(fit, key=lambda each: len(models[each]))


def read_material(store: Store, name: str) -> Material:
    """What the index knows of a suite; it is read, and no item. Raises StoreError.

    Where several suites went by this name, it is the newest of one's own, else of all.
    """
    known = [each for each in store.from_index(index.read_suites) if each[1] == name]
    if not known:
        raise UnknownNameError("suite in the index", name, (), "`zoo store rebuild` makes it again")
    own, _, benchmarks = known[-1]
    suite = read(Suite, {"name": name, "benchmarks": json.loads(benchmarks)}, "index")
    keys = [benchmark.key for benchmark in suite.benchmarks]
    cells = store.from_index(lambda path: index.read_cells(path, keys))
    claims = tuple(_claims(suite, store.from_index(index.read_entries), cells))
    stages = store.from_index(lambda path: index.read_standings(path, "stages", own))
    edges: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for edge in store.from_index(lambda path: index.read_standings(path, "edges", own)):
        child = edge["source"], edge["other_cells"], edge["protocol"]
        edges.setdefault(child, []).append(edge["body"])
    return Material(
        suite=suite,
        fit=_fit(keys, claims),
        claims=claims,
        stages={(e["source"], e["cells"], e["protocol"]): e["body"] for e in stages},
        edges=edges,
    )


def _fit(keys: Sequence[BenchmarkKey], claims: Iterable[Claim]) -> frozenset[BenchmarkKey]:
    """The benchmarks of which any claim has a value on a scale from a guesser to perfection.

    Where one has claims of one's own these decide, so that nobody else's changes one's means.
    """
    asked_here, fit_here = set[BenchmarkKey](), set[BenchmarkKey]()
    asked, fit = set[BenchmarkKey](), set[BenchmarkKey]()
    for claim in claims:
        scaled = {key for key, cell in claim.cells.items() if not cell.is_unfit}
        (asked_here if claim.is_own else asked).update(claim.cells)
        (fit_here if claim.is_own else fit).update(scaled)
    unfit = {key for key in keys if key in asked and key not in fit}
    return frozenset(keys) - (unfit - asked_here) - (asked_here - fit_here)


def _claims(
    suite: Suite, entries: Iterable[dict[str, Any]], cells: Iterable[Iterable[tuple[Any, ...]]]
) -> Iterable[Claim]:
    found: dict[str, dict[BenchmarkKey, CellScore]] = {}
    for benchmark, rows in zip(suite.benchmarks, cells, strict=True):
        newest: dict[str, tuple[Any, ...]] = {}
        for row in rows:
            if row[0] not in newest or newest[row[0]][1] <= row[1]:
                newest[row[0]] = row
        key, chance = benchmark.key, benchmark.chance
        for entry, _, *rest in newest.values():
            found.setdefault(entry, {})[key] = _score(chance, *rest)
    for facts in entries:
        if scores := found.get(facts["entry"]):
            facts["parents"] = tuple(json.loads(facts["parents"]))
            facts["versions"] = json.loads(facts["versions"])
            yield Claim(facts, scores, digest_of_cells(s.score_key for s in scores.values()))


def _score(
    asked_chance: float | None,
    score_key: str,
    value: float,
    stderr: float | None,
    n: int,
    higher_is_better: int,
    chance: float | None,
    normalised: float | None,
    error: float | None,
) -> CellScore:
    """A cell; without a standing of its items, normalised by the chance that the suite declares.

    (score - chance) / (perfect - chance), as `zoo.composites` has it item by item.
    """
    if normalised is not None:
        return CellScore(value, stderr, n, normalised, error, score_key, False)
    span = (1.0 if higher_is_better else 0.0) - (asked_chance or 0.0)
    if chance is not None or not 0 <= value <= 1 or (asked_chance is not None and not span):
        return CellScore(value, stderr, n, None, None, score_key, True)
    if asked_chance is None:
        return CellScore(value, stderr, n, None, None, score_key, False)
    error = math.sqrt(Summary(value, stderr, n).variance) / abs(span)
    return CellScore(value, stderr, n, (value - asked_chance) / span, error, score_key, False)
