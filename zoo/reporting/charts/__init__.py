"""Every figure of a report by name, in the order of the page: one chart a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zoo.contrasts import Tradeoff
from zoo.reporting.charts.abstention import abstention
from zoo.reporting.charts.calibration import calibration
from zoo.reporting.charts.coverage import coverage
from zoo.reporting.charts.decomposition import decomposition
from zoo.reporting.charts.diversity import diversity
from zoo.reporting.charts.figure import Figure, Panel
from zoo.reporting.charts.flips import flips
from zoo.reporting.charts.forest import forest
from zoo.reporting.charts.frontier import frontier
from zoo.reporting.charts.heatmap import heatmap
from zoo.reporting.charts.length import length
from zoo.reporting.charts.lineage import lineage
from zoo.reporting.charts.overoptimisation import overoptimisation
from zoo.reporting.charts.passk import passk
from zoo.reporting.charts.plane import plane
from zoo.reporting.charts.published import published
from zoo.reporting.charts.razor import razor
from zoo.reporting.charts.slope import slope
from zoo.reporting.charts.targets import targets

Draw = Callable[[Tradeoff, int], Figure | None]
"""(trade-off, pixels that a panel may take) -> the figure, None where there is nothing to show."""

FIGURES: Mapping[str, Draw] = {
    "plane": plane,
    "frontier": frontier,
    "lineage": lineage,
    "targets": targets,
    "heatmap": heatmap,
    "slope": slope,
    "forest": forest,
    "decomposition": decomposition,
    "flips": flips,
    "length": length,
    "calibration": calibration,
    "coverage": coverage,
    "passk": passk,
    "diversity": diversity,
    "abstention": abstention,
    "razor": razor,
    "overoptimisation": overoptimisation,
    "published": published,
}

__all__ = ["FIGURES", "Figure", "Panel"]
