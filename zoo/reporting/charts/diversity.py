"""Diversity: how many different answers k tries give."""

from __future__ import annotations

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.probes import panels_of, protocol_of, title_of
from zoo.reporting.charts.shares import rows_of_dots

FIELDS = (("different answers", "distinct", "low", "high"),)


def diversity(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each benchmark and protocol."""
    panels = panels_of(tradeoff, "diversity", "summary")
    if not panels:
        return None
    return Figure(
        "diversity",
        "Different answers in k tries",
        ("answers are the same where the benchmark's filter leaves the same; 95 % over items",),
        "Fewer different answers are no loss where one is right, and no gain where none is.",
        tuple(
            Panel(
                title_of(key),
                rows_of_dots(
                    rows, FIELDS, width, f"different answers of {rows[0]['k']}", (1, rows[0]["k"])
                ),
                f"Different answers in {rows[0]['k']} tries, {title_of(key)}: "
                + "; ".join(f"{row['stage']} {row['distinct']:.1f}" for row in rows),
                protocol_of(key),
            )
            for key, rows in panels.items()
        ),
        ("Benchmark", "Stage", "Items", "k", "Different", "95 % limits"),
        [
            (
                title_of(key),
                row["stage"],
                figures.count(row.get("n")),
                str(row["k"]),
                f"{row['distinct']:.2f}",
                figures.limits(row.get("low"), row.get("high"), raw=True),
            )
            for key, rows in panels.items()
            for row in rows
        ],
    )
