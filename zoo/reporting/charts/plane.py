"""The trade-off plane: what each stage is worth in the target skills and in general ability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from rich.cells import cell_len

from zoo.contrasts import Estimate, Stage, Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.dots import Dot, Frame
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.labels import LETTER, Spot, along, place_labels
from zoo.reporting.charts.probed import probed
from zoo.reporting.lineage import NAME_WIDTH, parents, short_names
from zoo.reporting.text import clean, shorten
from zoo.results import PROTOCOLS, Protocol

MARGIN = 50
"""Pixels beside a panel for its axis."""
TITLE = {"uniform": "Uniform: all asked alike", "native": "Native: as the regime says"}


def plane(tradeoff: Tradeoff, width: int) -> Figure | None:
    """One panel a protocol, one arrow an edge, one dot a stage with its 95 % region.

    A stage without S or without G has no place on the plane; the line below the title says which.
    None where no stage has one.
    """
    dots = {protocol: _dots(tradeoff, protocol) for protocol in PROTOCOLS}
    dots = {protocol: found for protocol, found in dots.items() if found}
    if not dots:
        return None
    targets = ", ".join(map(clean, tradeoff.targets)) or "none declared"
    specs = planes(
        tradeoff, list(dots.values()), width, "", [_band(tradeoff, protocol) for protocol in dots]
    )
    region = "ellipses" if any(d.covariance for each in dots.values() for d in each) else "bars"
    front = " · grey: the Pareto front, 95 %" if any(_band(tradeoff, p) for p in dots) else ""
    return Figure(
        "plane",
        shorten(f"{clean(tradeoff.family)}: what each stage gained and paid", 90),
        (
            shorten(f"Targets (S): {targets} · {region}: 95 % limits over items{front}", 130),
            *_absent(tradeoff, dots),
        ),
        "Right is better at what the stages were trained for, up is better at everything general; "
        "an arrow leads from a parent to its child. The regions speak of these checkpoints on "
        "such items, not of the method of training: that needs several training seeds.",
        tuple(
            Panel(TITLE[protocol], spec, _alt(TITLE[protocol], dots[protocol]))
            for protocol, spec in zip(dots, specs, strict=True)
        ),
        ("Protocol", "Stage", "S", "", "G", "", "P(on the front)"),
        [
            (
                protocol,
                dot.name,
                figures.points(dot.s.value),
                figures.margin(dot.s.value, dot.s.low, dot.s.high),
                figures.points(dot.g.value),
                figures.margin(dot.g.value, dot.g.low, dot.g.high),
                figures.UNKNOWN if dot.front is None else f"{dot.front:.2f}",
            )
            for protocol, found in dots.items()
            for dot in found
        ],
    )


def planes(
    tradeoff: Tradeoff,
    groups: Sequence[Sequence[Dot]],
    width: int,
    of: str,
    bands: Sequence[Sequence[Mapping[str, Any]]] = (),
) -> list[dict[str, Any]]:
    """A plane for each group of dots, all on the same axes.

    of: what S stands for. bands: of the Pareto front, for each group, where they are known.
    """
    frame = _frame([dot for dots in groups for dot in dots], width - MARGIN)
    regimes = list(dict.fromkeys(clean(stage.regime) for stage in tradeoff.stages))
    return [
        _panel(tradeoff, dots, frame, regimes, of, band)
        for dots, band in zip_longest(groups, bands, fillvalue=())
    ]


def dot_of(
    stage: Stage, name: str, s: Estimate | None, g: Estimate | None, joint: Any = None
) -> Dot | None:
    """A stage's dot, None where it has no place. joint: the analysis's row for it, if any."""
    if s is None or g is None or not figures.known(s.value) or not figures.known(g.value):
        return None
    covariance = front = None
    if joint is not None:
        covariance, front = joint.covariance, joint.pareto
    return Dot(stage.model, name, clean(stage.regime), s, g, covariance, front)


def joints(tradeoff: Tradeoff, protocol: Protocol, targets: Sequence[str]) -> Mapping[str, Any]:
    """The analysis's joint distribution of S and G by model, for one set of targets."""
    return {
        row.model: row
        for row in tradeoff.joint
        if row.protocol == protocol and tuple(row.targets) == tuple(targets)
    }


def _band(tradeoff: Tradeoff, protocol: Protocol) -> list[Mapping[str, Any]]:
    """The front's band under a protocol: rows of S, and of G with its limits."""
    return [row for row in probed(tradeoff, "front", "band") if row.get("protocol") == protocol]


def _dots(tradeoff: Tradeoff, protocol: Protocol) -> list[Dot]:
    names = short_names(stage.model for stage in tradeoff.stages)
    joint = joints(tradeoff, protocol, tradeoff.targets)
    found = (
        dot_of(
            stage,
            names[stage.model],
            stage.special.get(protocol),
            stage.general.get(protocol),
            joint.get(stage.model),
        )
        for stage in tradeoff.stages
    )
    return [dot for dot in found if dot is not None]


