"""One number a stage with its limits: rows of dots, a panel for each benchmark and protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.parts import rows_high, view
from zoo.reporting.charts.probes import Row


def rows_of_dots(
    rows: Sequence[Row],
    fields: Sequence[tuple[str, str, str, str]],
    width: int,
    title: str,
    domain: tuple[float, float],
) -> dict[str, Any]:
    """A line for each stage, a dot with its limits for each field that it has.

    fields: (what it is called, value, low, high), the last three by their names in the rows; at
    most as many as there are colours. domain: ends of the axis.
    """
    import altair as alt

    dots = [
        {
            "stage": row["stage"],
            "what": called,
            "value": row[value],
            "low": row.get(low),
            "high": row.get(high),
        }
        for row in rows
        for called, value, low, high in fields
        if figures.known(row.get(value))
    ]
    names = [called for called, *_ in fields]
    color = alt.Color(
        "what:N",
        scale=alt.Scale(domain=names, range=list(theme.SERIES[: len(names)])),
        legend=alt.Legend(title=None, orient="bottom", columns=2, labelLimit=300)
        if len(names) > 1
        else None,
    )
    y = alt.Y("stage:N", sort=None, title=None, axis=alt.Axis(ticks=False, labelLimit=150))
    offset = alt.YOffset("what:N", sort=names)
    x = {"title": title, "scale": alt.Scale(domain=list(domain))}
    base = alt.Chart(alt.Data(values=dots)).encode(y=y, yOffset=offset, color=color)
    return view(
        [
            base.transform_filter("datum.low !== null && datum.high !== null")
            .mark_rule(strokeWidth=1.5, opacity=0.6)
            .encode(x=alt.X("low:Q", **x), x2="high:Q"),
            base.mark_point(filled=True, size=60, opacity=1).encode(
                x=alt.X("value:Q", **x), tooltip=["stage:N", "what:N", "value:Q"]
            ),
        ],
        width,
        rows_high(len(rows) * len(names)) + (24 if len(names) > 1 else 0),
    )
