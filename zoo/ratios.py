"""Intervals of ratios: of two means (Fieller) and of two medians (Woodruff, MOVER)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from zoo.clustered import Floats, Labels, Part, covariance, no_pseudo
from zoo.stats import LEVEL, Interval, Z


def fieller(over: float, under: float, spread: Floats, df: float = math.inf) -> Interval | None:
    """95 % interval of over / under, None where it has no end.

    spread: (2, 2) covariance of (over, under). Fieller 1954, "Some problems in interval
    estimation": the values of the ratio that over - ratio * under does not contradict. It has an
    end just where `under` differs from 0 at the 5 % level.

    >>> fieller(1.0, 2.0, np.zeros((2, 2))).low
    0.5
    """
    from scipy.special import stdtrit

    quantile = float(stdtrit(df, 0.5 + LEVEL / 2)) if math.isfinite(df) else Z
    top, both, bottom = quantile**2 * np.array([spread[0][0], spread[0][1], spread[1][1]])
    # over - r * under is quadratic in r: a r^2 - 2 b r + c <= 0
    a, b, c = under**2 - bottom, under * over - both, over**2 - top
    if not a > 0:
        return None
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return Interval(over / under, float((b - root) / a), float((b + root) / a))


def ratio_of_medians(
    base: ArrayLike, other: ArrayLike, clusters: Labels | None = None
) -> Interval | None:
    """95 % interval of median(other) / median(base) over the same (n,) positive numbers.

    Each median's limits are Woodruff's (1952, "Confidence intervals for medians and other position
    measures"): the quantiles at .5 -+ z standard errors of the share below, clustered. The two are
    joined on the logarithmic scale by MOVER (Zou and Donner 2008, "Construction of confidence
    limits about effect measures"), with the correlation of the two shares, since items are paired.
    None where fewer than two clusters say anything, or a limit is not positive.
    """
    ends = [np.asarray(each, dtype=float) for each in (base, other)]
    labels = range(ends[0].size) if clusters is None else clusters
    medians = [float(np.median(each)) for each in ends]
    below = [
        Part((each <= median).astype(float), labels)
        for each, median in zip(ends, medians, strict=True)
    ]
    spread = covariance([[part] for part in below], no_pseudo)
    if not np.isfinite(spread).all() or min(medians) <= 0:
        return None
    errors = np.sqrt(np.diag(spread))
    product = float(errors.prod())
    correlation = float(np.clip(spread[0, 1] / product, -1, 1)) if product > 0 else 0.0
    # a half-step of the empirical distribution keeps small samples honest
    step = 0.5 / ends[0].size
    shares = [np.clip([0.5 - Z * e - step, 0.5 + Z * e + step], 0, 1) for e in errors]
    limits = [
        np.quantile(each, share, method="inverted_cdf")
        for each, share in zip(ends, shares, strict=True)
    ]
    if min(float(each.min()) for each in limits) <= 0:
        return None
    (low_base, high_base), (low_other, high_other) = (np.log(each) for each in limits)
    log_base, log_other = map(math.log, medians)
    centre = log_other - log_base

    def half(mine: float, theirs: float) -> float:
        return math.sqrt(max(mine**2 + theirs**2 - 2 * correlation * abs(mine * theirs), 0.0))

    low = centre - half(log_other - low_other, high_base - log_base)
    high = centre + half(high_other - log_other, log_base - low_base)
    return Interval(math.exp(centre), math.exp(low), math.exp(high))
