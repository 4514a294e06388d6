"""pass@k: how many items a stage solves in k tries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.parts import view
from zoo.reporting.charts.probes import Row, curve, panels_of, protocol_of, title_of


def passk(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each benchmark and protocol, k doubling along the axis."""
    curves = panels_of(tradeoff, "passk", "curve")
    crossings = panels_of(tradeoff, "passk", "crossing")
    if not curves:
        return None
    return Figure(
        "passk",
        "Solved in k tries",
        ("pass@k, k on a logarithmic axis; bands: 95 % limits over items",),
        "Where a parent's curve crosses above its child's, the child finds in few tries what its "
        "parent finds in many, and not more. A curve says nothing beyond its largest k.",
        tuple(
            Panel(
                title_of(key),
                _spec(tradeoff, rows, width),
                _alt(title_of(key), rows, crossings.get(key, ())),
                protocol_of(key),
            )
            for key, rows in curves.items()
        ),
        ("Benchmark", "Stage", "k", "pass@k", "95 % limits"),
        [
            (
                title_of(key),
                row["stage"],
                str(row.get("k")),
                figures.points(row.get("value")),
                figures.limits(row.get("low"), row.get("high")),
            )
            for key, rows in curves.items()
            for row in rows
        ],
    )


def _spec(tradeoff: Tradeoff, rows: Sequence[Row], width: int) -> dict[str, Any]:
    import altair as alt

    ks = sorted({row["k"] for row in rows})
    x = alt.X(
        "k:Q",
        title="k",
        scale=alt.Scale(type="log", base=2, domain=[ks[0], max(ks[-1], ks[0] + 1)], nice=False),
        axis=alt.Axis(values=ks, format="d"),
    )
    layers, _ = curve(tradeoff, rows, x, "value", "pass@k (points)")
    return view(layers, width, 320)


def _alt(title: str, rows: Sequence[Row], crossings: Sequence[Row]) -> str:
    last = max(row["k"] for row in rows)
    said = [
        f"{row['stage']} {figures.points(row.get('value'))}" for row in rows if row["k"] == last
    ]
    crossed = [f"{row['stage']} is crossed at k {row['k_star']}" for row in crossings]
    return f"pass@k, {title}, at k {last}: {'; '.join(said)}. {'; '.join(crossed)}"
