"""How ways of training go over their steps, and with more or less data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.reporting import figures
from zoo.reporting.charts.methods import ends, method_color
from zoo.reporting.charts.parts import view
from zoo.reporting.ways import Plane, Way

FEWEST_STEPS = 3
"""Checkpoints from which on a training is a line."""


def by_examples(plane: Plane) -> dict[str, list[Way]]:
    """Last checkpoints of one method and learning rate by their examples, two amounts or more."""
    found: dict[str, list[Way]] = {}
    for way in plane.ways:
        if way.point.last and way.point.examples:
            found.setdefault(_fixed(way, plane), []).append(way)
    return {name: each for name, each in found.items() if len(each) > 1}


def by_steps(plane: Plane, fewest: int = FEWEST_STEPS) -> dict[str, list[Way]]:
    """Checkpoints of one training by their step, where there are so many."""
    found: dict[str, list[Way]] = {}
    for way in plane.ways:
        if way.point.step:
            rows = f", {way.point.examples} rows" if "rows" in way.about else ""
            found.setdefault(_fixed(way, plane) + rows, []).append(way)
    return {name: each for name, each in found.items() if len(each) >= fewest}


def along(
    lines: Mapping[str, Sequence[Way]], name: str, names: Sequence[str], width: int
) -> dict[str, Any]:
    """ΔS and ΔG against the examples or steps, with bands over seeds."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "line": line,
            "method": way.method,
            "at": _at(way, name),
            "what": what,
            "y": 100 * (estimate.value or 0.0),
            **dict(zip(("low", "high"), ends(estimate), strict=True)),
            "way": way.name,
        }
        for line, ways in lines.items()
        for way in ways
        for what, estimate in (("ΔS", way.point.special), ("ΔG", way.point.general))
    ]
    seeds = [
        {"method": way.method, "at": _at(way, name), "y": 100 * special}
        for ways in lines.values()
        for way in ways
        for special, _ in way.point.changes
    ]
    kind = "log" if name == "examples" else "linear"
    values = [row["y"] for row in [*rows, *seeds]] + [0.0]
    room = 0.1 * max(max(values) - min(values), 1.0)
    scale = alt.Scale(domain=[min(values) - room, max(values) + room], nice=False)
    from_zero = alt.Undefined if kind == "log" else False
    x = alt.X("at:Q", title=name, scale=alt.Scale(type=kind, zero=from_zero))
    y = alt.Y("y:Q", title="change against the root (points)", scale=scale)
    color = method_color(names)
    detail = alt.Detail("line:N")
    dash = alt.StrokeDash(
        "what:N",
        scale=alt.Scale(domain=["ΔS", "ΔG"], range=[[1, 0], [5, 3]]),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    chart = alt.Chart(alt.Data(values=rows))
    last = {row["line"]: row for row in rows if row["what"] == "ΔS"}
    labels = [{**row, "line": _rest(line, row["method"])} for line, row in last.items()]
    return view(
        [
            chart.mark_rule(strokeWidth=1, opacity=0.5, clip=True).encode(
                x=x, y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=color
            ),
            alt.Chart(alt.Data(values=seeds))
            .mark_point(filled=True, size=9, opacity=0.7, clip=True)
            .encode(x=x, y=y, color=color),
            chart.mark_line(strokeWidth=2).encode(
                x=x, y=y, color=color, detail=detail, strokeDash=dash
            ),
            chart.mark_point(filled=True, size=45, opacity=1).encode(
                x=x,
                y=y,
                color=color,
                tooltip=[
                    alt.Tooltip("way:N"),
                    alt.Tooltip("what:N"),
                    alt.Tooltip("y:Q", format="+.1f"),
                ],
            ),
            alt.Chart(alt.Data(values=labels))
            .mark_text(align="right", dx=-4, dy=-9, fontSize=10)
            .encode(x=x, y=y, color=color, text="line:N"),
        ],
        width,
        320,
    )


def described(lines: Mapping[str, Sequence[Way]], name: str) -> str:
    """The same in words, ΔS of each line."""
    said = [
        f"{line}: ΔS "
        + ", ".join(
            f"{figures.signed(way.point.special.value)} at {_at(way, name)}" for way in ways
        )
        for line, ways in lines.items()
    ]
    return f"Changes over {name}. {'; '.join(said)}."


def _fixed(way: Way, plane: Plane) -> str:
    """A method with its learning rate, where it has several."""
    rates = {each.rate for each in plane.ways if each.method == way.method}
    return f"{way.method}, rate {way.rate:g}" if len(rates) > 1 and way.rate else way.method


def _at(way: Way, name: str) -> int | None:
    """Where a way stands on the axis of examples or steps."""
    return way.point.examples if name == "examples" else way.point.step


def _rest(line: str, method: str) -> str:
    """What of a line's name is not its method's, which its colour says."""
    return line.removeprefix(method).removeprefix(", ")
