"""Diversity: how many different answers k tries give.

Answers are the same where the benchmark's own filter leaves the same of them, spaces and case
aside. distinct-k is that of NoveltyBench (Zhang et al. 2025), estimated from all n draws by
rarefaction (Hurlbert 1971): the sum over classes of 1 - C(n - m, k) / C(n, k), m draws being in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.clustered import Floats, Part
from zoo.composites import known as finite
from zoo.contrasts import Tradeoff
from zoo.measures.draws import Draws, seen_in
from zoo.probes import Known
from zoo.results import Result
from zoo.stats import composite_difference, composite_mean
from zoo_probes.draws import draws_of, pairs

Row = Mapping[str, Any]
TRIES = 10
"""k of distinct-k, where so many were drawn."""


def rows(known: Known, tradeoff: Tradeoff) -> Iterator[Row]:  # noqa: ARG001
    """The mean number of different answers in k tries, and its change along edges."""
    tables = [table for table in draws_of(known) if _is_told(table.result)]
    for table in tables:
        n, samples = table.right.shape
        k = min(TRIES, samples)
        found = composite_mean([Part(_by_item(table, k), table.clusters, 1.0, 1.0, float(k))])
        yield {
            **table.place,
            "kind": "summary",
            "k": k,
            "distinct": found.value,
            "low": finite(found.low),
            "high": finite(found.high),
            "n": n,
            "samples": samples,
        }
    for base, before, after in pairs(known, tables):
        k = min(TRIES, before.right.shape[1], after.right.shape[1])
        change = _by_item(after, k) - _by_item(before, k)
        shift = composite_difference([Part(change, before.clusters, 1.0, 1.0 - k, k - 1.0)])
        yield {
            **after.place,
            "kind": "change",
            "base": base.id,
            "k": k,
            "distinct": shift.value,
            "low": finite(shift.low),
            "high": finite(shift.high),
            "n": int(change.size),
        }


def distinct(answers: Sequence[str], k: int) -> float:
    """How many different answers k of these hold on average.

    >>> distinct(["4", "4 ", "5"], 2)
    1.6666666666666665
    """
    classes = Counter(" ".join(answer.casefold().split()) for answer in answers)
    return sum(seen_in(len(answers), count, k) for count in classes.values())


def _by_item(table: Draws, k: int) -> Floats:
    """(n,) in the order of the table's items."""
    answers: dict[str, list[str]] = defaultdict(list)
    for item in table.result.items:
        answers[item.item_id].append(item.answer)
    # items are numbered in the order of their names
    return np.array([distinct(answers[name], k) for name in sorted(answers)])


def _is_told(result: Result) -> bool:
    """Whether the store has what the filter left; an earlier version kept the responses alone."""
    return any(item.answer for item in result.items)
