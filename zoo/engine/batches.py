"""Which prompts are decoded together, so that what they share is long (no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[int, int]
"""(item, sample)."""

WORTH = 32
"""Tokens that prompts must share before it pays to keep them apart from the rest."""


@dataclass(frozen=True)
class Batch:
    """Rows decoded together; their prompts begin with the same `shared` tokens."""

    rows: tuple[Row, ...]
    shared: int

    def halves(self, prompts: Sequence[Sequence[int]]) -> list[Batch]:
        """Two batches of half the rows."""
        middle = len(self.rows) // 2
        parts = self.rows[:middle], self.rows[middle:]
        return [_batch(list(part), prompts) for part in parts if part]


def plan_batches(prompts: Sequence[Sequence[int]], repeats: int, batch_rows: int) -> list[Batch]:
    """Batches of at most `batch_rows` rows, in sorted order of the prompts.

    A batch ends early where the next prompt shares less than half of what its rows share: another
    task, or another draw of examples, begins there.
    """
    order = sorted(range(len(prompts)), key=lambda item: list(prompts[item]))
    batches: list[Batch] = []
    rows: list[Row] = []
    shared = 0
    for item in order:
        prompt = prompts[item]
        now = _common(prompts[rows[0][0]], prompt, shared) if rows else len(prompt)
        if rows and shared >= WORTH and now < shared / 2 and len(rows) > 1:
            batches.append(_batch(rows, prompts))
            rows, now = [], len(prompt)
        for sample in range(repeats):
            if len(rows) == batch_rows:
                batches.append(_batch(rows, prompts))
                rows, now = [], len(prompt)
            rows.append((item, sample))
        shared = now
    if rows:
        batches.append(_batch(rows, prompts))
    return batches


def _batch(rows: list[Row], prompts: Sequence[Sequence[int]]) -> Batch:
    """Each prompt keeps at least its last token for itself."""
    first, last = prompts[rows[0][0]], prompts[rows[-1][0]]
    shortest = min(len(prompts[item]) for item, _ in rows)
    shared = _common(first, last, shortest - 1)
    return Batch(tuple(rows), shared if shared >= WORTH else 0)


def _common(one: Sequence[int], other: Sequence[int], most: int) -> int:
    """Length of the common prefix, at most `most`."""
    most = min(most, len(one), len(other))
    for place in range(most):
        if one[place] != other[place]:
            return place
    return most
