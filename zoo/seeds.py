"""What is true of a method of training: over training seeds, and over the items they were asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.clustered import Floats
from zoo.effects import SeedEstimate
from zoo.stats import LEVEL, Interval, Z

FEW = 3
"""Training seeds below which nothing is said of a method."""


def item_error(value: float | None, low: float | None, high: float | None) -> float | None:
    """Standard error over items of a change with these 95 % limits, None where they are not known.

    The wider side counts, since limits are cut at what is possible.

    >>> round(item_error(0.5, 0.304, 0.6), 3)
    0.1
    """
    if value is None or low is None or high is None:
        return None
    return max(high - value, value - low) / Z


def item_variance(errors: Sequence[float | None]) -> float | None:
    """At most this does the mean of k seeds' changes vary over the items that all were asked.

    The variance of a mean is at most the mean of the variances, and that where all agree.
    """
    known = [error**2 for error in errors if error is not None]
    return math.fsum(known) / len(errors) if errors and len(known) == len(errors) else None


def over_seeds(changes: Sequence[float], errors: Sequence[float | None]) -> SeedEstimate:
    """The mean of k seeds' changes and its limits over seeds and over items.

    errors: of each change over the items, of which all seeds were asked the same. The half widths
    over seeds (t with k - 1 degrees of freedom) and over items (`item_variance`) are joined as
    `_limits` says. What the items move in each seed alone is in both, so that the limits are rather
    too wide.

    >>> round(over_seeds([0.1, 0.2, 0.3], [0.0, 0.0, 0.0]).low, 3)
    -0.048
    >>> round(over_seeds([0.2, 0.2, 0.2], [0.1, 0.1, 0.1]).low, 3)
    0.004
    """
    k = len(changes)
    mean = math.fsum(changes) / k
    items = item_variance(errors)
    if k < 2 or items is None:
        return SeedEstimate(mean)
    found = _limits(mean, float(np.var(changes, ddof=1)) / k, k - 1, items)
    return SeedEstimate(mean, found.low, found.high, math.sqrt(items))


def welch(base: Floats, other: Floats, items: float = 0.0) -> tuple[Interval, float]:
    """Mean of other minus that of base, two or more seeds each, and its degrees of freedom over
    seeds.

    items: the variance of that difference over items, joined to that over seeds (`_limits`).
    Welch 1947, "The generalization of Student's problem when several different population variances
    are involved", with Satterthwaite's degrees of freedom; those of the fewer seeds where neither
    has any spread.

    >>> found, freedom = welch(np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7]))
    >>> round(found.value, 2), round(found.low, 2), round(freedom, 1)
    (0.4, 0.17, 4.0)
    """
    sizes = base.size, other.size
    shares = [float(each.var(ddof=1)) / each.size for each in (base, other)]
    total = math.fsum(shares)
    freedom = float(min(sizes) - 1)
    if total > 0:
        freedom = total**2 / sum(v**2 / (k - 1) for v, k in zip(shares, sizes, strict=True))
    return _limits(float(other.mean() - base.mean()), total, freedom, items), freedom


def after_peak(course: Floats, errors: Floats) -> SeedEstimate:
    """The last checkpoint minus the best, over seeds; course: (seeds, checkpoints), two or more.

    errors: over items, like `course`, NaN where not known; those of both checkpoints count, which
    is too much where they agree on the items, and most where the last is the best. The best of a
    seed is picked by the mean of the other seeds and read on this one, since the best of what it
    was picked by is too high.

    >>> found = after_peak(np.array([[0.0, 0.5, 0.2], [0.0, 0.6, 0.2]]), np.zeros((2, 3)))
    >>> round(found.value, 2)
    -0.35
    """
    last = course.shape[1] - 1
    falls, spread = [], []
    for at, own in enumerate(course):
        best = int(np.delete(course, at, axis=0).mean(axis=0).argmax())
        falls.append(float(own[last] - own[best]))
        spread.append(math.hypot(errors[at, last], errors[at, best]))
    return over_seeds(falls, [None if math.isnan(error) else error for error in spread])


def _limits(value: float, seeds: float, freedom: float, items: float) -> Interval:
    """Limits of a mean whose variance over seeds was estimated, and over items is taken as known.

    The half widths of both are added in squares (Zou and Donner 2008). Satterthwaite's degrees of
    freedom of the sum would be too many wherever a few seeds lie close together by chance: with
    three seeds 95 % limits hold in 92 % and those of a claim in 98 instead of 99.8 %.
    """
    from scipy.special import stdtrit

    tail = 0.5 + LEVEL / 2
    half = math.hypot(float(stdtrit(freedom, tail)) * math.sqrt(seeds), Z * math.sqrt(items))
    return Interval(value, value - half, value + half)
