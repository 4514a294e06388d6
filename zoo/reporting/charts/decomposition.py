"""Ability and format: the two parts that a native change is the sum of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Decomposition, Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import LABEL_WIDTH, rows_high, view, zero_line
from zoo.reporting.draft import Draft
from zoo.reporting.text import clean, shorten


def decomposition(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each edge; ability and format stack to the native change, which has a tick."""
    draft = Draft(tradeoff)
    by_edge: dict[tuple[str, str], list[Decomposition]] = {}
    for row in tradeoff.decomposition:
        by_edge.setdefault((row.base, row.other), []).append(row)
    panels = []
    for (base, other), rows in by_edge.items():
        title = f"{draft.name(base)} → {draft.name(other)}"
        panels.append(Panel(title, _spec(rows, width), _alt(title, rows)))
    if not panels:
        return None
    return Figure(
        "decomposition",
        "Ability and format",
        ("bars add up to the native change (the tick)",),
        "Ability is the change where every stage is asked alike; format is what being asked in "
        "its own way adds for the child, beyond what it adds for the parent.",
        tuple(panels),
        ("Edge", "Benchmark", "Native", "Ability", "Format"),
        [
            (
                f"{draft.name(row.base)} → {draft.name(row.other)}",
                _name(row),
                figures.signed(row.native),
                figures.signed(row.ability),
                figures.signed(row.format),
            )
            for row in tradeoff.decomposition
        ],
    )


def _name(row: Decomposition) -> str:
    return shorten(clean(row.benchmark) or "(no name)", LABEL_WIDTH)


def _spec(rows: Sequence[Decomposition], width: int) -> dict[str, Any]:
    import altair as alt

    parts = [
        {"benchmark": _name(row), "part": part, "value": 100 * value}
        for row in rows
        for part, value in (("ability", row.ability), ("format", row.format))
    ]
    totals = [{"benchmark": _name(row), "value": 100 * row.native} for row in rows]
    y = alt.Y("benchmark:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, ticks=False))
    x = alt.X("value:Q", stack="zero", title="change (points)")
    color = alt.Color(
        "part:N",
        scale=alt.Scale(domain=["ability", "format"], range=[theme.SERIES[2], theme.SERIES[5]]),
        legend=alt.Legend(title=None, orient="top"),
    )
    return view(
        [
            alt.Chart(alt.Data(values=parts))
            .mark_bar(height=12)
            .encode(
                x=x,
                y=y,
                color=color,
                tooltip=[
                    alt.Tooltip("benchmark:N"),
                    alt.Tooltip("part:N"),
                    alt.Tooltip("value:Q", format="+.1f"),
                ],
            ),
            alt.Chart(alt.Data(values=totals))
            .mark_tick(thickness=2.5, size=18, color=theme.INK)
            .encode(
                x=alt.X("value:Q"),
                y=y,
                tooltip=[
                    alt.Tooltip("benchmark:N"),
                    alt.Tooltip("value:Q", title="native", format="+.1f"),
                ],
            ),
            zero_line(),
        ],
        width,
        rows_high(len(rows)) + 24,
    )


def _alt(title: str, rows: Sequence[Decomposition]) -> str:
    said = [f"{_name(r)} {figures.signed(r.ability)} and {figures.signed(r.format)}" for r in rows]
    return f"Change by ability and by format, {title}: {'; '.join(said)}."
