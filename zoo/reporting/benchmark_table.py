"""The table that looks a family in the eye: every benchmark, every stage against its parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from zoo.contrasts import Contrast, Stage, StageScore, Tradeoff
from zoo.reporting import figures
from zoo.reporting.cells import contrast_cell, mean_cell
from zoo.reporting.draft import Draft
from zoo.reporting.joins import RowKey, row_key
from zoo.reporting.lineage import leaves, roots
from zoo.reporting.published import held_against_published
from zoo.reporting.tables import Block, Cell, Column, Row, Table
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol

LABEL_WIDTH = 40
FACTS = (
    Column("n", aside="n {}"),
    Column("shots", aside="{}-shot"),
    Column("chance", aside="chance {}"),
)
RAW = " (raw)"
"""Marks a benchmark that is no share of 1 (perplexity, say): its own unit, and in no mean."""


def benchmark_table(draft: Draft, protocol: Protocol, *, finals: bool = False) -> Table:
    """Scores of the roots, then each later stage's change against its parent, in two blocks, and
    last how long the answers are.

    finals: also the scores of the stages that nothing was made from.
    """
    starts = roots(draft.tradeoff.stages)
    ends = leaves(draft.tradeoff.stages) if finals else []
    held = _Published(draft.tradeoff if finals else None, protocol)
    known = [stage for stage in ends if held.knows(stage.model)]
    columns = (
        *FACTS,
        *(Column(draft.name(stage.model), under="score") for stage in starts),
        *(Column(draft.name(other), under=f"vs {draft.name(base)}") for base, other in draft.pairs),
        *(Column(draft.name(stage.model), under="final") for stage in ends),
        *(Column(draft.name(stage.model), under="published") for stage in known),
    )
    rows = [
        _Row(draft, protocol, key, scores)
        for key in draft.joins.rows
        if (scores := draft.joins.across(protocol, key))
    ]
    trained = [row for row in rows if row.capability in draft.tradeoff.targets]
    others = [row for row in rows if row.capability not in draft.tradeoff.targets]
    blocks = tuple(
        Block(title, _with_mean(members, starts, draft.pairs, ends, known, held))
        for title, members in (
            ("trained for", trained),
            ("everything else" if trained else "", others),
        )
        if members
    )
    shown = [stage.model for stage in starts]
    shown += [other for _, other in draft.pairs] + [stage.model for stage in ends]
    lengths = _lengths(draft, protocol, shown)
    if blocks and lengths:
        padded = (replace(row, cells=(*row.cells, *(Cell("") for _ in known))) for row in lengths)
        blocks += (Block("answers", tuple(padded)),)
    return Table(f"Benchmarks, {protocol}", "Benchmark", columns, blocks)


class _Published:
    """Published scores of a report's stages, under one protocol."""

    def __init__(self, tradeoff: Tradeoff | None, protocol: Protocol) -> None:
        held = held_against_published(tradeoff) if tradeoff else []
        self._held = {
            (each.model, row_key(each.score)): each
            for each in held
            if each.score.protocol == protocol
        }

    def knows(self, model: str) -> bool:
        """Whether anything was published of a model that was measured here."""
        return any(model == each for each, _ in self._held)

    def cell(self, model: str, key: RowKey) -> Cell:
        """What was published, and whether ours is within the tolerance of it."""
        held = self._held.get((model, key))
        if held is None:
            return Cell(figures.UNKNOWN)
        word = "reproduced" if held.reproduced else "not reproduced"
        return Cell(figures.points(held.published), extra=word, mixed=bool(held.differences))


