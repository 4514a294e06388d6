"""Cells with several drawn answers to each item, as tables; k draws out of n. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np

from zoo.clustered import Floats
from zoo.columns import Cell, Codes, read_cells
from zoo.models import Model
from zoo.pairing import higher_is_better, setup_differences
from zoo.probes import Known
from zoo.results import Result

PURPOSE = "samples"
"""Of cells whose answers several probes share."""


@dataclass(frozen=True, eq=False)
class Draws:
    """A cell of n items with m draws each. right: (n, m) 0 or 1, where a score of .5 or more is
    right; items, clusters: (n,)."""

    cell: Cell
    right: Floats
    items: Codes
    clusters: Codes

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


def draws_of(known: Known) -> list[Draws]:
    """Cells with several draws: those that probes wanted, and the suite's own."""
    own = [each for each in known.scored() if each.spec.benchmark.repeats > 1]
    found = [*known.scored(PURPOSE), *own]
    return [table for cell in read_cells(found) if (table := _table(cell)) is not None]


def pairs(known: Known, tables: Sequence[Draws]) -> Iterator[tuple[Model, Draws, Draws]]:
    """(parent, the parent's draws, its child's) on the same items, where nothing else differs."""
    specs = [table.result.spec for table in tables]
    by_place = {
        (spec.model.id, spec.protocol, spec.benchmark.key): table
        for spec, table in zip(specs, tables, strict=True)
    }
    for base, other in known.edges:
        for spec, table in zip(specs, tables, strict=True):
            before = by_place.get((base.id, spec.protocol, spec.benchmark.key))
            if spec.model.id != other.id or before is None:
                continue
            alike = np.array_equal(before.items, table.items)
            if alike and not setup_differences(before.cell, table.cell):
                yield base, before, table


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


def doubling(most: int) -> list[int]:
    """1, 2, 4, ... and the most.

    >>> doubling(10)
    [1, 2, 4, 8, 10]
    """
    return sorted({most, *(1 << power for power in range(most.bit_length()))})


def _table(cell: Cell) -> Draws | None:
    """None where items have other numbers of draws, or scores that are not in 0..1."""
    draws = cell.result.spec.benchmark.repeats
    scores = cell.scores
    if scores.size == 0 or scores.size % draws or scores.min() < 0 or scores.max() > 1:
        return None
    items = cell.items.reshape(-1, draws)
    if (items != items[:, :1]).any():
        return None
    good = scores if higher_is_better(cell.result) else 1 - scores
    right = (good >= 0.5).astype(float).reshape(-1, draws)
    return Draws(cell, right, items[:, 0], cell.clusters.reshape(-1, draws)[:, 0])
