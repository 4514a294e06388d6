"""What the charts of probes share: rows by panel, stages by colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.probed import probed
from zoo.reporting.lineage import short_names
from zoo.reporting.text import clean, shorten
from zoo.results import PROTOCOLS, Protocol

Row = Mapping[str, Any]


def panels_of(tradeoff: Tradeoff, probe: str, kind: str) -> dict[tuple[str, Any], list[Row]]:
    """Rows of one kind by (benchmark, protocol), each with `stage`, its model's short name."""
    names = short_names(stage.model for stage in tradeoff.stages)
    found: dict[tuple[str, Any], list[Row]] = {}
    for row in probed(tradeoff, probe, kind):
        model = str(row.get("model"))
        benchmark = clean(row.get("benchmark") or "")
        key = (benchmark, row.get("protocol"))
        found.setdefault(key, []).append({**row, "stage": names.get(model, clean(model))})
    return found


def title_of(key: tuple[str, Any], what: str = "") -> str:
    """`gsm8k, native`, with what is shown before it."""
    benchmark, protocol = key
    parts = [shorten(benchmark, 40), clean(protocol or "")]
    return ": ".join(part for part in (what, ", ".join(filter(None, parts))) if part)


def protocol_of(key: tuple[str, Any]) -> Protocol | None:
    """The protocol that rows speak of, None where they name none."""
    return next((each for each in PROTOCOLS if each == key[1]), None)


def stage_color(tradeoff: Tradeoff) -> Any:
    """A colour for each stage, the same in all panels."""
    import altair as alt

    names = list(short_names(stage.model for stage in tradeoff.stages).values())
    colors = [theme.SERIES[i % len(theme.SERIES)] for i in range(len(names))]
    return alt.Color(
        "stage:N",
        scale=alt.Scale(domain=names, range=colors),
        legend=alt.Legend(title=None, orient="bottom", columns=3, labelLimit=150, symbolOpacity=1),
    )


def curve(
    tradeoff: Tradeoff, rows: Sequence[Row], x: Any, y: str, title: str, *, zero: bool = True
) -> tuple[list[Any], list[dict[str, Any]]]:
    """Lines with a band where rows have limits; also the rows as drawn, in points.

    x: an Altair channel. y: the name of the value in the rows. zero: whether the axis has it.
    """
    import altair as alt

    name = str(x.shorthand).split(":")[0]
    points = [
        {
            name: row[name],
            "stage": row["stage"],
            "y": 100 * row[y],
            "low": 100 * row["low"] if figures.known(row.get("low")) else None,
            "high": 100 * row["high"] if figures.known(row.get("high")) else None,
        }
        for row in rows
        if figures.known(row.get(y)) and figures.known(row.get(name))
    ]
    bands = [point for point in points if point["low"] is not None and point["high"] is not None]
    color, scale = stage_color(tradeoff), alt.Scale(zero=zero)
    tip = [alt.Tooltip("stage:N"), alt.Tooltip(f"{name}:Q"), alt.Tooltip("y:Q", format=".1f")]
    layers = [
        alt.Chart(alt.Data(values=bands))
        .mark_area(opacity=0.14)
        .encode(x=x, y=alt.Y("low:Q", title=title, scale=scale), y2=alt.Y2("high:Q"), color=color),
        alt.Chart(alt.Data(values=points))
        .mark_line(point=alt.OverlayMarkDef(size=40), strokeWidth=2)
        .encode(x=x, y=alt.Y("y:Q", title=title, scale=scale), color=color, tooltip=tip),
    ]
    return layers, points
