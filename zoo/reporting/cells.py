"""One number of a trade-off, dressed as a cell: interval, flips, and how far to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from zoo.contrasts import Change, Contrast, Estimate
from zoo.reporting import figures
from zoo.reporting.tables import Cell, Weight

HOLM_LEVEL = 0.05
BH_LEVEL = 0.10


def estimate_cell(estimate: Estimate | None) -> Cell:
    """`81.2 ±3.0`."""
    if estimate is None:
        return Cell(figures.UNKNOWN)
    interval = figures.margin(estimate.value, estimate.low, estimate.high)
    return Cell(figures.points(estimate.value), interval)


def change_cell(change: Change) -> Cell:
    """`+4.1 [−1.2, +9.4]`, strong where Holm's p is small."""
    if not figures.known(change.delta):
        return Cell(figures.UNKNOWN)
    return Cell(
        figures.signed(change.delta),
        figures.limits(change.low, change.high),
        weight="strong" if _at_most(change.p_adjusted, HOLM_LEVEL) else "plain",
    )


def contrast_cell(
    contrast: Contrast, n: int, *, raw: bool = False, notes: tuple[int, ...] = ()
) -> Cell:
    """`+4.1 [−1.2, +9.4]` with its flips: strong where Benjamini-Hochberg's p is small, else faint
    where it is below the minimum detectable effect, which is then said.

    n: items that need no mention. notes: footnotes on why the edge is mixed.
    """
    assert figures.known(contrast.delta)
    unseen = figures.known(contrast.mde) and abs(contrast.delta) < contrast.mde
    weight: Weight = "faint" if unseen else "plain"
    if _at_most(contrast.p_adjusted, BH_LEVEL):
        weight = "strong"
    text = figures.signed(contrast.delta, raw=raw)
    flips = None
    if contrast.gained is not None and contrast.lost is not None:
        flips = (contrast.gained, contrast.lost)
    return Cell(
        f"({text})" if weight == "faint" else text,
        figures.limits(contrast.low, contrast.high, raw=raw),
        flips,
        mde=figures.points(contrast.mde, raw=raw) if weight == "faint" else "",
        extra="" if contrast.n == n else f"n {contrast.n}",
        weight=weight,
        notes=notes,
        mixed=bool(contrast.mixed),
    )


def mean_cell(
    values: Sequence[float], weights: Sequence[float], rows: int, *, signed: bool
) -> Cell:
    """Weighted mean of a column in points; it says so where rows are missing."""
    if not values:
        return Cell(figures.UNKNOWN if rows else "")
    mean = fmean(values, weights)
    text = figures.signed(mean) if signed else figures.points(mean)
    return Cell(text, extra="" if len(values) == rows else f"({len(values)} of {rows})")


def _at_most(p: float | None, level: float) -> bool:
    return figures.known(p) and p <= level
