"""Reproduced against published: a run's scores beside those of cards and papers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.lineage import short_names
from zoo.reporting.published import PROTOCOL_ROOM, Held, held_against_published
from zoo.reporting.text import clean


def published(tradeoff: Tradeoff, width: int) -> Figure | None:
    """One panel: published on one axis, ours on the other, each with its tolerance."""
    held = held_against_published(tradeoff)
    if not held:
        return None
    names = short_names(stage.model for stage in tradeoff.stages)
    within = sum(each.reproduced for each in held)
    return Figure(
        "published",
        "Beside published scores",
        (f"bars: tolerance, sampling on both sides and {100 * PROTOCOL_ROOM:g} points",),
        "Published tables are asked with prompts, shots and extraction of their own. A score "
        "within the tolerance is no proof of the same protocol, one outside it no proof of a "
        "fault: the table names what is known to differ.",
        (
            Panel(
                "Ours and published",
                _spec(held, names, width),
                f"{within} of {len(held)} scores are within the tolerance of published ones.",
            ),
        ),
        (
            "Stage",
            "Benchmark",
            "Protocol",
            "Ours",
            "Published",
            "Difference",
            "Tolerance",
            "Within",
            "Known to differ",
            "Source",
        ),
        [
            (
                names[each.model],
                clean(each.score.benchmark),
                each.score.protocol,
                figures.points(each.score.value),
                figures.points(each.published),
                figures.signed(each.difference),
                figures.points(each.tolerance),
                "yes" if each.reproduced else "no",
                "⚠ " + "; ".join(map(clean, each.differences)) if each.differences else "",
                each.where,
            )
            for each in held
        ],
    )


def _spec(held: Sequence[Held], names: Any, width: int) -> dict[str, Any]:
    import altair as alt

    rows = [
        {
            "stage": names[each.model],
            "benchmark": clean(each.score.benchmark),
            "protocol": each.score.protocol,
            "published": 100 * each.published,
            "ours": 100 * (each.score.value or 0.0),
            "low": 100 * (each.published - each.tolerance),
            "high": 100 * (each.published + each.tolerance),
            "within": "yes" if each.reproduced else "no",
        }
        for each in held
    ]
    color = alt.Color(
        "within:N",
        scale=alt.Scale(domain=["yes", "no"], range=[theme.SERIES[2], theme.SERIES[1]]),
        legend=alt.Legend(title="within tolerance", orient="bottom"),
    )
    ends = [{"published": 0, "ours": 0}, {"published": 100, "ours": 100}]
    x, y = alt.X("published:Q", title="published (points)"), alt.Y("ours:Q", title="ours (points)")
    tip = [alt.Tooltip(f"{name}:N") for name in ("stage", "benchmark", "protocol")]
    tip += [alt.Tooltip(f"{name}:Q", format=".1f") for name in ("ours", "published")]
    base = alt.Chart(alt.Data(values=rows)).encode(x=x, tooltip=tip)
    side = min(width, 460)
    return view(
        [
            alt.Chart(alt.Data(values=ends))
            .mark_line(color=theme.FAINT, strokeDash=[4, 3])
            .encode(x=x, y=y),
            base.mark_rule(color=theme.GREY, strokeWidth=5, opacity=0.5).encode(
                y=alt.Y("low:Q", title="ours (points)"), y2=alt.Y2("high:Q")
            ),
            base.mark_point(filled=True, size=70, opacity=1).encode(y=y, color=color),
        ],
        side,
        side + 30,
    )
