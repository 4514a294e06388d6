"""Accuracy against coverage: whether a stage is right where it is surest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.charts.probes import Row, curve, panels_of, protocol_of, title_of


def coverage(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each protocol, a line for each stage."""
    curves = panels_of(tradeoff, "coverage", "curve")
    areas = {
        (row["stage"], key[1]): row.get("area")
        for key, rows in panels_of(tradeoff, "coverage", "summary").items()
        for row in rows
    }
    if not curves:
        return None
    return Figure(
        "coverage",
        "Accuracy by coverage",
        ("of all multiple choice, the items on which a stage is surest",),
        "At 100 % every item is answered; to the left only the surest. A line that rises to the "
        "left belongs to a stage that knows what it knows; a flat one cannot tell. The area is the "
        "mean error over all coverages, 0 for a stage that is never wrong.",
        tuple(
            Panel(
                title_of(key, "All multiple choice"),
                _spec(tradeoff, rows, width),
                _alt(title_of(key), rows),
                protocol_of(key),
            )
            for key, rows in curves.items()
        ),
        ("Protocol", "Stage", "Coverage", "Items", "Accuracy", "95 % limits", "Area"),
        [
            (
                str(key[1] or ""),
                row["stage"],
                f"{100 * row['coverage']:.0f} %",
                figures.count(row.get("n")),
                figures.points(row.get("accuracy")),
                _limits(row),
                figures.points(areas.get((row["stage"], key[1]))),
            )
            for key, rows in curves.items()
            for row in rows
        ],
    )


def _limits(row: Row) -> str:
    if not (figures.known(row.get("low")) and figures.known(row.get("high"))):
        return ""
    return f"[{figures.points(row['low'])}, {figures.points(row['high'])}]"


def _spec(tradeoff: Tradeoff, rows: Sequence[Row], width: int) -> dict[str, Any]:
    import altair as alt

    percent = [{**row, "coverage": 100 * row["coverage"]} for row in rows]
    x = alt.X(
        "coverage:Q",
        title="items answered, the surest first (%)",
        scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(values=list(range(0, 101, 20))),
    )
    layers, _ = curve(tradeoff, percent, x, "accuracy", "right (%)", zero=False)
    return view(layers, width, 320)


def _alt(title: str, rows: Sequence[Row]) -> str:
    ends: dict[str, dict[float, Row]] = {}
    for row in rows:
        ends.setdefault(row["stage"], {})[row["coverage"]] = row
    said = [
        f"{stage} {figures.points(found[max(found)].get('accuracy'))} on all, "
        f"{figures.points(found[min(found)].get('accuracy'))} on the surest "
        f"{100 * min(found):.0f} %"
        for stage, found in ends.items()
    ]
    return f"Accuracy against coverage, {title}: {'; '.join(said)}."
