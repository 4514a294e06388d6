"""Flips: how many items an edge gained and lost, beside those that flip without a reason."""

from __future__ import annotations

from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import Edge, edges, named, rows_high, view, zero_line
from zoo.reporting.draft import Draft


def flips(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each edge and protocol; bars of items gained and lost, in percent."""
    draft = Draft(tradeoff)
    found = [edge for edge in edges(draft) if _rows(draft, edge)]
    if not found:
        return None
    floors = bool(_floors(tradeoff))
    return Figure(
        "flips",
        "Items gained and lost",
        ("share of items in percent; ticks: half the churn of another seed",)
        if floors
        else ("share of items in percent; no other seed was run, so chance flips are not known",),
        "A small balance can hide many items that changed sides. Some would flip even between two "
        "trainings that differ only in their seed; without such a pair that share is not known.",
        tuple(
            Panel(
                edge.title,
                _spec(tradeoff, draft, edge, width),
                _alt(draft, edge),
                edge.protocol,
            )
            for edge in found
        ),
        ("Edge", "Protocol", "Benchmark", "Items", "Gained", "Lost", "Churn of another seed"),
        [
            (
                f"{edge.base} → {edge.other}",
                edge.protocol,
                row["benchmark"],
                str(row["n"]),
                str(row["gained"]),
                str(row["lost"]),
                figures.points(_floors(tradeoff).get((*edge.pair, edge.protocol, row["task"]))),
            )
            for edge in found
            for row in _rows(draft, edge)
        ],
    )


def _rows(draft: Draft, edge: Edge) -> list[dict[str, Any]]:
    return [
        {
            "benchmark": named(draft, key),
            "task": key[0],
            "n": contrast.n,
            "gained": contrast.gained,
            "lost": contrast.lost,
        }
        for key, contrast in edge.changes
        if contrast.gained is not None and contrast.lost is not None and contrast.n
    ]


def _floors(tradeoff: Tradeoff) -> dict[tuple[str, str, str, str], float]:
    """Churn between seeds, by base, other, protocol and benchmark, where it was measured."""
    return {
        (row.base, row.other, row.protocol, row.benchmark): row.floor
        for row in tradeoff.churn
        if row.floor is not None
    }


def _spec(tradeoff: Tradeoff, draft: Draft, edge: Edge, width: int) -> dict[str, Any]:
    import altair as alt

    rows = _rows(draft, edge)
    bars = []
    ticks = []
    floors = _floors(tradeoff)
    for row in rows:
        for kind, sign in (("gained", 1), ("lost", -1)):
            share = sign * 100 * row[kind] / row["n"]
            bars.append({"benchmark": row["benchmark"], "kind": kind, "share": share,
                         "items": row[kind]})  # fmt: skip
            floor = floors.get((*edge.pair, edge.protocol, row["task"]))
            if floor is not None:
                ticks.append({"benchmark": row["benchmark"], "share": sign * 50 * floor})
    y = alt.Y("benchmark:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, ticks=False))
    x = alt.X(
        "share:Q",
        title="lost ←  items (%)  → gained",
        axis=alt.Axis(labelExpr="abs(datum.value)", grid=True),
    )
    color = alt.Color(
        "kind:N",
        legend=None,
        scale=alt.Scale(domain=["gained", "lost"], range=[theme.GAIN, theme.LOSS]),
    )
    base = alt.Chart(alt.Data(values=bars))
    marks = (
        alt.Chart(alt.Data(values=ticks))
        .mark_tick(thickness=2, size=16, color=theme.INK)
        .encode(x=alt.X("share:Q"), y=y)
    )
    return view(
        [
            base.mark_bar(height=12).encode(
                x=x,
                y=y,
                color=color,
                tooltip=[alt.Tooltip("benchmark:N"), alt.Tooltip("kind:N"), alt.Tooltip("items:Q")],
            ),
            *([marks] if ticks else []),
            zero_line(),
        ],
        width,
        rows_high(len(rows)),
    )


def _alt(draft: Draft, edge: Edge) -> str:
    said = [f"{r['benchmark']} {r['gained']} up {r['lost']} down" for r in _rows(draft, edge)]
    return f"Items gained and lost, {edge.title}: {'; '.join(said)}."
