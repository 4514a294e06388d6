"""Abstention: who says that it does not know, of what it could not know and of what it could."""

from __future__ import annotations

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.probes import panels_of, protocol_of, title_of
from zoo.reporting.charts.shares import rows_of_dots

NAMES = (
    ("abstains, unknown to the root", "abstain_unknown"),
    ("abstains, known to the root", "abstain_known"),
    ("makes up what it does not get right", "hallucination"),
)
COLUMNS = (
    ("Attempted", "attempted"),
    ("Right of these", "accuracy_attempted"),
    ("Made up", "hallucination"),
    ("Unknown: abstains", "abstain_unknown"),
    ("Known: abstains", "abstain_known"),
)
FIELDS = tuple((called, name, f"{name}_low", f"{name}_high") for called, name in NAMES)


def abstention(tradeoff: Tradeoff, width: int) -> Figure | None:
    """A panel for each benchmark and protocol where some stage abstained."""
    panels = panels_of(tradeoff, "abstention", "summary")
    if not panels:
        return None
    return Figure(
        "abstention",
        "Abstaining and making up",
        ("shares of items, 95 % limits; known: the root was right in some of its tries",),
        "An answer abstains where it uses one of the declared phrases; another way of saying so is "
        "counted as made up.",
        tuple(
            Panel(
                title_of(key),
                rows_of_dots(rows, FIELDS, width, "share of items", (0, 1)),
                f"Shares, {title_of(key)}: "
                + "; ".join(
                    f"{row['stage']} "
                    + ", ".join(f"{called} {figures.points(row.get(n))}" for called, n in NAMES)
                    for row in rows
                ),
                protocol_of(key),
            )
            for key, rows in panels.items()
        ),
        ("Benchmark", "Stage", "Items", *(said for said, _ in COLUMNS)),
        [
            (
                title_of(key),
                row["stage"],
                figures.count(row.get("n")),
                *(figures.points(row.get(name)) for _, name in COLUMNS),
            )
            for key, rows in panels.items()
            for row in rows
        ],
    )