def _absent(tradeoff: Tradeoff, dots: Mapping[Protocol, Sequence[Dot]]) -> list[str]:
    """A line that names the stages which no panel or not every panel shows."""
    names = short_names(stage.model for stage in tradeoff.stages)
    shown = [dot.model for found in dots.values() for dot in found]
    absent = [names[model] for model in names if shown.count(model) < len(dots)]
    if not absent:
        return []
    return [shorten(f"not measured on both axes everywhere: {', '.join(absent)}", 130)]


def _alt(title: str, dots: Sequence[Dot]) -> str:
    places = "; ".join(
        f"{dot.name} at S {figures.points(dot.s.value)}, G {figures.points(dot.g.value)}"
        for dot in dots
    )
    return f"Trade-off plane. {title}. {places}."


def _frame(dots: Sequence[Dot], width: float) -> Frame:
    """Everything with a tenth of air around it; all panels share it, so that they compare.

    On the right there is room for each dot's name.
    """
    low, high = [], []
    for axis in (0, 1):
        ends = [end for dot in dots for end in dot.ends[axis]]
        ends += [spot[axis] for dot in dots for spot in dot.ellipse]
        ends = ends or [0.0, 100.0]
        air = max(0.1 * (max(ends) - min(ends)), 1.0)
        low.append(min(ends) - air)
        high.append(max(ends) + air)
    for dot in dots:
        room = min(LETTER * cell_len(dot.name) + 14, 0.6 * width)
        high[0] = max(high[0], low[0] + (dot.place[0] - low[0]) * width / (width - room))
    return Frame((low[0], low[1]), (high[0], high[1]), width, min(width, 360))


