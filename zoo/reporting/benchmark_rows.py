"""The rows of the benchmark table: one benchmark, or a large group of them as one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from zoo.contrasts import Contrast, StageScore
from zoo.reporting import figures
from zoo.reporting.cells import contrast_cell, mean_cell
from zoo.reporting.draft import Draft
from zoo.reporting.joins import RowKey
from zoo.reporting.tables import Cell
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol

LABEL_WIDTH = 40
RAW = " (raw)"
"""Marks a benchmark that is no share of 1 (perplexity, say): its own unit, and in no mean."""

FOLDED = " tasks)"
"""Ends the label of a group that is shown as one, before any other mark."""

MOST = 8
"""Benchmarks of a group that are shown one by one; those of a larger one stand in CSV and JSON."""


class BenchmarkRow:
    """One benchmark under one protocol, in all stages."""

    def __init__(
        self, draft: Draft, protocol: Protocol, key: RowKey, scores: Sequence[StageScore]
    ) -> None:
        self.draft, self.protocol, self.key = draft, protocol, key
        scored = [score for score in scores if score.status == "scored"]
        self.example = (scored or scores)[0]
        self.capability = self.example.capability
        self.raw = bool(scored) and not any(figures.known(each.normalised) for each in scored)

    @property
    def unit(self) -> tuple[str, str]:
        """What counts as one in its capability: its group, or itself."""
        return self.capability, self.example.group or str(self.key)

    @property
    def label(self) -> str:
        """The benchmark, with as much of metric and filter as tells it from its namesakes."""
        benchmark, metric, filter, _ = self.key
        rows = self.draft.joins.rows
        if len({each[1:3] for each in rows if each[0] == benchmark}) > 1:
            benchmark += f" ({metric}, {filter})"
        return shorten(clean(benchmark) or "(no name)", LABEL_WIDTH) + RAW * self.raw

    @property
    def facts(self) -> tuple[Cell, ...]:
        """Number of items, shots and chance."""
        return (
            Cell(figures.count(self.example.n)),
            Cell(figures.count(self.example.num_fewshot)),
            Cell(figures.UNKNOWN if self.raw else figures.points(self.example.chance)),
        )

    def score(self, model: str) -> StageScore | None:
        """What a stage scored; None where it was not asked."""
        return self.draft.joins.scores.get((model, self.protocol, self.key))

    def contrast(self, pair: tuple[str, str]) -> Contrast | None:
        """The change along an edge; None where there is none."""
        return self.draft.joins.contrast(pair, self.protocol, self.key)

    def score_cell(self, model: str) -> Cell:
        """A stage's score, or why there is none."""
        score = self.score(model)
        if score is None:
            return Cell(figures.UNKNOWN)
        if score.status != "scored":
            return self._unscored(model, score)
        return Cell(figures.points(score.value, raw=self.raw))

    def delta_cell(self, pair: tuple[str, str]) -> Cell:
        """The change; where there is none, why: the child, its parent, or a mixed edge."""
        contrast = self.contrast(pair)
        notes: tuple[int, ...] = ()
        if contrast and contrast.mixed:
            notes = (self.draft.note(f"mixed edge: {contrast.mixed}"),)
        if contrast and figures.known(contrast.delta):
            return contrast_cell(contrast, self.example.n, raw=self.raw, notes=notes)

        base, other = pair
        score = self.score(other)
        if score and score.status != "scored":
            return self._unscored(other, score)
        score = self.score(base)
        if score and score.status != "scored":
            return Cell(figures.UNKNOWN, notes=self.draft.missing(base, score))
        return Cell(figures.UNKNOWN, notes=notes, mixed=bool(notes))

    def _unscored(self, model: str, score: StageScore) -> Cell:
        word = "failed" if score.status == "failed" else "n/a"
        return Cell(word, notes=self.draft.missing(model, score))


