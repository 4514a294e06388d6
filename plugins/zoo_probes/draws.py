"""Cells with several drawn answers to each item, and pairs of them along edges. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zoo.columns import read_cells
from zoo.measures.draws import Draws, table_of
from zoo.models import Model
from zoo.pairing import setup_differences
from zoo.probes import Known

PURPOSE = "samples"
"""Of cells whose answers several probes share."""


def draws_of(known: Known) -> list[Draws]:
    """Cells with several draws: those that probes wanted, and the suite's own."""
    own = [each for each in known.scored() if each.spec.benchmark.repeats > 1]
    found = [*known.scored(PURPOSE), *own]
    return [table for cell in read_cells(found) if (table := table_of(cell)) is not None]


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


def doubling(most: int) -> list[int]:
    """1, 2, 4, ... and the most.

    >>> doubling(10)
    [1, 2, 4, 8, 10]
    """
    return sorted({most, *(1 << power for power in range(most.bit_length()))})
