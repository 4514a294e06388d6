"""Learning and forgetting: ways of training on the plane of ΔS and ΔG, and along data and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.along import along, by_examples, by_steps, described
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.methods import ends, method_color
from zoo.reporting.charts.parts import view
from zoo.reporting.text import clean
from zoo.reporting.ways import Plane, Way, methods, planes

NAME = "frontier"
SMALLEST = 8.0
"""Points that a plane shows at least, in either direction."""


def frontier(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A plane for each protocol and set of targets, then its lines over examples and steps."""
    found = planes(tradeoff)
    if not found:
        return None
    names = list(dict.fromkeys(name for plane in found for name in methods(plane.ways)))
    return Figure(
        NAME,
        "Learning and forgetting",
        ("means over training seeds; crosses: 95 % limits over seeds and items; dots: each seed",),
        "What each way of training gained on its targets and what it did to general ability, both "
        "against the root. A line joins a method's learning rates in order, at its last step with "
        "all its data, dotted lines its checkpoints. Diamonds are more likely than not on the "
        "front: no other way is better in both. The limits are over items and training seeds, of "
        "which there are few, and hold for this model, these data and these settings alone.",
        tuple(panel for plane in found for panel in _panels(plane, names, width)),
        ("Protocol", "Way", "Seeds", "ΔS", "95 % limits", "ΔG", "95 % limits", "Front"),
        [
            (
                plane.protocol,
                way.name,
                str(way.point.seeds or ""),
                figures.signed(way.point.special.value),
                figures.limits(way.point.special.low, way.point.special.high),
                figures.signed(way.point.general.value),
                figures.limits(way.point.general.low, way.point.general.high),
                f"{way.point.front:.2f}" if figures.known(way.point.front) else "",
            )
            for plane in found
            for way in plane.ways
        ],
    )


def _panels(plane: Plane, names: Sequence[str], width: int) -> list[Panel]:
    """names: of all methods, so that each has one colour in every panel."""
    where = f"{', '.join(map(clean, plane.targets))}, {plane.protocol}"
    title = f"Trained for {where}, against {plane.root}"
    found = [Panel(title, _plane(plane, names, width), _alt(plane), plane.protocol)]
    for name, lines in (("examples", by_examples(plane)), ("steps", by_steps(plane))):
        if lines:
            title = f"{name.capitalize()}: {where}"
            spec = along(lines, name, names, width)
            found.append(Panel(title, spec, described(lines, name), plane.protocol))
    return found


def _whole(ways: Sequence[Way]) -> list[Way]:
    """Of one method, the last checkpoints of those with all its data."""
    most = max((way.point.examples or 0) for way in ways)
    return [way for way in ways if way.point.last and (way.point.examples or 0) == most]


def _drawn(way: Way) -> dict[str, Any]:
    special, general = way.point.special, way.point.general
    return {
        "way": way.name,
        "method": way.method,
        "rate": way.rate,
        "step": way.point.step,
        "s": 100 * (special.value or 0.0),
        "g": 100 * (general.value or 0.0),
        **dict(zip(("s_low", "s_high"), ends(special), strict=True)),
        **dict(zip(("g_low", "g_high"), ends(general), strict=True)),
        "seeds": way.point.seeds,
        "front": way.point.front,
        "place": "on the front" if way.on_front else "behind it",
    }


