"""Which cells of a model are asked in one call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.evaluation.preparing import Cell

POOL = 65_536
"""Most requests asked in one call: what they hold in memory is their tokens, some bytes each."""


def pools(cells: Sequence[Cell], most: int) -> Iterator[list[Cell]]:
    """The cells in order, together as long as they and their seeds allow: at most so many requests,
    or a single cell."""
    pool: list[Cell] = []
    for cell in cells:
        size = sum(each.size for each in pool) + cell.size
        if pool and (size > most or cell.spec.seed != pool[0].spec.seed):
            yield pool
            pool = []
        pool.append(cell)
    if pool:
        yield pool
