"""Scored cells laid side by side: the same items in the same order, and what else differs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zoo.clustered import Floats
from zoo.columns import Cell, Codes
from zoo.models import Prompting
from zoo.results import Result
from zoo.stats import normalise


@dataclass(frozen=True, eq=False)
class Aligned:
    """The n items that all of k scored cells of one benchmark have, in order of their ids.

    scores: (k, n), the mean over the answers that all cells have of an item.
    chance: (n,) score of a guesser. clusters: (n,) numbers of clusters.
    items, answers: how many any of the cells has; shared_answers: how many all have.
    perfect: the best score, 1, or 0 where lower is better.
    """

    scores: Floats
    chance: Floats
    clusters: Codes
    items: int
    answers: int
    shared_answers: int
    perfect: float

    @property
    def n(self) -> int:
        """How many items are shared."""
        return self.chance.size

    @property
    def normalised(self) -> Floats:
        """(k, n) scores with 0 for a guesser and 1 for perfection; higher is better."""
        return normalise(self.scores, self.chance, self.perfect)


def align(*cells: Cell) -> Aligned:
    """Lay cells of one benchmark side by side; each must be scored, and all be read together."""
    first = cells[0]
    tables = [cell.answers for cell in cells]
    shared, union = first.answers, first.answers
    for table in tables[1:]:
        if not np.array_equal(table, first.answers):
            shared = np.intersect1d(shared, table, assume_unique=True)
            union = np.union1d(union, table)
    scores = [cell.scores[np.searchsorted(cell.answers, shared)] for cell in cells]
    starts = _starts(shared // first.samples)
    rows = np.flatnonzero(starts)
    if shared.size > rows.size:
        row_of = np.cumsum(starts) - 1
        counts = np.bincount(row_of)
        scores = [np.bincount(row_of, each) / counts for each in scores]
    place = np.searchsorted(first.answers, shared[rows])
    return Aligned(
        scores=np.array(scores, dtype=float),
        chance=first.chance[place],
        clusters=first.clusters[place],
        items=int(_starts(union // first.samples).sum()),
        answers=union.size,
        shared_answers=shared.size,
        perfect=1.0 if higher_is_better(first.result) else 0.0,
    )


def _starts(ordered: Codes) -> NDArray[np.bool_]:
    """(n,) where a run of equal numbers begins."""
    return np.concatenate([[True], ordered[1:] != ordered[:-1]])[: ordered.size]


def settled(result: Result) -> Result:
    """The result as it is, or failed and saying why where it claims a score that it has not.

    An invalid item never counts silently: a cell that has one is no scored cell.
    """
    if result.status != "scored":
        return result
    invalid = sum(not math.isfinite(item.score) for item in result.items)
    if result.score is None:
        benchmark = result.spec.benchmark
        reason = f"the cell has no score named {benchmark.metric},{benchmark.filter}"
    elif invalid:
        reason = f"{invalid} of {len(result.items)} items have no valid score"
    elif not math.isfinite(result.score.value):
        reason = "the score is not a finite number"
    else:
        return result
    return replace(result, status="failed", error=reason)


def higher_is_better(result: Result) -> bool:
    """Which way the cell's own score points."""
    return result.score is None or result.score.higher_is_better


def setup_differences(base: Cell, other: Cell) -> list[str]:
    """What differs between two cells besides the model: "dtype float32 against bfloat16".

    Under the uniform protocol prompting and prompts must be the same; under the native one each
    stage is asked in its own way.
    """
    ours, theirs = base.result, other.result
    pairs = [
        (name, getattr(ours.provenance, name), getattr(theirs.provenance, name))
        for name in ("loader", "engine", "dtype")
    ]
    pairs.append(("seed", str(ours.spec.seed), str(theirs.spec.seed)))
    found = [
        f"{name} {one or 'unknown'} against {two or 'unknown'}"
        for name, one, two in pairs
        if one != two
    ]
    prompting = [_as_asked(result.spec.prompting) for result in (ours, theirs)]
    if ours.spec.protocol == "uniform" and prompting[0] != prompting[1]:
        found.append("prompting differs under the uniform protocol")
    if ours.spec.protocol == "uniform" and prompts_differ(base, other):
        found.append("prompts differ under the uniform protocol")
    return found


def prompts_differ(base: Cell, other: Cell) -> bool | None:
    """Whether any item that both cells have was asked in other words; None where none is shared."""
    if np.array_equal(base.answers, other.answers):
        return bool((base.prompts != other.prompts).any()) if base.answers.size else None
    shared, ours, theirs = np.intersect1d(base.items, other.items, return_indices=True)
    return bool((base.prompts[ours] != other.prompts[theirs]).any()) if shared.size else None


def item_differences(aligned: Aligned) -> list[str]:
    """Whether the cells have other items or answers than those they share."""
    if aligned.n == 0:
        return ["no items are shared"]
    if aligned.n < aligned.items:
        return [f"only {aligned.n} of {aligned.items} items are shared"]
    if aligned.shared_answers < aligned.answers:
        return [f"only {aligned.shared_answers} of {aligned.answers} answers are shared"]
    return []


def _as_asked(prompting: Prompting) -> Prompting:
    return prompting if prompting.is_chat else replace(prompting, chat_template=None)