def _plane(plane: Plane, names: Sequence[str], width: int) -> dict[str, Any]:
    import altair as alt

    by_method = methods(plane.ways)
    whole = [way for ways in by_method.values() for way in _whole(ways)]
    rest = [way for ways in by_method.values() for way in ways if way not in whole]
    still = [way for way in plane.ways if not way.point.seeds]
    paths = [
        {**_drawn(way), "line": name}
        for name, ways in by_steps(plane, fewest=2).items()
        for way in ways
    ]
    color = method_color(names)
    axes: dict[str, Any] = {
        "x": alt.X("s:Q", title="ΔS, gain on the targets (points)"),
        "y": alt.Y("g:Q", title="ΔG, change of general ability (points)"),
    }
    # limits may go far where seeds are few; the view is that of the points
    scale = _scales([*whole, *rest, *still])
    axes = {name: channel.scale(scale[name]) for name, channel in axes.items()}
    tooltip = [
        alt.Tooltip("way:N"),
        alt.Tooltip("s:Q", title="ΔS", format="+.1f"),
        alt.Tooltip("g:Q", title="ΔG", format="+.1f"),
        alt.Tooltip("seeds:Q"),
        alt.Tooltip("front:Q", format=".2f"),
    ]
    points = alt.Chart(alt.Data(values=[_drawn(way) for way in whole]))
    early = alt.Chart(alt.Data(values=[_drawn(way) for way in rest]))
    seeds: list[dict[str, Any]] = [
        {"method": way.method, "s": 100 * s, "g": 100 * g}
        for way in whole
        for s, g in way.point.changes
    ]
    marks: list[dict[str, Any]] = [{"s": 0.0, "g": 0.0, "name": plane.root}]
    marks += [{**_drawn(way), "name": way.method} for way in still]
    labels = alt.Chart(alt.Data(values=marks))
    zero = [{"at": 0.0}]
    rule = alt.Chart(alt.Data(values=zero)).mark_rule(color=theme.LINE)
    clip = {"clip": True}
    return view(
        [
            rule.encode(x=alt.X("at:Q", scale=scale["x"])),
            rule.encode(y=alt.Y("at:Q", scale=scale["y"])),
            points.mark_line(strokeWidth=1.8, opacity=0.8, **clip).encode(
                **axes, color=color, order=alt.Order("rate:Q")
            ),
            alt.Chart(alt.Data(values=paths))
            .mark_line(strokeWidth=1, strokeDash=[2, 3], opacity=0.6, **clip)
            .encode(**axes, color=color, detail="line:N", order=alt.Order("step:Q")),
            points.mark_rule(strokeWidth=1, opacity=0.6, **clip).encode(
                x=axes["x"], y=alt.Y("g_low:Q"), y2=alt.Y2("g_high:Q"), color=color
            ),
            points.mark_rule(strokeWidth=1, opacity=0.6, **clip).encode(
                x=alt.X("s_low:Q"), x2=alt.X2("s_high:Q"), y=axes["y"], color=color
            ),
            early.mark_point(size=22, opacity=0.55).encode(**axes, color=color, tooltip=tooltip),
            alt.Chart(alt.Data(values=seeds))
            .mark_point(filled=True, size=9, opacity=0.7)
            .encode(**axes, color=color),
            points.mark_point(filled=True, size=95, opacity=1).encode(
                **axes,
                color=color,
                shape=alt.Shape(
                    "place:N",
                    scale=alt.Scale(
                        domain=["on the front", "behind it"], range=["diamond", "circle"]
                    ),
                    legend=alt.Legend(title=None, orient="bottom"),
                ),
                tooltip=tooltip,
            ),
            labels.mark_point(shape="cross", filled=True, size=70, color=theme.INK).encode(**axes),
            labels.mark_text(align="left", dx=8, dy=-8, fontSize=11, color=theme.INK).encode(
                **axes, text="name:N"
            ),
        ],
        width,
        400,
    )


def _scales(ways: Sequence[Way]) -> Mapping[str, Any]:
    """The part of the plane where the points and the root are, with room around."""
    import altair as alt

    scales: dict[str, Any] = {}
    for axis, at in (("x", 0), ("y", 1)):
        values = [0.0, *(100 * change[at] for way in ways for change in way.point.changes)]
        # what is smaller than this would look like more than it is
        room = max(0.06 * (max(values) - min(values)), (SMALLEST - max(values) + min(values)) / 2)
        domain = [min(values) - room, max(values) + room]
        scales[axis] = alt.Scale(domain=domain, nice=False)
    return scales


def _alt(plane: Plane) -> str:
    said = [
        f"{way.name} ΔS {figures.signed(way.point.special.value)} "
        f"ΔG {figures.signed(way.point.general.value)}"
        for way in plane.ways
        if way.on_front
    ]
    front = f"More likely than not on the front: {'; '.join(said)}." if said else "None is surely."
    return f"{len(plane.ways)} ways of training, gain against general ability. {front}"
