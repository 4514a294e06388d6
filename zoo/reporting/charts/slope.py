"""Slopes: every benchmark's score at the two ends of an edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.labels import LETTER, spread
from zoo.reporting.charts.parts import Edge, edges, named, unseen, view
from zoo.reporting.draft import Draft

HEIGHT = 340
START = -0.08
"""Where the view begins; the parent stands at 0, the child at 1, and names need the rest."""


def slope(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each edge and protocol, a line for each benchmark."""
    draft = Draft(tradeoff)
    found = list(edges(draft))
    if not found:
        return None
    return Figure(
        "slope",
        "Benchmarks along each edge",
        ("grey: smaller than the minimum detectable effect",),
        "Scores in raw points, from the parent on the left to the child on the right, on the same "
        "items. A grey line may be a change that so many items cannot show; it is no proof that "
        "nothing changed.",
        tuple(Panel(e.title, _spec(draft, e, width), _alt(draft, e), e.protocol) for e in found),
        ("Edge", "Protocol", "Benchmark", "Before", "After", "Change", "95 % limits", "MDE"),
        [
            (
                f"{edge.base} → {edge.other}",
                edge.protocol,
                named(draft, key),
                figures.points(_ends(draft, edge, key)[0]),
                figures.points(_ends(draft, edge, key)[1]),
                figures.signed(contrast.delta),
                figures.limits(contrast.low, contrast.high),
                figures.points(contrast.mde),
            )
            for edge in found
            for key, contrast in edge.changes
        ],
    )


def _ends(draft: Draft, edge: Edge, key: Any) -> tuple[float | None, float | None]:
    """Scores of the two stages, each on all of its items."""
    before, after = (draft.joins.scores.get((m, edge.protocol, key)) for m in edge.pair)
    return before.value if before else None, after.value if after else None


def _spec(draft: Draft, edge: Edge, width: int) -> dict[str, Any]:
    import altair as alt

    lines: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    for key, contrast in edge.changes:
        before, after = _ends(draft, edge, key)
        if not (figures.known(before) and figures.known(after)):
            continue
        assert figures.known(contrast.delta)
        kind = "unseen" if unseen(contrast) else "gain" if contrast.delta > 0 else "loss"
        name = named(draft, key)
        facts = {"benchmark": name, "kind": kind, "change": figures.signed(contrast.delta)}
        lines.append({**facts, "x": 0, "x2": 1, "y": 100 * before, "y2": 100 * after})
        marks += [{**facts, "x": x, "y": 100 * y} for x, y in ((0, before), (1, after))]
    values = [mark["y"] for mark in marks] or [0.0, 100.0]
    air = max(0.06 * (max(values) - min(values)), 1.0)
    low, high = min(values) - air, max(values) + air
    told = [line for line in lines if line["kind"] != "unseen"]
    gap = 13.5 / (HEIGHT - 50) * (high - low)
    places = spread([line["y2"] for line in told], gap)
    words = [
        {"x": 1.04, "y": y, "text": f"{line['benchmark']} {line['change']}", "kind": line["kind"]}
        for line, y in zip(told, places, strict=True)
    ]
    heads = [{"x": 0, "text": edge.base}, {"x": 1, "text": edge.other}]
    color = alt.Color(
        "kind:N",
        legend=None,
        scale=alt.Scale(
            domain=["gain", "loss", "unseen"], range=[theme.GAIN, theme.LOSS, theme.GREY]
        ),
    )
    x_scale = alt.Scale(domain=[START, _end(words, width - 60)], nice=False)
    x = alt.X("x:Q", scale=x_scale, axis=None)
    y_scale = alt.Scale(domain=[min(low, *places, low), max(high, *places, high)], nice=False)
    y = alt.Y("y:Q", scale=y_scale, title="score (points)")
    tip = [alt.Tooltip("benchmark:N"), alt.Tooltip("change:N")]
    return view(
        [
            alt.Chart(alt.Data(values=lines))
            .mark_rule(strokeWidth=1.8)
            .encode(x=x, x2=alt.X2("x2:Q"), y=y, y2=alt.Y2("y2:Q"), color=color, tooltip=tip),
            alt.Chart(alt.Data(values=marks))
            .mark_point(filled=True, size=36, opacity=1)
            .encode(x=x, y=y, color=color, tooltip=tip),
            alt.Chart(alt.Data(values=words))
            .mark_text(align="left", baseline="middle", fontSize=11)
            .encode(x=x, y=y, text=alt.Text("text:N"), color=color),
            alt.Chart(alt.Data(values=heads))
            .mark_text(align="left", baseline="bottom", fontSize=11, dy=-3, color=theme.SOFT)
            .encode(x=x, y=alt.value(0), text=alt.Text("text:N")),
        ],
        width,
        HEIGHT,
    )


def _end(words: Sequence[Mapping[str, Any]], width: float) -> float:
    """Where the view ends so that names fit. width: of the view without its axis, in pixels."""
    room = LETTER * max((cell_len(word["text"]) for word in words), default=0) + 16
    share = min(room / width, 0.65)
    return max((1.04 - START * share) / (1 - share), 1.35)


def _alt(draft: Draft, edge: Edge) -> str:
    told = [
        f"{named(draft, key)} {figures.signed(contrast.delta)}"
        for key, contrast in edge.changes
        if not unseen(contrast)
    ]
    grey = len(edge.changes) - len(told)
    return (
        f"Slopes of {len(edge.changes)} benchmarks, {edge.title}. "
        f"Changed: {', '.join(told) or 'none'}. Smaller than can be detected: {grey}."
    )