class GroupRow(BenchmarkRow):
    """All benchmarks of a group as one: means, weighted as in their capability."""

    def __init__(self, members: Sequence[BenchmarkRow]) -> None:
        self.members, first = members, members[0]
        self.draft, self.protocol = first.draft, first.protocol
        self.key = (first.example.group, *first.key[1:])
        self.example, self.capability = first.example, first.capability
        self.raw = all(member.raw for member in members)

    @property
    def label(self) -> str:
        """The group's name and how many tasks it has."""
        end = f" ({len(self.members)}{FOLDED}" + RAW * self.raw
        return shorten(clean(self.example.group), LABEL_WIDTH - len(end)) + end

    @property
    def facts(self) -> tuple[Cell, ...]:
        """All their items; shots and chance where they have them in common."""
        _, shots, chance = zip(*(member.facts for member in self.members), strict=True)
        return (
            Cell(figures.count(sum(member.example.n for member in self.members))),
            *(each[0] if len({*each}) == 1 else Cell(figures.UNKNOWN) for each in (shots, chance)),
        )

    def score_cell(self, model: str) -> Cell:
        """The mean, with a note on the first member that is not scored; why, where none is."""
        lacking = [each for each in self.members if not _scored(each.score(model))]
        if len(lacking) == len(self.members):
            return lacking[0].score_cell(model)
        notes = lacking[0].score_cell(model).notes if lacking else ()
        return replace(mean_score(self.members, model), notes=notes)

    def delta_cell(self, pair: tuple[str, str]) -> Cell:
        """The mean of the members' changes and, where all are known, its limits and the flips."""
        contrasts = [each for member in self.members if (each := member.contrast(pair))]
        if not contrasts:
            return self.members[0].delta_cell(pair)
        cell = mean_change(self.members, pair)
        if len(contrasts) < len(self.members) or any(each.mixed for each in contrasts):
            return cell
        low, high = pooled_limits(contrasts, _weights(self.members))
        gained, lost = ([getattr(e, name) for e in contrasts] for name in ("gained", "lost"))
        whole = None not in (*gained, *lost)
        return replace(
            cell,
            interval=figures.limits(low, high),
            flips=(sum(gained), sum(lost)) if whole else None,
        )


def pooled_limits(
    contrasts: Sequence[Contrast], weights: Sequence[float]
) -> tuple[float | None, float | None]:
    """95 % limits of the weighted mean of several changes, from their own, or unknown ones.

    The tasks of a group are taken as independent: the middles of their intervals are averaged, and
    half widths add up as standard errors do.
    """
    known = [
        (each.low, each.high, weight)
        for each, weight in zip(contrasts, weights, strict=True)
        if figures.known(each.low) and figures.known(each.high)
    ]
    if len(known) < len(contrasts):
        return None, None
    middle = sum((low + high) / 2 * weight for low, high, weight in known)
    half = math.hypot(*((high - low) / 2 * weight for low, high, weight in known))
    return middle - half, middle + half


def folded(rows: Sequence[BenchmarkRow]) -> Iterator[BenchmarkRow]:
    """The rows, each large group as one row in the place of its first."""
    units: dict[tuple[str, str], list[BenchmarkRow]] = defaultdict(list)
    for row in rows:
        units[row.unit].append(row)
    for row in rows:
        members = units[row.unit]
        if len(members) <= MOST:
            yield row
        elif row is members[0]:
            yield GroupRow(members)


def mean_score(rows: Sequence[BenchmarkRow], model: str) -> Cell:
    """The mean of a stage's scores, a group counting as one."""
    scores = [row.score(model) for row in rows]
    return _mean(rows, [score.value if score else None for score in scores], signed=False)


def mean_change(rows: Sequence[BenchmarkRow], pair: tuple[str, str]) -> Cell:
    """The mean of the changes along an edge, without those that mix more than models."""
    contrasts = [row.contrast(pair) for row in rows]
    deltas = [None if each is None or each.mixed else each.delta for each in contrasts]
    return _mean(rows, deltas, signed=True)


def _mean(rows: Sequence[BenchmarkRow], values: Sequence[float | None], *, signed: bool) -> Cell:
    weights = _weights(rows)
    found = [(v, w) for v, w in zip(values, weights, strict=True) if figures.known(v)]
    return mean_cell([v for v, _ in found], [w for _, w in found], len(rows), signed=signed)


def _weights(rows: Sequence[BenchmarkRow]) -> list[float]:
    """1 for a benchmark alone; a group's parts of its 1, as they count in its capability."""
    whole: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        whole[row.unit] += row.example.share
    return [row.example.share / (whole[row.unit] or 1) for row in rows]


def _scored(score: StageScore | None) -> bool:
    return score is not None and score.status == "scored"
