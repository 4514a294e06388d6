"""Scored cells as arrays: every item of every stage read once, under numbers that all share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from zoo.clustered import Floats
from zoo.results import Item, Result

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cell:
    """A result and its (a,) answers in order of item, twin and sample.

    An item is a document; twins are items with the same document, told apart by their order.
    answers: a number for (item, twin, sample), the same in every cell of the benchmark.
    samples: how many numbers an item takes up, so that answers // samples is the item.
    clusters: numbers of clusters, the same in every cell of the family. prompts: of prompts.
    confidence, parsed, tokens, truncated: nan where not known. thinking: the share of each answer's
    characters that it thought in, nan where no end of thinking is declared.
    """

    result: Result
    answers: Codes
    samples: int
    scores: Floats
    chance: Floats
    clusters: Codes
    prompts: Codes
    confidence: Floats
    parsed: Floats
    tokens: Floats
    truncated: Floats
    thinking: Floats

    @property
    def items(self) -> Codes:
        """(a,) number of each answer's item."""
        return self.answers // self.samples

    @property
    def status(self) -> str:
        """The result's status."""
        return self.result.status


def read_cells(results: Sequence[Result]) -> list[Cell]:
    """Results as cells, in the order given; those of one benchmark share their numbers."""
    groups: dict[Hashable, list[int]] = {}
    for place, result in enumerate(results):
        groups.setdefault(result.spec.benchmark.key, []).append(place)
    labels = {item.cluster_id for result in results for item in result.items}
    clusters = {label: code for code, label in enumerate(sorted(labels))}
    cells: dict[int, Cell] = {}
    for places in groups.values():
        group = [results[place] for place in places]
        cells |= zip(places, _read_group(group, clusters), strict=True)
    return [cells[place] for place in range(len(results))]


def _read_group(group: Sequence[Result], clusters: dict[str, int]) -> list[Cell]:
    documents = sorted({item.item_id for result in group for item in result.items})
    number = {name: code for code, name in enumerate(documents)}
    samples = 1 + max((item.sample for result in group for item in result.items), default=0)
    prompts: dict[str, int] = {}
    keys = [
        np.array([number[item.item_id] * samples + item.sample for item in r.items], dtype=np.int64)
        for r in group
    ]
    twins = [_twins(each) for each in keys]
    most = 1 + max((int(each.max()) for each in twins if each.size), default=0)
    cells = []
    for result, key, twin in zip(group, keys, twins, strict=True):
        answers = (key // samples * most + twin) * samples + key % samples
        order = np.argsort(answers, kind="stable")
        items = result.items
        cells.append(
            Cell(
                result=result,
                answers=answers[order],
                samples=samples,
                scores=_floats(items, "score")[order],
                chance=_floats(items, "chance")[order],
                clusters=np.array([clusters[i.cluster_id] for i in items], dtype=np.int64)[order],
                prompts=np.array(
                    [prompts.setdefault(i.prompt_hash, len(prompts)) for i in items], dtype=np.int64
                )[order],
                confidence=_floats(items, "confidence")[order],
                parsed=_floats(items, "parsed")[order],
                tokens=_floats(items, "n_tokens")[order],
                truncated=_floats(items, "truncated")[order],
                thinking=_thinking(result)[order],
            )
        )
    return cells


def _twins(keys: Codes) -> Codes:
    """How many equal keys stand before each."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: keys.size])
    ranks = np.arange(keys.size) - np.repeat(starts, np.diff(np.r_[starts, keys.size]))
    twins = np.empty(keys.size, dtype=np.int64)
    twins[order] = ranks
    return twins


def _thinking(result: Result) -> Floats:
    """An answer that was cut before its thinking ended is nothing else; another one without the
    end of thinking has none."""
    end = result.spec.prompting.think_end_token
    if not end:
        return np.full(len(result.items), np.nan)
    shares = []
    for item in result.items:
        found = item.response.rfind(end)
        if found < 0:
            shares.append(1.0 if item.truncated else 0.0)
        else:
            shares.append((found + len(end)) / len(item.response))
    return np.array(shares, dtype=float)


def _floats(items: Sequence[Item], name: str) -> Floats:
    return np.array(list(map(attrgetter(name), items)), dtype=float)
