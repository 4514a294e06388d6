"""Over-optimisation: held-out S against the distance from where a training began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.charts.probes import Row, panels_of, protocol_of, title_of
from zoo.reporting.lineage import short_names
from zoo.reporting.text import clean

NAME = "overoptimisation"


def overoptimisation(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each training and protocol: points of its checkpoints, curve and peak."""
    points = _by_training(tradeoff, "point")
    if not points:
        return None
    curves, fits = _by_training(tradeoff, "curve"), _by_training(tradeoff, "fit")
    return Figure(
        NAME,
        "Distance and held-out ability",
        ("sqrt(KL(parent || checkpoint)); curve: d (a − b ln d), 95 % band",),
        "Held-out S of each checkpoint minus that of the parent. Where the curve turns, more of "
        "the same training cost what it was for. The reward that was optimised is not shown: it "
        "was not measured here. A curve of two parameters through few points only describes them.",
        tuple(
            Panel(
                title_of(("", key[1]), f"From {rows[0]['start']}"),
                _spec(rows, curves.get(key, ()), fits.get(key, ()), width),
                _alt(rows, fits.get(key, ())),
                protocol_of(key),
            )
            for key, rows in points.items()
        ),
        ("Protocol", "Checkpoint", "Step", "sqrt(KL)", "Gain of S", "95 % limits", "Peak"),
        [
            (
                str(key[1] or ""),
                row["stage"],
                str(row["step"]),
                f"{row['distance']:.3g}",
                figures.signed(row["gain"]),
                figures.limits(row["low"], row["high"]),
                _peak(fits.get(key, ())) if row is rows[-1] else "",
            )
            for key, rows in points.items()
            for row in rows
        ],
    )


def _by_training(tradeoff: Tradeoff, kind: str) -> dict[tuple[str, Any], list[Row]]:
    """Rows by (base, protocol), each with `stage` and `start`, the base's short name."""
    names = short_names(stage.model for stage in tradeoff.stages)
    found: dict[tuple[str, Any], list[Row]] = {}
    for (_, protocol), rows in panels_of(tradeoff, NAME, kind).items():
        for row in rows:
            base = str(row.get("base"))
            start = names.get(base, clean(base))
            found.setdefault((base, protocol), []).append({**row, "start": start})
    return found


def _peak(fits: Sequence[Row]) -> str:
    """Where the curve turns, and how likely that is within what was measured."""
    if not fits:
        return "too few checkpoints"
    fit = fits[0]
    sure = f"turned before the last with probability {fit['turned']:.2f}"
    if fit.get("peak") is None:
        return f"none; {sure}"
    low, high = fit.get("peak_low"), fit.get("peak_high")
    limits = f" [{low:.3g}, {'∞' if high is None else f'{high:.3g}'}]" if low is not None else ""
    return f"{fit['peak']:.3g}{limits}; {sure}"


def _spec(
    points: Sequence[Row], curves: Sequence[Row], fits: Sequence[Row], width: int
) -> dict[str, Any]:
    import altair as alt

    def drawn(rows: Sequence[Row]) -> list[dict[str, Any]]:
        return [
            {
                "distance": row["distance"],
                "checkpoint": row["stage"],
                "step": row.get("step"),
                **{name: 100 * row[name] for name in ("gain", "low", "high")},
            }
            for row in rows
        ]

    end = max(row["distance"] for row in points)
    scale = alt.Scale(domain=[0, 1.04 * end], nice=False)
    x = alt.X("distance:Q", title="sqrt(KL), from the parent", scale=scale)
    y = alt.Y("gain:Q", title="gain of held-out S (points)")
    low = alt.Y("low:Q", title="gain of held-out S (points)")
    high = alt.Y2("high:Q")
    line = alt.Chart(alt.Data(values=drawn(curves)))
    dots = alt.Chart(alt.Data(values=drawn(points)))
    peaks = [{"at": row["peak"]} for row in fits if row.get("peak") and row["peak"] <= end]
    return view(
        [
            line.mark_area(opacity=0.14, color=theme.SERIES[0]).encode(x=x, y=low, y2=high),
            line.mark_line(color=theme.SERIES[0], strokeWidth=2).encode(x=x, y=y),
            alt.Chart(alt.Data(values=peaks))
            .mark_rule(color=theme.FAINT, strokeDash=[4, 3])
            .encode(x=alt.X("at:Q", scale=scale)),
            dots.mark_rule(color=theme.INK, strokeWidth=1.5).encode(x=x, y=low, y2=high),
            dots.mark_point(filled=True, size=60, opacity=1, color=theme.INK).encode(
                x=x,
                y=y,
                tooltip=[
                    alt.Tooltip("checkpoint:N"),
                    alt.Tooltip("step:Q"),
                    alt.Tooltip("distance:Q", format=".3f"),
                    alt.Tooltip("gain:Q", format="+.1f"),
                ],
            ),
        ],
        width,
        320,
    )


def _alt(points: Sequence[Row], fits: Sequence[Row]) -> str:
    said = [f"{row['stage']} {figures.signed(row['gain'])}" for row in points]
    return (
        f"Gain of held-out S of {len(points)} checkpoints against their distance: "
        f"{'; '.join(said)}. Peak: {_peak(fits)}."
    )
