"""The table that looks a family in the eye: every benchmark, every stage against its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.contrasts import Stage, Tradeoff
from zoo.reporting import figures
from zoo.reporting.benchmark_rows import BenchmarkRow, folded, mean_change, mean_score
from zoo.reporting.charts.length import thinks
from zoo.reporting.draft import Draft
from zoo.reporting.joins import RowKey, row_key
from zoo.reporting.lineage import leaves, roots
from zoo.reporting.published import held_against_published
from zoo.reporting.tables import Block, Cell, Column, Row, Table
from zoo.reporting.text import clean
from zoo.results import Protocol

FACTS = (
    Column("n", aside="n {}"),
    Column("shots", aside="{}-shot"),
    Column("chance", aside="chance {}"),
)


def benchmark_table(draft: Draft, protocol: Protocol, *, finals: bool = False) -> Table:
    """Scores of the roots, then each later stage's change against its parent, in two blocks; then
    avg@k and pass@k where several answers were asked, and last how long the answers are.

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
        BenchmarkRow(draft, protocol, key, scores)
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
    for title, found in (
        ("several answers to an item", _draws(draft, protocol, shown)),
        ("answers", _lengths(draft, protocol, shown)),
    ):
        if blocks and found:
            padded = (replace(row, cells=(*row.cells, *(Cell("") for _ in known))) for row in found)
            blocks += (Block(title, tuple(padded)),)
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


def _draws(draft: Draft, protocol: Protocol, models: Sequence[str]) -> tuple[Row, ...]:
    """Mean score and pass@k of benchmarks that ask several answers, for each column's stage."""
    found = {
        (row["benchmark"], row["metric"], row["model"]): row
        for row in draft.tradeoff.probes
        if (row["probe"], row["kind"], row["protocol"]) == ("draws", "score", protocol)
    }
    facts = tuple(Cell("") for _ in FACTS)
    return tuple(
        Row(
            clean(f"{benchmark} {metric}"),
            (*facts, *(_drawn(found.get((benchmark, metric, model))) for model in models)),
        )
        for benchmark, metric in dict.fromkeys(key[:2] for key in found)
    )


def _drawn(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return Cell(figures.UNKNOWN)
    return Cell(figures.points(row["value"]), figures.margin(row["value"], row["low"], row["high"]))


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
    lines = [("median tokens", "median_tokens", figures.tokens)]
    if any(thinks(row) for row in rows):
        lines += [
            ("thinking", "median_thinking", figures.tokens),
            ("answer", "median_answer", figures.tokens),
            ("cut while thinking", "thinking_cut", figures.points),
        ]
    lines.append(("cut at the limit", "truncated", figures.points))
    return tuple(
        Row(label, (*facts, *(Cell(shown(row.get(name))) for row in rows)))
        for label, name, shown in lines
    )


def _with_mean(
    rows: Sequence[BenchmarkRow],
    starts: Sequence[Stage],
    pairs: Sequence[tuple[str, str]],
    ends: Sequence[Stage],
    known: Sequence[Stage],
    held: _Published,
) -> tuple[Row, ...]:
    """The rows of a block and, last, their mean, without mixed edges and raw numbers; a group's
    rows count as one."""
    fit = [row for row in rows if not row.raw]
    means = [
        *(mean_score(fit, stage.model) for stage in starts),
        *(mean_change(fit, pair) for pair in pairs),
        *(mean_score(fit, stage.model) for stage in ends),
        *(Cell("") for _ in known),
    ]

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
        for row in folded(rows)
    ]
    return (*body, Row("mean", (*(Cell("") for _ in FACTS), *means), is_mean=True))