def _panel(
    tradeoff: Tradeoff,
    dots: Sequence[Dot],
    frame: Frame,
    regimes: Sequence[str],
    of: str,
    band: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    import altair as alt

    rows = [
        {
            "stage": dot.name,
            "regime": dot.regime,
            "s": dot.place[0],
            "g": dot.place[1],
            **dict(zip(("s_low", "s_high"), dot.ends[0], strict=True)),
            **dict(zip(("g_low", "g_high"), dot.ends[1], strict=True)),
            **({} if dot.front is None else {"front": round(dot.front, 2)}),
        }
        for dot in dots
    ]
    rim = [
        {"stage": dot.name, "regime": dot.regime, "s": s, "g": g, "turn": turn}
        for dot in dots
        for turn, (s, g) in enumerate(dot.ellipse)
    ]
    arrows = _arrows(tradeoff, dots, frame)
    labels = _labels(dots, arrows, frame)
    skills = clean(of) or "target skills"
    x = alt.X(
        "s:Q", scale=_scale(frame, 0), title=f"S, {skills} (points)", axis=alt.Axis(tickCount=8)
    )
    y = alt.Y("g:Q", scale=_scale(frame, 1), title="G, general ability (points)")
    color = alt.Color(
        "regime:N",
        scale=alt.Scale(
            domain=list(regimes),
            range=[theme.SERIES[i % len(theme.SERIES)] for i in range(len(regimes))],
        ),
        legend=alt.Legend(
            title=None,
            orient="bottom",
            columns=max(1, int(frame.width // 140)),
            columnPadding=26,
            symbolOpacity=1,
            labelLimit=190,
        ),
    )
    stages = alt.Chart(alt.Data(values=rows))
    crosses = alt.Chart(alt.Data(values=[] if rim else rows))
    edges = alt.Chart(alt.Data(values=arrows))
    tooltip = [
        alt.Tooltip("stage:N"),
        alt.Tooltip("regime:N"),
        alt.Tooltip("s:Q", title="S", format=".1f"),
        alt.Tooltip("g:Q", title="G", format=".1f"),
        *([alt.Tooltip("front:Q", title="P(front)")] if any("front" in r for r in rows) else []),
    ]
    layers = [
        crosses.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
            x=alt.X("s_low:Q", scale=_scale(frame, 0)), x2=alt.X2("s_high:Q"), y=y, color=color
        ),
        crosses.mark_rule(opacity=0.45, strokeWidth=1.5).encode(
            x=x, y=alt.Y("g_low:Q", scale=_scale(frame, 1)), y2=alt.Y2("g_high:Q"), color=color
        ),
        edges.mark_rule(color=theme.FAINT, strokeWidth=1.6).encode(
            x=alt.X("s:Q", scale=_scale(frame, 0)),
            y=alt.Y("g:Q"),
            x2=alt.X2("s2:Q"),
            y2=alt.Y2("g2:Q"),
        ),
        edges.mark_point(
            shape="triangle", filled=True, size=70, color=theme.FAINT, opacity=1
        ).encode(x=alt.X("s2:Q"), y=alt.Y("g2:Q"), angle=alt.Angle("angle:Q", scale=None)),
        stages.mark_point(
            filled=True, size=110, opacity=1, stroke=theme.PAPER, strokeWidth=1.2
        ).encode(x=x, y=y, color=color, tooltip=tooltip),
        alt.Chart(alt.Data(values=labels))
        .mark_text(align="left", baseline="middle", fontSize=11.5, color=theme.INK)
        .encode(x=alt.X("s:Q"), y=alt.Y("g:Q"), text=alt.Text("stage:N")),
    ]
    if rim:
        layers.append(
            alt.Chart(alt.Data(values=rim))
            .mark_line(interpolate="linear-closed", strokeWidth=1.3, opacity=0.75)
            .encode(x=x, y=y, order=alt.Order("turn:O"), detail=alt.Detail("stage:N"), color=color)
        )
    if band:
        layers.insert(0, _front(band, frame))
    chart = alt.layer(*layers).properties(width=frame.width, height=frame.height)
    return dict(chart.to_dict(validate=False))


def _front(band: Sequence[Mapping[str, Any]], frame: Frame) -> Any:
    """The Pareto front as a band behind everything, within what is shown."""
    import altair as alt

    def shown(value: float | None) -> float:
        """Within the frame; what is not known lies below everything."""
        low, high = frame.low[1], frame.high[1]
        return low if value is None else min(max(100 * value, low), high)

    rows = [
        {"s": 100 * row["special"], "g_low": shown(row["low"]), "g_high": shown(row["high"])}
        for row in band
        if frame.low[0] <= 100 * row["special"] <= frame.high[0]
    ]
    # whoever is reached at some S is reached at any smaller one
    rows = [{**rows[0], "s": frame.low[0]}, *rows] if rows else rows
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_area(color=theme.GREY, opacity=0.28)
        .encode(
            x=alt.X("s:Q", scale=_scale(frame, 0)),
            y=alt.Y("g_low:Q", scale=_scale(frame, 1)),
            y2=alt.Y2("g_high:Q"),
        )
    )


def _scale(frame: Frame, axis: int) -> Any:
    import altair

    return altair.Scale(domain=[frame.low[axis], frame.high[axis]], nice=False, zero=False)


def _arrows(tradeoff: Tradeoff, dots: Sequence[Dot], frame: Frame) -> list[dict[str, float]]:
    """From parent to child, short of both dots; none where the two all but touch."""
    shown = {dot.model: dot for dot in dots}
    arrows = []
    for stage in tradeoff.stages:
        for parent in parents(stage):
            if parent not in shown or stage.model not in shown:
                continue
            x1, y1 = frame.pixel(shown[parent].place)
            x2, y2 = frame.pixel(shown[stage.model].place)
            length = math.hypot(x2 - x1, y2 - y1)
            if length < 20:
                continue
            dx, dy = (x2 - x1) / length, (y2 - y1) / length
            s, g = frame.point(x1 + 6 * dx, y1 + 6 * dy)
            s2, g2 = frame.point(x2 - 11 * dx, y2 - 11 * dy)
            angle = math.degrees(math.atan2(dx, -dy))
            arrows.append({"s": s, "g": g, "s2": s2, "g2": g2, "angle": angle})
    return arrows


def _labels(
    dots: Sequence[Dot], arrows: Sequence[Mapping[str, float]], frame: Frame
) -> list[dict[str, Any]]:
    """A place for each name near its dot where it hides least: dots, arrows, bars, other names."""
    crowd: list[Spot] = []
    for dot in dots:
        (s_low, s_high), (g_low, g_high) = dot.ends
        s, g = dot.place
        crowd += [frame.pixel((s, g))] * 4
        crowd += [frame.pixel(spot) for spot in dot.ellipse]
        if not dot.ellipse:
            crowd += along(frame.pixel((s_low, g)), frame.pixel((s_high, g)))
            crowd += along(frame.pixel((s, g_low)), frame.pixel((s, g_high)))
    for arrow in arrows:
        start = frame.pixel((arrow["s"], arrow["g"]))
        crowd += along(start, frame.pixel((arrow["s2"], arrow["g2"])))
    names = [shorten(dot.name, NAME_WIDTH) for dot in dots]
    spots = [frame.pixel(dot.place) for dot in dots]
    boxes = place_labels(names, spots, crowd, (frame.width, frame.height))
    labels = []
    for name, box in zip(names, boxes, strict=True):
        s, g = frame.point(box[0], (box[1] + box[3]) / 2)
        labels.append({"stage": name, "s": s, "g": g})
    return labels
