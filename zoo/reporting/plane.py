"""The trade-off plane: what each stage is worth in the target skills and in general ability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from zoo.contrasts import Estimate, Tradeoff
from zoo.reporting import figures
from zoo.reporting.lineage import NAME_WIDTH, parents, short_names
from zoo.reporting.text import clean, shorten
from zoo.results import PROTOCOLS, Protocol

if TYPE_CHECKING:
    import altair

WIDTH = 860
HEIGHT = 360
MARGIN = 50
"""Pixels beside a panel for its axis."""
INK, FAINT = "#333333", "#8a8a8a"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe and Ito (2008): told apart by every kind of colour vision."""
LETTER, LINE = 6.3, 13.0
"""Pixels that a letter and a line of a label take."""
TITLE = {"uniform": "Uniform: all asked alike", "native": "Native: as the regime says"}


@dataclass(frozen=True)
class Dot:
    """A stage on one panel; s and g are fractions with their limits."""

    model: str
    name: str
    regime: str
    s: Estimate
    g: Estimate


@dataclass(frozen=True)
class Frame:
    """The part of the plane that is shown, and how many pixels it takes.

    low, high: (s, g) at the lower left and the upper right corner, in points.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    width: float
    height: float

    def pixel(self, s: float, g: float) -> tuple[float, float]:
        """Pixels from the upper left corner."""
        x = (s - self.low[0]) / (self.high[0] - self.low[0]) * self.width
        y = (self.high[1] - g) / (self.high[1] - self.low[1]) * self.height
        return x, y

    def point(self, x: float, y: float) -> tuple[float, float]:
        """The inverse of `pixel`."""
        s = self.low[0] + x / self.width * (self.high[0] - self.low[0])
        g = self.high[1] - y / self.height * (self.high[1] - self.low[1])
        return s, g


def to_svg(tradeoff: Tradeoff) -> str:
    """One panel a protocol, one arrow an edge, one dot a stage with its 95 % limits, as SVG.

    A stage without S or without G has no place on the plane; the line below says which.
    """
    import vl_convert

    return vl_convert.vegalite_to_svg(chart(tradeoff).to_dict())


def chart(tradeoff: Tradeoff) -> altair.HConcatChart:
    """The figure as an Altair chart."""
    import altair

    panels = {protocol: _dots(tradeoff, protocol) for protocol in PROTOCOLS}
    panels = {protocol: dots for protocol, dots in panels.items() if dots} or {"uniform": []}
    width = WIDTH / len(panels) - MARGIN
    frame = _frame([dot for dots in panels.values() for dot in dots], width)
    regimes = list(dict.fromkeys(clean(stage.regime) for stage in tradeoff.stages))
    targets = ", ".join(map(clean, tradeoff.targets)) or "none declared"
    return (
        altair.hconcat(
            *(_panel(tradeoff, title, dots, frame, regimes) for title, dots in panels.items()),
            spacing=16,
        )
        .properties(
            title=altair.TitleParams(
                shorten(f"{clean(tradeoff.family)}: what each stage gained and paid", 90),
                subtitle=[
                    shorten(f"Targets (S): {targets} · bars: 95 % limits over items", 130),
                    *_absent(tradeoff),
                ],
                anchor="start",
                offset=14,
            )
        )
        .configure(font="Helvetica, Arial, sans-serif", background="white")
        .configure_title(fontSize=16, color=INK, subtitleColor="#5f5f5f", subtitleFontSize=12)
        .configure_axis(
            labelColor="#5f5f5f",
            titleColor=INK,
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
            gridColor="#ececec",
            domainColor="#bdbdbd",
            tickColor="#bdbdbd",
        )
        .configure_legend(labelColor=INK, labelFontSize=12, titleFontSize=12, symbolSize=90)
        .configure_view(stroke=None)
    )


def _dots(tradeoff: Tradeoff, protocol: Protocol) -> list[Dot]:
    names = short_names(stage.model for stage in tradeoff.stages)
    return [
        Dot(stage.model, names[stage.model], clean(stage.regime), s, g)
        for stage in tradeoff.stages
        if (s := stage.special.get(protocol)) and figures.known(s.value)
        if (g := stage.general.get(protocol)) and figures.known(g.value)
    ]


def _absent(tradeoff: Tradeoff) -> list[str]:
    """A line that names the stages which no panel or not every panel shows."""
    names = short_names(stage.model for stage in tradeoff.stages)
    shown = [dot.model for protocol in PROTOCOLS for dot in _dots(tradeoff, protocol)]
    panels = sum(bool(_dots(tradeoff, protocol)) for protocol in PROTOCOLS)
    absent = [names[model] for model in names if shown.count(model) < max(panels, 1)]
    return (
        [shorten(f"not measured on both axes everywhere: {', '.join(absent)}", 130)]
        if absent
        else []
    )


def _ends(estimate: Estimate) -> tuple[float, float]:
    """The limits in points, the value itself where there are none."""
    low = 100 * estimate.low if figures.known(estimate.low) else _value(estimate)
    high = 100 * estimate.high if figures.known(estimate.high) else _value(estimate)
    return low, high


def _value(estimate: Estimate) -> float:
    """In points; a dot always has one."""
    return 100 * (estimate.value or 0.0)


def _frame(dots: Sequence[Dot], width: float) -> Frame:
    """Everything with a tenth of air around it; all panels share it, so that they compare.

    On the right there is room for each dot's name.
    """
    low, high = [], []
    for axis in ("s", "g"):
        ends = [end for dot in dots for end in _ends(getattr(dot, axis))] or [0.0, 100.0]
        air = max(0.1 * (max(ends) - min(ends)), 1.0)
        low.append(min(ends) - air)
        high.append(max(ends) + air)
    for dot in dots:
        room = LETTER * cell_len(dot.name) + 14
        high[0] = max(high[0], low[0] + (_value(dot.s) - low[0]) * width / (width - room))
    return Frame((low[0], low[1]), (high[0], high[1]), width, HEIGHT)


def _panel(
    tradeoff: Tradeoff, protocol: Protocol, dots: list[Dot], frame: Frame, regimes: list[str]
) -> altair.LayerChart:
    import altair as alt

    rows = [
        {
            "stage": dot.name,
            "regime": dot.regime,
            "s": _value(dot.s),
            "g": _value(dot.g),
            **dict(zip(("s_low", "s_high"), _ends(dot.s), strict=True)),
            **dict(zip(("g_low", "g_high"), _ends(dot.g), strict=True)),
        }
        for dot in dots
    ]
    arrows = _arrows(tradeoff, dots, frame)
    labels = _labels(dots, arrows, frame)
    x = alt.X("s:Q", scale=_scale(frame, 0), title="S, target skills (points)")
    y = alt.Y("g:Q", scale=_scale(frame, 1), title="G, general ability (points)")
    color = alt.Color(
        "regime:N",
        scale=alt.Scale(
            domain=regimes, range=[PALETTE[i % len(PALETTE)] for i in range(len(regimes))]
        ),
        legend=alt.Legend(title=None, orient="bottom", columns=4, symbolOpacity=1, labelLimit=190),
    )
    stages = alt.Chart(alt.Data(values=rows))
    bars = [
        stages.mark_rule(opacity=0.4, strokeWidth=1.5).encode(x="s_low:Q", x2="s_high:Q", y=y),
        stages.mark_rule(opacity=0.4, strokeWidth=1.5).encode(x=x, y="g_low:Q", y2="g_high:Q"),
    ]
    edges = alt.Chart(alt.Data(values=arrows))
    heads = alt.Chart(alt.Data(values=arrows)).mark_point(
        shape="triangle", filled=True, size=70, color=FAINT, opacity=1
    )
    writing = alt.Chart(alt.Data(values=labels)).mark_text(
        align="left", baseline="middle", fontSize=11.5, color=INK
    )
    return alt.layer(
        *(bar.encode(color=color) for bar in bars),
        edges.mark_rule(color=FAINT, strokeWidth=1.6).encode(
            x=alt.X("s:Q", scale=_scale(frame, 0)), y="g:Q", x2="s2:Q", y2="g2:Q"
        ),
        heads.encode(x="s2:Q", y="g2:Q", angle=alt.Angle("angle:Q", scale=None)),
        stages.mark_point(filled=True, size=110, opacity=1, stroke="white", strokeWidth=1.2).encode(
            x=x, y=y, color=color
        ),
        writing.encode(x="s:Q", y="g:Q", text="stage:N"),
    ).properties(
        width=frame.width,
        height=frame.height,
        title=alt.TitleParams(
            TITLE[protocol], fontSize=12, anchor="start", frame="group", color=INK
        ),
    )


def _scale(frame: Frame, axis: int) -> Any:
    import altair

    return altair.Scale(domain=[frame.low[axis], frame.high[axis]], nice=False, zero=False)


def _place(dot: Dot, frame: Frame) -> tuple[float, float]:
    return frame.pixel(_value(dot.s), _value(dot.g))


def _arrows(tradeoff: Tradeoff, dots: Sequence[Dot], frame: Frame) -> list[dict[str, float]]:
    """From parent to child, short of both dots; none where the two all but touch."""
    shown = {dot.model: dot for dot in dots}
    arrows = []
    for stage in tradeoff.stages:
        for parent in parents(stage):
            if parent not in shown or stage.model not in shown:
                continue
            x1, y1 = _place(shown[parent], frame)
            x2, y2 = _place(shown[stage.model], frame)
            length = math.hypot(x2 - x1, y2 - y1)
            if length < 20:
                continue
            dx, dy = (x2 - x1) / length, (y2 - y1) / length
            s, g = frame.point(x1 + 6 * dx, y1 + 6 * dy)
            s2, g2 = frame.point(x2 - 11 * dx, y2 - 11 * dy)
            angle = math.degrees(math.atan2(dx, -dy))
            arrows.append({"s": s, "g": g, "s2": s2, "g2": g2, "angle": angle})
    return arrows


Box = tuple[float, float, float, float]


def _labels(
    dots: Sequence[Dot], arrows: Sequence[dict[str, float]], frame: Frame
) -> list[dict[str, Any]]:
    """A place for each name near its dot where it hides least: dots, arrows, bars, other names."""
    crowd: list[tuple[float, float]] = []
    for dot in dots:
        (s_low, s_high), (g_low, g_high) = _ends(dot.s), _ends(dot.g)
        s, g = _value(dot.s), _value(dot.g)
        crowd += [frame.pixel(s, g)] * 4
        crowd += _along(frame.pixel(s_low, g), frame.pixel(s_high, g))
        crowd += _along(frame.pixel(s, g_low), frame.pixel(s, g_high))
    for arrow in arrows:
        start, end = frame.pixel(arrow["s"], arrow["g"]), frame.pixel(arrow["s2"], arrow["g2"])
        crowd += _along(start, end)

    taken: list[Box] = []
    labels = []
    for dot in dots:
        name = shorten(dot.name, NAME_WIDTH)
        place = _place(dot, frame)
        candidates = _candidates(place, LETTER * cell_len(name))
        box = min(candidates, key=lambda each: _cost(each, place, crowd, taken, frame))
        taken.append(box)
        s, g = frame.point(box[0], (box[1] + box[3]) / 2)
        labels.append({"stage": name, "s": s, "g": g})
    return labels


def _along(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Points on a line, about five pixels apart."""
    steps = max(int(math.dist(start, end) / 5), 1)
    return [
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    ]


def _candidates(dot: tuple[float, float], width: float) -> list[Box]:
    """Boxes around a dot, the nearest and most usual places first."""
    x, y = dot
    boxes = []
    for distance in (9, 16, 26, 38):
        for left in (x + distance, x - distance - width, x - width / 2):
            for middle in (y - distance - 2, y + distance + 2, y):
                if abs(middle - y) < distance and left == x - width / 2:
                    continue
                boxes.append((left, middle - LINE / 2, left + width, middle + LINE / 2))
    return boxes


def _cost(
    box: Box,
    dot: tuple[float, float],
    crowd: Sequence[tuple[float, float]],
    taken: Sequence[Box],
    frame: Frame,
) -> float:
    left, top, right, bottom = box
    hidden = sum(left - 2 < x < right + 2 and top - 1 < y < bottom + 1 for x, y in crowd)
    names = sum(
        left < other[2] + 4 and other[0] < right + 4 and top < other[3] and other[1] < bottom
        for other in taken
    )
    outside = left < 0 or right > frame.width or top < 0 or bottom > frame.height
    away = math.dist(dot, (min(max(dot[0], left), right), min(max(dot[1], top), bottom)))
    return 0.25 * away + hidden + 40 * names + 100 * outside
