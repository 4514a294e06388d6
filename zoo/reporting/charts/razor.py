"""The razor: how far a stage moved from its parent, against what it forgot."""

from __future__ import annotations

from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.charts.probes import panels_of, stage_color
from zoo.reporting.draft import Draft
from zoo.reporting.lineage import short_names
from zoo.reporting.text import clean


def razor(tradeoff: Tradeoff, width: int) -> Figure | None:
    """One panel: KL(parent || child) in nats, and the loss of general ability, in points."""
    dots = _dots(tradeoff)
    if not dots:
        return None
    said = "; ".join(f"{d['stage']} {d['kl']:.3g} nats, loss {d['loss']:.1f}" for d in dots)
    return Figure(
        "razor",
        "Distance from the parent and forgetting",
        ("KL(parent || child) in nats, sampled from the parent",),
        f"{len(dots)} stages are points on a scatter, not a law: whether distance predicts "
        "forgetting needs many more of them.",
        (Panel("Distance and loss", _spec(tradeoff, dots, width), f"Scatter: {said}."),),
        ("Stage", "From", "Protocol", "KL (nats)", "95 % limits", "Loss of G"),
        [
            (
                d["stage"],
                d["base"],
                d["protocol"],
                f"{d['kl']:.3g}",
                "" if d["low"] is None else f"[{d['low']:.3g}, {d['high']:.3g}]",
                figures.points(d["loss"] / 100),
            )
            for d in dots
        ],
    )


def _dots(tradeoff: Tradeoff) -> list[dict[str, Any]]:
    draft = Draft(tradeoff)
    names = short_names(stage.model for stage in tradeoff.stages)
    dots = []
    for (_, protocol), rows in panels_of(tradeoff, "razor", "summary").items():
        for row in rows:
            base = str(row.get("base"))
            asked = protocol if protocol in draft.protocols else None
            edge = draft.edge((base, str(row["model"])), asked or "uniform")
            if edge is None or not figures.known(edge.general.delta):
                continue
            if not figures.known(row.get("kl")):
                continue
            bounded = figures.known(row.get("low")) and figures.known(row.get("high"))
            dots.append(
                {
                    "stage": row["stage"],
                    "base": names.get(base, clean(base)),
                    "protocol": clean(asked or "uniform"),
                    "kl": row["kl"],
                    "low": row["low"] if bounded else None,
                    "high": row["high"] if bounded else None,
                    "loss": -100 * edge.general.delta,
                }
            )
    return dots


def _spec(tradeoff: Tradeoff, dots: list[dict[str, Any]], width: int) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(alt.Data(values=dots)).encode(
        y=alt.Y("loss:Q", title="loss of G (points)"), color=stage_color(tradeoff)
    )
    return view(
        [
            base.transform_filter("datum.low !== null")
            .mark_rule(strokeWidth=1.5, opacity=0.5)
            .encode(x=alt.X("low:Q"), x2=alt.X2("high:Q")),
            base.mark_point(filled=True, size=80, opacity=1).encode(
                x=alt.X("kl:Q", title="KL(parent || child), nats"),
                tooltip=[
                    alt.Tooltip("stage:N"),
                    alt.Tooltip("base:N"),
                    alt.Tooltip("protocol:N"),
                    alt.Tooltip("kl:Q"),
                    alt.Tooltip("loss:Q"),
                ],
            ),
        ],
        width,
        320,
    )
