"""Benchmarks that ask several answers to each item: the mean of them, and whether one is right.

Rows are those of a probe called "draws". avg@k is the mean over items of the mean over k answers;
pass@k is the chance that k answers to an item hold a right one (Chen et al. 2021, "Evaluating Large
Language Models Trained on Code").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np

from zoo.clustered import Floats, Part
from zoo.columns import Cell, Codes
from zoo.composites import known
from zoo.matching import Matched
from zoo.pairing import higher_is_better
from zoo.results import Result
from zoo.stats import composite_difference, composite_mean

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Draws:
    """A cell of n items with m draws each.

    scores: (n, m) in 0..1, 1 the best. right: (n, m) 0 or 1, where a score of .5 or more is right;
    items, clusters: (n,).
    """

    cell: Cell
    scores: Floats
    items: Codes
    clusters: Codes

    @property
    def right(self) -> Floats:
        """(n, m) 0 or 1."""
        return (self.scores >= 0.5).astype(float)

    @property
    def samples(self) -> int:
        """How many answers to each item."""
        return int(self.scores.shape[1])

    @property
    def result(self) -> Result:
        """The cell's result."""
        return self.cell.result

    @property
    def place(self) -> dict[str, str]:
        """What a row says of where it was measured."""
        spec = self.result.spec
        return {
            "model": spec.model.id,
            "protocol": spec.protocol,
            "benchmark": spec.benchmark.name,
        }


def draws(cells: Sequence[Cell], edges: Sequence[Matched]) -> Iterator[Row]:
    """avg@k and pass@k of every cell that drew k answers, with 95 % limits over items, and their
    changes along edges on the items that both ends have.

    cells: scored. Items of one cluster stand or fall together, all answers to an item among them.
    """
    for cell in cells:
        if (table := _several(cell)) is None:
            continue
        k = table.samples
        for name, values in _measures(table, k).items():
            found = composite_mean([Part(values, table.clusters)])
            yield {
                "probe": "draws",
                **table.place,
                "kind": "score",
                "metric": name,
                "k": k,
                "value": found.value,
                "low": known(found.low),
                "high": known(found.high),
                "n": int(values.size),
            }
    for edge in edges:
        for key, (base, other) in edge.cells.items():
            before, after = _several(base), _several(other)
            if before and after and not edge.contrasts[key].mixed:
                yield from _changes(edge.base.id, before, after)


def solved(table: Draws, k: int) -> Floats:
    """(n,) the chance that k tries at each item hold a right one."""
    counts = table.right.sum(axis=1).astype(int).tolist()
    return np.array([seen_in(table.samples, count, k) for count in counts])


def seen_in(draws: int, marked: int, k: int) -> float:
    """The chance that k of so many draws, taken without replacement, hold one of the marked.

    1 - C(n - c, k) / C(n, k), an unbiased estimate of 1 - (1 - p)^k (Chen et al. 2021).

    >>> seen_in(4, 1, 2)
    0.5
    """
    return _seen_in(draws, marked, k)


@lru_cache(maxsize=65_536)
def _seen_in(draws: int, marked: int, k: int) -> float:
    return 1 - comb(draws - marked, k) / comb(draws, k)


def table_of(cell: Cell) -> Draws | None:
    """A cell's draws; None where items have other numbers of them, or scores not in 0..1."""
    samples, scores = cell.result.spec.benchmark.repeats, cell.scores
    if scores.size == 0 or scores.size % samples or scores.min() < 0 or scores.max() > 1:
        return None
    items = cell.items.reshape(-1, samples)
    if (items != items[:, :1]).any():
        return None
    good = scores if higher_is_better(cell.result) else 1 - scores
    clusters = cell.clusters.reshape(-1, samples)
    return Draws(cell, good.reshape(-1, samples), items[:, 0], clusters[:, 0])


def _several(cell: Cell) -> Draws | None:
    return table_of(cell) if cell.result.spec.benchmark.repeats > 1 else None


def _measures(table: Draws, k: int) -> dict[str, Floats]:
    """(n,) values of the items by the measure's name."""
    return {f"avg@{k}": table.scores.mean(axis=1), f"pass@{k}": solved(table, k)}


def _changes(base: str, before: Draws, after: Draws) -> Iterator[Row]:
    _, left, right = np.intersect1d(before.items, after.items, return_indices=True)
    if not left.size:
        return
    k = min(before.samples, after.samples)
    old, new = _measures(before, k), _measures(after, k)
    for name, values in new.items():
        moved = values[right] - old[name][left]
        found = composite_difference([Part(moved, before.clusters[left], 1.0, -1.0, 1.0)])
        yield {
            "probe": "draws",
            **after.place,
            "kind": "change",
            "base": base,
            "metric": name,
            "k": k,
            "delta": found.value,
            "low": known(found.low),
            "high": known(found.high),
            "n": int(left.size),
        }
