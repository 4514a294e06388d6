"""How far means with standard errors can be ranked, all of them at once.

Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for Ranks with Applications to Mobility across
Neighbourhoods and Academic Achievement across Countries" (Review of Economic Studies 91): take
simultaneous confidence intervals of all pairwise differences; a mean's rank is at least 1 + the
number of means that are surely above it, and at most k - the number that are surely below it. With
the probability that all intervals of differences cover, *all* ranks lie within their bounds.

The simultaneous critical value is Tukey and Kramer's, the range of k standard normals over
sqrt(2), which for unequal errors is never too small (Hayter 1984). It takes means for independent;
answers to the same items go together, which makes differences smaller than it thinks and the bounds
wider than they need be.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

AT_ONCE = 1000
"""Rows of the table of pairs that are in memory together."""


def rank_bounds(values: ArrayLike, stderrs: ArrayLike, level: float = 0.95) -> NDArray[np.int64]:
    """(k, 2) smallest and greatest rank of each of k means, 1 for the highest.

    values, stderrs: (k,). With probability `level` at least, all k true ranks lie within; of equal
    true means each has every rank that their order might give it. A mean that is nan, or whose
    error is, can have any rank.

    >>> rank_bounds([0.9, 0.5, 0.52], [0.01, 0.01, 0.01]).tolist()
    [[1, 1], [2, 3], [2, 3]]
    """
    means, errors = np.asarray(values, dtype=float), np.asarray(stderrs, dtype=float)
    if means.ndim != 1 or means.shape != errors.shape:
        raise ValueError(f"wanted as many errors as means, not {errors.shape} for {means.shape}")
    k = means.size
    bounds = np.tile(np.array([1, k], dtype=np.int64), (k, 1))
    critical = critical_value(k, level)
    for start in range(0, k, AT_ONCE):
        own = slice(start, start + AT_ONCE)
        difference = means[own, None] - means
        margin = critical * np.sqrt(errors[own, None] ** 2 + errors**2)
        bounds[own, 0] += (difference < -margin).sum(axis=1)
        bounds[own, 1] -= (difference > margin).sum(axis=1)
    return bounds


@cache
def critical_value(k: int, level: float = 0.95) -> float:
    """How many standard errors apart two of k means must be to be surely different, all at once.

    The quantile of the range of k independent standard normals, over sqrt(2).

    >>> round(critical_value(2), 2), round(critical_value(10), 2)
    (1.96, 3.16)
    """
    if k < 2:
        return 0.0
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(level, k, math.inf)) / math.sqrt(2)
