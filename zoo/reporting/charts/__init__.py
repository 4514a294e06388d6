"""Every figure of a report by name, in the order of the page: one chart a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zoo.contrasts import Tradeoff
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.plane import plane
from zoo.reporting.charts.targets import targets

Draw = Callable[[Tradeoff, int], Figure | None]
"""(trade-off, pixels that a panel may take) -> the figure, None where there is nothing to show."""

FIGURES: Mapping[str, Draw] = {
    "plane": plane,
    "targets": targets,
}

__all__ = ["FIGURES", "Figure", "Panel"]
