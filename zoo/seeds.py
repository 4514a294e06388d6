"""What is true of a method of training: the training seed is the unit, not the item."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.clustered import Floats
from zoo.effects import Estimate
from zoo.stats import LEVEL, Interval

FEW = 3
"""Training seeds below which nothing is said of a method."""


def over_seeds(changes: Sequence[float]) -> Estimate:
    """The mean of k seeds' changes and its t interval with k - 1 degrees of freedom.

    >>> round(over_seeds([0.1, 0.2, 0.3]).low, 3)
    -0.048
    """
    from scipy.special import stdtrit

    k = len(changes)
    mean = math.fsum(changes) / k
    if k < 2:
        return Estimate(mean)
    error = float(np.std(changes, ddof=1)) / math.sqrt(k)
    half = float(stdtrit(k - 1, 0.5 + LEVEL / 2)) * error
    return Estimate(mean, mean - half, mean + half)


def welch(base: Floats, other: Floats) -> tuple[Interval, float]:
    """Mean of other minus that of base, two or more seeds each, and its degrees of freedom.

    Welch 1947, "The generalization of Student's problem when several different population variances
    are involved", with Satterthwaite's degrees of freedom; those of the fewer seeds where neither
    has any spread.

    >>> found, freedom = welch(np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7]))
    >>> round(found.value, 2), round(found.low, 2), round(freedom, 1)
    (0.4, 0.17, 4.0)
    """
    from scipy.special import stdtrit

    sizes = base.size, other.size
    shares = [float(each.var(ddof=1)) / each.size for each in (base, other)]
    total = math.fsum(shares)
    value = float(other.mean() - base.mean())
    if not total > 0:
        return Interval(value, value, value), float(min(sizes) - 1)
    freedom = total**2 / sum(v**2 / (k - 1) for v, k in zip(shares, sizes, strict=True))
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * math.sqrt(total)
    return Interval(value, value - half, value + half), freedom


def after_peak(course: Floats) -> Estimate:
    """The last checkpoint minus the best, over seeds; course: (seeds, checkpoints), two or more.

    The best of a seed is picked by the mean of the other seeds and read on this one, since the best
    of what it was picked by is too high.

    >>> after_peak(np.array([[0.0, 0.5, 0.2], [0.0, 0.6, 0.2], [0.1, 0.5, 0.1]])).value.__round__(2)
    -0.37
    """
    falls = [
        float(own[-1] - own[np.delete(course, at, axis=0).mean(axis=0).argmax()])
        for at, own in enumerate(course)
    ]
    return over_seeds(falls)