class _Row:
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
    def label(self) -> str:
        """The benchmark, with as much of metric and filter as tells it from its namesakes."""
        benchmark, metric, filter, _ = self.key
        rows = self.draft.joins.rows
        if len({each[1:3] for each in rows if each[0] == benchmark}) > 1:
            benchmark += f" ({metric}, {filter})"
        return shorten(clean(benchmark) or "(no name)", LABEL_WIDTH) + RAW * self.raw

    @property
    def facts(self) -> tuple[Cell, ...]:
        return (
            Cell(figures.count(self.example.n)),
            Cell(figures.count(self.example.num_fewshot)),
            Cell(figures.UNKNOWN if self.raw else figures.points(self.example.chance)),
        )

    def score(self, model: str) -> StageScore | None:
        return self.draft.joins.scores.get((model, self.protocol, self.key))

    def contrast(self, pair: tuple[str, str]) -> Contrast | None:
        return self.draft.joins.contrast(pair, self.protocol, self.key)

    def score_cell(self, model: str) -> Cell:
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


def _lengths(draft: Draft, protocol: Protocol, models: Sequence[str]) -> tuple[Row, ...]:
    """Median tokens and the share that was cut, of each column's stage, over all it generated."""
    found = {
        row["model"]: row
        for row in draft.tradeoff.probes
        if (row["probe"], row["kind"], row["protocol"]) == ("length", "summary", protocol)
        and row["benchmark"] is None
    }
    if not found:
        return ()
    facts = tuple(Cell("") for _ in FACTS)
    rows = [found.get(model, {}) for model in models]
    median = (row.get("median_tokens") for row in rows)
    cut = (row.get("truncated") for row in rows)
    tokens = (Cell(figures.UNKNOWN if each is None else f"{each:g}") for each in median)
    return (
        Row("median tokens", (*facts, *tokens)),
        Row("cut at the limit", (*facts, *(Cell(figures.points(each)) for each in cut))),
    )


def _with_mean(
    rows: Sequence[_Row],
    starts: Sequence[Stage],
    pairs: Sequence[tuple[str, str]],
    ends: Sequence[Stage],
    known: Sequence[Stage],
    held: _Published,
) -> tuple[Row, ...]:
    """The rows of a block and, last, their mean, without mixed edges and raw numbers; a group's
    rows count as one."""
    fit = [row for row in rows if not row.raw]
    weights = _weights(fit)
    means = [_mean_score(fit, weights, stage) for stage in starts]
    for pair in pairs:
        contrasts = [row.contrast(pair) for row in fit]
        deltas = [
            (each.delta, weight)
            for each, weight in zip(contrasts, weights, strict=True)
            if each and not each.mixed and figures.known(each.delta)
        ]
        means.append(_mean(deltas, len(fit), signed=True))
    means += [_mean_score(fit, weights, stage) for stage in ends]
    means += [Cell("") for _ in known]

    body = [
        Row(
            row.label,
            (
                *row.facts,
                *(row.score_cell(stage.model) for stage in starts),
                *(row.delta_cell(pair) for pair in pairs),
                *(row.score_cell(stage.model) for stage in ends),
                *(held.cell(stage.model, row.key) for stage in known),
            ),
        )
        for row in rows
    ]
    return (*body, Row("mean", (*(Cell("") for _ in FACTS), *means), is_mean=True))


def _mean_score(fit: Sequence[_Row], weights: Sequence[float], stage: Stage) -> Cell:
    scores = [row.score(stage.model) for row in fit]
    values = [
        (each.value, weight)
        for each, weight in zip(scores, weights, strict=True)
        if each and figures.known(each.value)
    ]
    return _mean(values, len(fit), signed=False)


def _weights(fit: Sequence[_Row]) -> list[float]:
    """1 for a benchmark alone; a group's parts of its 1, as they count in its capability."""
    units = [(row.capability, row.example.group or str(row.key)) for row in fit]
    whole: dict[tuple[str, str], float] = defaultdict(float)
    for unit, row in zip(units, fit, strict=True):
        whole[unit] += row.example.share
    return [row.example.share / (whole[unit] or 1) for unit, row in zip(units, fit, strict=True)]


def _mean(found: Sequence[tuple[float, float]], rows: int, *, signed: bool) -> Cell:
    values, weights = [value for value, _ in found], [weight for _, weight in found]
    return mean_cell(values, weights, rows, signed=signed)
