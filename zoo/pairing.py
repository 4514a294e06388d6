"""Scored cells laid side by side: the same items in the same order, and what else differs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.clustered import Floats
from zoo.models import Prompting
from zoo.results import Item, Result
from zoo.stats import normalise

Answer = tuple[str, int, int]
"""(item, which of several items with the same document, which of several answers)"""


@dataclass(frozen=True, eq=False)
class Aligned:
    """The n items that all of k scored cells of one benchmark have, in order of their ids.

    scores: (k, n), the mean over the answers that all cells have of an item.
    chance: (n,) score of a guesser. clusters: (n,) labels.
    items, answers: how many any of the cells has; shared_answers: how many all have.
    perfect: the best score, 1, or 0 where lower is better.
    """

    scores: Floats
    chance: Floats
    clusters: NDArray[Any]
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


def align(*results: Result) -> Aligned:
    """Lay cells of one benchmark side by side; each must be scored (see `settled`)."""
    tables = [_answers(result) for result in results]
    shared = sorted(set(tables[0]).intersection(*tables[1:]))
    union = set().union(*tables)
    first: dict[tuple[str, int], Item] = {}
    for answer in shared:
        first.setdefault(answer[:2], tables[0][answer])
    rows = {item: row for row, item in enumerate(first)}
    row_of = np.array([rows[answer[:2]] for answer in shared], dtype=np.intp)
    counts = np.bincount(row_of, minlength=len(rows))
    sums = [
        np.bincount(row_of, [table[answer].score for answer in shared], minlength=len(rows))
        for table in tables
    ]
    clusters = np.empty(len(rows), dtype=object)
    clusters[:] = [item.cluster_id for item in first.values()]
    return Aligned(
        scores=np.array(sums, dtype=float) / counts,
        chance=np.array([item.chance for item in first.values()], dtype=float),
        clusters=clusters,
        items=len({answer[:2] for answer in union}),
        answers=len(union),
        shared_answers=len(shared),
        perfect=1.0 if higher_is_better(results[0]) else 0.0,
    )


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


def setup_differences(base: Result, other: Result) -> list[str]:
    """What differs between two cells besides the model: "dtype float32 against bfloat16".

    Under the uniform protocol prompting and prompts must be the same; under the native one each
    stage is asked in its own way.
    """
    pairs = [
        (name, getattr(base.provenance, name), getattr(other.provenance, name))
        for name in ("loader", "engine", "dtype")
    ]
    pairs.append(("seed", str(base.spec.seed), str(other.spec.seed)))
    found = [
        f"{name} {one or 'unknown'} against {two or 'unknown'}"
        for name, one, two in pairs
        if one != two
    ]
    prompting = [_as_asked(result.spec.prompting) for result in (base, other)]
    if base.spec.protocol == "uniform" and prompting[0] != prompting[1]:
        found.append("prompting differs under the uniform protocol")
    if base.spec.protocol == "uniform" and prompts_differ(base, other):
        found.append("prompts differ under the uniform protocol")
    return found


def prompts_differ(base: Result, other: Result) -> bool | None:
    """Whether any item that both cells have was asked in other words; None where none is shared."""
    ours, theirs = (
        {item.item_id: item.prompt_hash for item in result.items} for result in (base, other)
    )
    shared = ours.keys() & theirs.keys()
    return any(ours[item] != theirs[item] for item in shared) if shared else None


def item_differences(aligned: Aligned) -> list[str]:
    """Whether the cells have other items or answers than those they share."""
    if aligned.n == 0:
        return ["no items are shared"]
    if aligned.n < aligned.items:
        return [f"only {aligned.n} of {aligned.items} items are shared"]
    if aligned.shared_answers < aligned.answers:
        return [f"only {aligned.shared_answers} of {aligned.answers} answers are shared"]
    return []


def _answers(result: Result) -> dict[Answer, Item]:
    """Every answer of a cell by its name; repeated documents are told apart by their order."""
    answers: dict[Answer, Item] = {}
    seen: dict[tuple[str, int], int] = {}
    for item in result.items:
        name = item.item_id, item.sample
        twin = seen[name] = seen.get(name, -1) + 1
        answers[item.item_id, twin, item.sample] = item
    return answers


def _as_asked(prompting: Prompting) -> Prompting:
    return prompting if prompting.is_chat else replace(prompting, chat_template=None)
