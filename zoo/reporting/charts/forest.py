"""The forest plot: every change with its interval against a loss of two points."""

from __future__ import annotations

from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import Edge, edges, named, rows_high, view
from zoo.reporting.draft import Draft

MARGIN = 0.02
"""The loss that counts as harm, as a fraction."""

KINDS = ("no harm", "harm", "not settled")


def forest(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each edge and protocol: composites first, then every benchmark."""
    draft = Draft(tradeoff)
    found = [(edge, rows) for edge in edges(draft) if (rows := _rows(draft, edge))]
    if not found:
        return None
    return Figure(
        "forest",
        "Changes against a loss of two points",
        (f"dashed: −{100 * MARGIN:g} points; blue: wholly above it; orange: wholly below",),
        "Points and unadjusted 95 % limits. An interval wholly above −2 points is no harm as far "
        "as these items can tell; one that crosses it settles nothing, however small the change.",
        tuple(
            Panel(edge.title, _spec(rows, width), _alt(edge, rows), edge.protocol)
            for edge, rows in found
        ),
        ("Edge", "Protocol", "What", "Change", "95 % limits", "Against −2 points"),
        [
            (
                f"{edge.base} → {edge.other}",
                edge.protocol,
                row["what"],
                row["change"],
                row["limits"],
                row["kind"],
            )
            for edge, rows in found
            for row in rows
        ],
    )


def _rows(draft: Draft, edge: Edge) -> list[dict[str, Any]]:
    rows = []
    traded = draft.edge(edge.pair, edge.protocol)
    if traded is not None:
        for what, change in (
            ("G", traded.general),
            ("S", traded.special),
            ("Other", traded.other_special),
        ):
            rows.append(_row(f"Δ{what}", change.delta, change.low, change.high))
    for key, each in edge.changes:
        rows.append(_row(named(draft, key), each.delta, each.low, each.high))
    return [row for row in rows if row is not None]


def _row(what: str, delta: Any, low: Any, high: Any) -> dict[str, Any] | None:
    if not (figures.known(delta) and figures.known(low) and figures.known(high)):
        return None
    return {
        "what": what,
        "delta": 100 * delta,
        "low": 100 * low,
        "high": 100 * high,
        "change": figures.signed(delta),
        "limits": figures.limits(low, high),
        "kind": KINDS[0] if low > -MARGIN else KINDS[1] if high < -MARGIN else KINDS[2],
    }


def _spec(rows: list[dict[str, Any]], width: int) -> dict[str, Any]:
    import altair as alt

    y = alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, ticks=False))
    color = alt.Color(
        "kind:N",
        legend=None,
        scale=alt.Scale(domain=list(KINDS), range=[theme.GAIN, theme.LOSS, theme.FAINT]),
    )
    tip = [alt.Tooltip(f"{name}:N") for name in ("what", "change", "limits", "kind")]
    base = alt.Chart(alt.Data(values=rows)).encode(y=y, color=color, tooltip=tip)
    lines = [{"x": 0.0, "dash": "zero"}, {"x": -100 * MARGIN, "dash": "margin"}]
    return view(
        [
            alt.Chart(alt.Data(values=lines))
            .mark_rule(color=theme.FAINT)
            .encode(
                x=alt.X("x:Q", title="change (points)"),
                strokeDash=alt.StrokeDash(
                    "dash:N",
                    legend=None,
                    scale=alt.Scale(domain=["zero", "margin"], range=[[1, 0], [4, 3]]),
                ),
            ),
            base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q")),
            base.mark_point(filled=True, size=55, opacity=1).encode(x=alt.X("delta:Q")),
        ],
        width,
        rows_high(len(rows)),
    )


def _alt(edge: Edge, rows: list[dict[str, Any]]) -> str:
    groups = [
        f"{kind}: {', '.join(row['what'] for row in rows if row['kind'] == kind) or 'none'}"
        for kind in KINDS
    ]
    return f"{len(rows)} changes against −2 points, {edge.title}. {'; '.join(groups)}."
