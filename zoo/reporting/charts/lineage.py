"""The lineage: who was made from whom, and what each step gained and paid."""

from __future__ import annotations

from typing import Any

from zoo.contrasts import Stage, Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.draft import Draft
from zoo.reporting.lineage import parents
from zoo.reporting.text import clean, shorten

ROW = 58
"""Pixels from one stage to the next below."""


def lineage(tradeoff: Tradeoff, width: int) -> Figure | None:
    """One tree, roots on the left; under each stage its regime and its changes."""
    draft = Draft(tradeoff)
    if not draft.tree:
        return None
    rows = [_row(draft, stage, depth, place) for place, (stage, depth) in enumerate(draft.tree)]
    protocol = draft.protocols[-1] if draft.protocols else "native"
    said = "; ".join(f"{r['name']} from {r['from'] or 'nothing'} {r['change']}" for r in rows)
    return Figure(
        "lineage",
        "The lineage",
        (f"ΔG: general, ΔS: what this stage was trained for; points, {protocol} protocol",),
        "Each step is compared with its own parent, on the same items.",
        (Panel("Who was made from whom", _spec(draft, rows, width), f"Lineage: {said}."),),
        ("Stage", "Made from", "Regime", "Trained for", "Change"),
        [(r["name"], r["from"], r["regime"], r["targets"], r["change"]) for r in rows],
    )


def _row(draft: Draft, stage: Stage, depth: int, place: int) -> dict[str, Any]:
    shown = {each.model for each, _ in draft.tree}
    made_from = [each for each in parents(stage) if each in shown and each != stage.model]
    return {
        "model": stage.model,
        "name": draft.name(stage.model),
        "from": ", ".join(draft.name(each) for each in made_from),
        "parents": made_from,
        "regime": shorten(clean(stage.regime), 24),
        "targets": ", ".join(map(clean, stage.targets)),
        "change": "; ".join(_change(draft, (each, stage.model)) for each in made_from),
        "x": depth,
        "y": place,
    }


def _change(draft: Draft, pair: tuple[str, str]) -> str:
    edge = draft.edge(pair, draft.protocols[-1]) if draft.protocols else None
    if edge is None:
        return "not compared"
    g, s = figures.signed(edge.general.delta), figures.signed(edge.special.delta)
    return f"ΔG {g} · ΔS {s}"


def _spec(draft: Draft, rows: list[dict[str, Any]], width: int) -> dict[str, Any]:
    import altair as alt

    place = {row["model"]: row for row in rows}
    links = []
    for row in rows:
        for parent in row["parents"]:
            above = place[parent]
            corner = {"x": above["x"], "y": row["y"]}
            for start, end in ((above, corner), (corner, row)):
                links.append({"x": start["x"], "y": start["y"], "x2": end["x"], "y2": end["y"]})
    regimes = list(dict.fromkeys(clean(stage.regime) for stage in draft.tradeoff.stages))
    deepest = max(row["x"] for row in rows)
    x = alt.X("x:Q", scale=alt.Scale(domain=[-0.12, deepest + 1.4], nice=False), axis=None)
    y = alt.Y(
        "y:Q", scale=alt.Scale(domain=[len(rows) - 0.35, -0.5], nice=False, zero=False), axis=None
    )
    own = [
        {name: row[name] for name in ("name", "regime", "targets", "change", "x", "y")}
        for row in rows
    ]
    stages = alt.Chart(alt.Data(values=own))
    color = alt.Color(
        "regime:N",
        legend=None,
        scale=alt.Scale(
            domain=[shorten(each, 24) for each in regimes],
            range=[theme.SERIES[i % len(theme.SERIES)] for i in range(len(regimes))],
        ),
    )
    tip = [alt.Tooltip(f"{name}:N") for name in ("name", "regime", "targets", "change")]
    return view(
        [
            alt.Chart(alt.Data(values=links))
            .mark_rule(color=theme.FAINT, strokeWidth=1.5)
            .encode(x=x, y=y, x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q")),
            stages.mark_point(filled=True, size=130, opacity=1).encode(
                x=x, y=y, color=color, tooltip=tip
            ),
            stages.mark_text(align="left", dx=11, dy=-6, fontSize=12.5, fontWeight=600).encode(
                x=x, y=y, text=alt.Text("name:N")
            ),
            stages.mark_text(align="left", dx=11, dy=9, fontSize=11, color=theme.SOFT).encode(
                x=x, y=y, text=alt.Text("regime:N")
            ),
            stages.mark_text(align="left", dx=11, dy=23, fontSize=11, color=theme.SOFT).encode(
                x=x, y=y, text=alt.Text("change:N")
            ),
        ],
        min(width, 560),
        ROW * len(rows) + 10,
    )
