"""Calibration: whether an answer is as often right as its probability says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.charts.probes import Row, panels_of, protocol_of, stage_color, title_of


def calibration(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A reliability diagram for each benchmark and protocol, a line for each stage."""
    bins = panels_of(tradeoff, "calibration", "bin")
    summaries = panels_of(tradeoff, "calibration", "summary")
    if not bins:
        return None
    return Figure(
        "calibration",
        "Calibration",
        ("the diagonal is perfect; below it, a stage is surer than it is right",),
        "Multiple choice only: the probability of the chosen option among the options. ECE is the "
        "mean distance from the diagonal over bins of equally many items; with few items it is "
        "above zero even for a perfect model.",
        tuple(
            Panel(
                title_of(key),
                _spec(tradeoff, rows, width),
                _alt(title_of(key), rows, summaries.get(key, ())),
                protocol_of(key),
            )
            for key, rows in bins.items()
        ),
        ("Benchmark", "Stage", "Items", "ECE", "95 % limits", "Brier", "95 % limits"),
        [
            (
                title_of(key),
                row["stage"],
                figures.count(row.get("n")),
                figures.points(row.get("ece")),
                _limits(row, "ece"),
                figures.points(row.get("brier")),
                _limits(row, "brier"),
            )
            for key, rows in (summaries or bins).items()
            for row in rows
        ],
    )


def _limits(row: Row, name: str) -> str:
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if not (figures.known(low) and figures.known(high)):
        return ""
    return f"[{figures.points(low)}, {figures.points(high)}]"


def _spec(tradeoff: Tradeoff, rows: Sequence[Row], width: int) -> dict[str, Any]:
    import altair as alt

    dots = [
        {
            "stage": row["stage"],
            "confidence": 100 * row["confidence"],
            "accuracy": 100 * row["accuracy"],
            "n": row.get("n"),
        }
        for row in rows
        if figures.known(row.get("confidence")) and figures.known(row.get("accuracy"))
    ]
    x = alt.X("confidence:Q", title="probability of the choice (%)")
    y = alt.Y("accuracy:Q", title="right (%)", scale=alt.Scale(domain=[0, 100]))
    ends = [{"confidence": 0, "accuracy": 0}, {"confidence": 100, "accuracy": 100}]
    side = min(width, 420)
    return view(
        [
            alt.Chart(alt.Data(values=ends))
            .mark_line(color=theme.FAINT, strokeDash=[4, 3])
            .encode(x=x, y=y),
            alt.Chart(alt.Data(values=dots))
            .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=1.6)
            .encode(
                x=x,
                y=y,
                color=stage_color(tradeoff),
                tooltip=[
                    alt.Tooltip("stage:N"),
                    alt.Tooltip("confidence:Q"),
                    alt.Tooltip("accuracy:Q"),
                    alt.Tooltip("n:Q"),
                ],
            ),
        ],
        side,
        side,
    )


def _alt(title: str, bins: Sequence[Row], summaries: Sequence[Row]) -> str:
    said = [f"{row['stage']} ECE {figures.points(row.get('ece'))}" for row in summaries]
    return f"Reliability diagram of {len(bins)} bins, {title}. {'; '.join(said)}."
