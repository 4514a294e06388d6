"""The heat map: what each stage changed in each capability, with all that qualifies a colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from zoo import stats
from zoo.contrasts import Contrast, Tradeoff
from zoo.reporting import figures
from zoo.reporting.cells import BH_LEVEL, HOLM_LEVEL
from zoo.reporting.charts import theme
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import edges, view
from zoo.reporting.draft import Draft
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol


@dataclass(frozen=True)
class Field:
    """One capability of one edge.

    delta: mean change of the normalised scores. p: of its benchmarks the smallest, times how many
    they are (Bonferroni). mark: what the figure puts on it; flags: ceiling, underpowered.
    """

    stage: str
    against: str
    capability: str
    delta: float
    p: float | None
    mark: str = ""
    flags: tuple[str, ...] = ()


def heatmap(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each protocol: edges beside each other, capabilities below each other."""
    draft = Draft(tradeoff)
    found = {p: fields for p in draft.protocols if (fields := _fields(draft, p))}
    if not found:
        return None
    most = max(abs(field.delta) for fields in found.values() for field in fields) or 1.0
    return Figure(
        "heatmap",
        "Stage by capability",
        ("change against the parent; ● Holm ○ Benjamini-Hochberg ▲ ceiling ╱ underpowered",),
        "Points of normalised score (0 a guesser, 100 perfection). Colours without a mark are "
        "changes that could be chance; a capability near its ceiling cannot show a gain, an "
        "underpowered one cannot show much of anything.",
        tuple(
            Panel(protocol, _spec(draft, fields, most, width), _alt(protocol, fields), protocol)
            for protocol, fields in found.items()
        ),
        ("Protocol", "Stage", "Against", "Capability", "Change", "p", "Mark", "Flags"),
        [
            (
                protocol,
                field.stage,
                field.against,
                field.capability,
                figures.signed(field.delta),
                figures.UNKNOWN if field.p is None else f"{field.p:.3f}",
                field.mark,
                ", ".join(field.flags),
            )
            for protocol, fields in found.items()
            for field in fields
        ],
    )


def _fields(draft: Draft, protocol: Protocol) -> list[Field]:
    """Every edge and capability with a change, marked by Holm and Benjamini-Hochberg over all."""
    bare = []
    for edge in edges(draft):
        if edge.protocol != protocol:
            continue
        groups: dict[str, list[tuple[float, float, Contrast]]] = {}
        for key, contrast in edge.changes:
            before, after = (draft.joins.scores.get((m, protocol, key)) for m in edge.pair)
            if before is None or after is None or contrast.mixed:
                continue
            if figures.known(before.normalised) and figures.known(after.normalised):
                change = after.normalised - before.normalised
                groups.setdefault(after.capability, []).append((change, after.share, contrast))
        for capability, members in groups.items():
            contrasts = [each for *_, each in members]
            ps = [each.p for each in contrasts if figures.known(each.p)]
            p = min(1.0, len(ps) * min(ps)) if len(ps) == len(members) else None
            delta = fmean([each[0] for each in members], [each[1] for each in members])
            flags = _flags(draft, edge.pair[1], protocol, contrasts)
            name = shorten(clean(capability), 22) or "(no name)"
            bare.append(Field(edge.other, edge.base, name, delta, p, flags=flags))
    return _marked(bare)


def _marked(fields: Sequence[Field]) -> list[Field]:
    ps = [float("nan") if field.p is None else field.p for field in fields]
    holm, bh = stats.holm(ps), stats.benjamini_hochberg(ps)
    marks = [
        "Holm" if strict <= HOLM_LEVEL else "BH" if loose <= BH_LEVEL else ""
        for strict, loose in zip(holm, bh, strict=True)
    ]
    return [
        Field(f.stage, f.against, f.capability, f.delta, f.p, mark, f.flags)
        for f, mark in zip(fields, marks, strict=True)
    ]


def _flags(
    draft: Draft, model: str, protocol: Protocol, contrasts: Sequence[Contrast]
) -> tuple[str, ...]:
    """What the analysis flagged of every benchmark of the field."""
    raised = {
        (row.benchmark, row.metric, row.kind)
        for row in draft.tradeoff.flags
        if (row.model, row.protocol) == (model, protocol)
    }
    return tuple(
        kind
        for kind in ("ceiling", "floor", "underpowered")
        if all((each.benchmark, each.metric, kind) in raised for each in contrasts)
    )


def _spec(draft: Draft, fields: Sequence[Field], most: float, width: int) -> dict[str, Any]:
    import altair as alt

    children = [child for _, child in draft.pairs]
    several = len(set(children)) < len(children)  # a merge stands against each of its parents
    rows = [
        {
            "stage": f"{f.stage} vs {f.against}" if several else f.stage,
            "capability": f.capability,
            "delta": 100 * f.delta,
            "text": figures.signed(f.delta),
            "mark": f.mark,
            "flags": ", ".join(f.flags),
        }
        for f in fields
    ]
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    cell = max(width - 160, 120) / len(stages)
    narrow = cell < 90
    lines = len({row["capability"] for row in rows})
    height = (40 if narrow else 30) * lines + (120 if len(stages) > 2 else 50)
    x = alt.X(
        "stage:N",
        sort=None,
        title=None,
        axis=alt.Axis(
            orient="top",
            labelAngle=-35 if len(stages) > 2 else 0,
            labelAlign="left" if len(stages) > 2 else "center",
            labelLimit=160,
            ticks=False,
            domain=False,
        ),
    )
    y = alt.Y(
        "capability:N",
        sort=None,
        title=None,
        axis=alt.Axis(labelLimit=150, ticks=False, domain=False),
    )
    tip = [alt.Tooltip(f"{name}:N") for name in ("stage", "capability", "text", "mark", "flags")]
    base = alt.Chart(alt.Data(values=rows)).encode(x=x, y=y, tooltip=tip)
    scale = alt.Scale(
        domain=[-100 * most, 0, 100 * most], range=list(theme.DIVERGING), interpolate="rgb"
    )

    def layer(rule: Any, **mark: Any) -> Any:
        chosen = [row for row, field in zip(rows, fields, strict=True) if rule(field)]
        text = mark.pop("text")
        return (
            alt.Chart(alt.Data(values=chosen))
            .mark_text(color=theme.INK, **mark)
            .encode(x=x, y=y, text=alt.value(text))
        )

    side, below = (10, 10) if narrow else (min(cell / 2 - 8, 34), 0)
    return view(
        [
            base.mark_rect(stroke=theme.PAPER, strokeWidth=2).encode(
                color=alt.Color("delta:Q", scale=scale, legend=None)
            ),
            base.mark_text(fontSize=11, color=theme.INK, dy=-below * 0.7).encode(
                text=alt.Text("text:N")
            ),
            layer(lambda f: f.mark == "Holm", text="●", dx=-side, dy=below, fontSize=11),
            layer(lambda f: f.mark == "BH", text="○", dx=-side, dy=below, fontSize=12),
            layer(lambda f: "ceiling" in f.flags, text="▲", dx=side, dy=below, fontSize=9),
            layer(lambda f: "underpowered" in f.flags, text="╱╱", dx=side, dy=below, fontSize=12),
        ],
        width,
        height,
    )


def _alt(protocol: Protocol, fields: Sequence[Field]) -> str:
    told = [f"{f.stage} {f.capability} {figures.signed(f.delta)}" for f in fields if f.mark]
    return (
        f"Heat map of {len(fields)} changes by stage and capability, {protocol} protocol. "
        f"Significant: {'; '.join(told) or 'none'}."
    )
