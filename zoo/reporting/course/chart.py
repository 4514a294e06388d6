"""G, S and each target over the steps of a training, with the mark where G begins to fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from zoo.courses import Course, Point
from zoo.effects import Estimate
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.course.table import cells, heads, own_targets
from zoo.reporting.course.words import title, verdicts
from zoo.reporting.figures import points as in_points
from zoo.reporting.text import clean
from zoo.results import Protocol

NAME = "course"
WIDTH, HEIGHT = 470, 320


def figure_of(course: Course) -> Figure:
    """A panel for each protocol that any checkpoint was measured under."""
    measured = [p for p in course.protocols if _points(course, p)]
    width = WIDTH if len(measured) > 1 else 2 * WIDTH
    return Figure(
        NAME,
        title(course),
        (*verdicts(course), "points: a guesser 0, perfection 100; bands: 95 % limits over items"),
        "",
        tuple(Panel(p, _spec(course, p, width), _alt(course, p), p) for p in measured),
        ("Protocol", *heads(course)),
        [(p, *cells(course, each, p)) for p in measured for each in _points(course, p)],
    )


def _points(course: Course, protocol: Protocol) -> list[Point]:
    every = [*([course.base] if course.base else []), *course.points]
    return [point for point in every if protocol in point.readings]


def _lines(course: Course, protocol: Protocol) -> Iterator[dict[str, Any]]:
    for point in _points(course, protocol):
        found = point.readings[protocol]
        drawn: dict[str, Estimate] = {"G": found.general, "S": found.special}
        drawn |= {clean(name): found.capabilities[name] for name in own_targets(course)}
        for what, each in drawn.items():
            if each.value is not None:
                ends = (each.value if e is None else e for e in (each.low, each.high))
                low, high = (100 * end for end in ends)
                yield {
                    "step": point.step,
                    "checkpoint": clean(point.name),
                    "what": what,
                    "value": 100 * each.value,
                    "low": low,
                    "high": high,
                }


def _spec(course: Course, protocol: Protocol, width: float) -> dict[str, Any]:
    import altair as alt

    names = ["G", "S", *map(clean, own_targets(course))]
    colours = [theme.INK, *(theme.SERIES[n % 6] for n in range(len(names) - 1))]
    scale = alt.Scale(domain=names, range=colours)
    legend = alt.Legend(orient="top", symbolOpacity=1)
    colour = alt.Color("what:N", title=None, scale=scale, legend=legend)
    x = alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1))
    y = alt.Y("value:Q", title="points", scale=alt.Scale(zero=False))
    rows = list(_lines(course, protocol))
    data = alt.Chart(alt.Data(values=rows))
    main = data.transform_filter("datum.what == 'G' || datum.what == 'S'")
    layers = [
        main.mark_area(opacity=0.14).encode(
            x=x, y=alt.Y("low:Q", title="points"), y2="high:Q", color=colour
        ),
        data.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        data.mark_point(filled=True, size=34, opacity=1).encode(
            x=x,
            y=y,
            color=colour,
            tooltip=[
                alt.Tooltip("checkpoint:N"),
                alt.Tooltip("what:N"),
                alt.Tooltip("value:Q", format=".1f"),
            ],
        ),
    ]
    if fall := course.fall(protocol):
        mark = alt.Chart(alt.Data(values=[{"step": fall.step, "text": "G falls"}]))
        layers += [
            mark.mark_rule(color=theme.LOSS, strokeDash=[5, 3], strokeWidth=1.5).encode(x=x),
            mark.mark_text(align="left", dx=4, dy=6, color=theme.LOSS).encode(
                x=x, y=alt.value(0), text="text:N"
            ),
        ]
    return view(layers, width, HEIGHT)


def _alt(course: Course, protocol: Protocol) -> str:
    shown: Sequence[Point] = _points(course, protocol)
    said = [
        f"step {p.step}: G {in_points(p.readings[protocol].general.value)}, "
        f"S {in_points(p.readings[protocol].special.value)}"
        for p in shown
    ]
    fall = course.fall(protocol)
    mark = f"G falls from step {fall.step} on" if fall else "no fall of G is marked"
    return f"{len(shown)} checkpoints, {protocol}: {'; '.join(said)}. {mark}."
