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
    confidence, parsed, tokens, truncated: nan where not known. thinking: tokens of each answer that
    were thinking; cut: whether the cap came before the thinking ended. Both are nan where no end of
    thinking is declared.
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
    cut: Floats

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
        thinking, cut = _thinking(result)
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
                thinking=thinking[order],
                cut=cut[order],
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


def _thinking(result: Result) -> tuple[Floats, Floats]:
    """Tokens of thinking, and whether they were all: as counted when the answers were scored, else
    estimated by the share of an answer's characters."""
    counted, cut = _floats(result.items, "thinking_tokens"), _floats(result.items, "thinking_cut")
    prompting = result.spec.prompting
    if not (end := prompting.think_end_token) or not np.isnan(counted).any():
        return counted, cut
    ends = [item.response.rfind(end) for item in result.items]
    unended = np.array([at < 0 for at in ends], dtype=bool)
    shares = [
        (at + len(end)) / len(item.response) if at >= 0 else 0.0
        for at, item in zip(ends, result.items, strict=True)
    ]
    guessed_cut = unended & (_floats(result.items, "truncated") == 1) & prompting.thinks
    guessed = np.where(guessed_cut, 1.0, shares) * _floats(result.items, "n_tokens")
    return (
        np.where(np.isnan(counted), guessed, counted),
        np.where(np.isnan(cut), guessed_cut, cut),
    )


def _floats(items: Sequence[Item], name: str) -> Floats:
    return np.array(list(map(attrgetter(name), items)), dtype=float)
