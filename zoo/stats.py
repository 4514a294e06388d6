"""Statistics of scores on items: pure functions over numpy arrays.

Scores are one number an item, shape (n,); clusters are one label an item, shape (n,), and None
means that each item stands for itself. Standard errors and limits are in the unit of the scores;
limits are two-sided 95 %. nan stands for what cannot be known from the data: an interval from a
single cluster, say.

Why not sd / sqrt(n) everywhere: near 0 and 1 it is far too narrow (80 % instead of 95 % at
n = 100 with 3 % gains and no losses) and collapses to nothing where no item changed. Binary items
without clusters therefore get the intervals of Agresti and Coull and of Agresti and Min, which add
pseudo-observations; everything else gets a cluster-robust variance, to which the variance of
one pseudo-observation is added in the same spirit (see `zoo.clustered.variance`), with t quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from zoo.clustered import (
    Floats,
    Labels,
    Part,
    are_numbers,
    no_pseudo,
    pseudo_change,
    pseudo_scores,
    variance,
)

LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
DETECTABLE = 2.80
"""z(.975) + z(.80): in standard errors, the change that a 5 % test sees with 80 % power."""


@dataclass(frozen=True)
class Interval:
    """A mean, its 95 % limits, and the standard error they rest on where it is known."""

    value: float
    low: float
    high: float
    stderr: float = math.nan


@dataclass(frozen=True)
class Difference:
    """A mean difference, its 95 % limits, the standard error they rest on, and a two-sided p."""

    value: float
    low: float
    high: float
    stderr: float
    p: float


def mean_stderr(values: ArrayLike, clusters: Labels | None = None) -> tuple[float, float]:
    """Mean of (n,) scores and its standard error, nan below two clusters.

    The square of the error is G / (G - 1) * sum over clusters of (sum of deviations / n)^2, which
    is the sample variance over n where every item is its own cluster: Miller 2024, "Adding Error
    Bars to Evals"; OLS with `cov_type="cluster"` in statsmodels.

    >>> mean_stderr([0, 1, 0, 1])[0]
    0.5
    """
    scores = _scores(values)
    part = Part(scores, _labels(scores, clusters))
    squared, _ = variance([part], no_pseudo)
    return float(scores.mean()), math.sqrt(squared)


def composite_mean(parts: Sequence[Part]) -> Interval:
    """95 % interval of a weighted sum of benchmark means, cut at what is possible.

    The standard error is clustered across the parts: the influences of all items of one cluster,
    on whichever benchmarks, are summed before they are squared. Adding independent errors instead
    calls 11 % of unchanged composites changed when two benchmarks ask the same facts.
    """
    value = _weighted_mean(parts)
    squared, df = variance(parts, pseudo_scores)
    stderr = math.sqrt(squared)
    return Interval(value, *_possible(parts, value, _t_quantile(df) * stderr), stderr)


def composite_difference(parts: Sequence[Part]) -> Difference:
    """95 % interval of a weighted sum of mean paired differences; p agrees with the interval.

    `values` are other minus base on the same items; clustered, and cut at what is possible, as
    `composite_mean`.
    """
    value = _weighted_mean(parts)
    squared, df = variance(parts, pseudo_change)
    stderr = math.sqrt(squared)
    low, high = _possible(parts, value, _t_quantile(df) * stderr)
    return Difference(value, low, high, stderr, _t_p(value, stderr, df))


def paired_difference(
    base: ArrayLike,
    other: ArrayLike,
    clusters: Labels | None = None,
    span: float = 1.0,
) -> Difference:
    """Mean of other minus base over the same (n,) items, in the same order.

    span: the greatest change that one item can make, where the interval is cut.
    Binary items without clusters: Agresti and Min's interval and McNemar's exact p, which is the
    more careful of the two, so that p may exceed .05 where the interval just leaves out 0.
    Otherwise cluster-robust (Miller 2024), p consistent with the interval.

    >>> paired_difference([0, 0, 1, 1], [1, 1, 1, 1]).value
    0.5
    """
    before, after = _scores(base), _scores(other)
    if before.shape != after.shape:
        raise ValueError(
            f"pairs need as many base as other scores, not {before.size}, {after.size}"
        )
    labels = _labels(before, clusters)
    if is_binary(before) and is_binary(after) and not is_clustered(labels):
        gained, lost = flips(before, after)
        return _agresti_min(gained, lost, before.size)
    return composite_difference([Part(after - before, labels, 1.0, -span, span)])


@dataclass(frozen=True)
class Summary:
    """A mean over n items of which nothing else is known; stderr None where even that is not."""

    value: float
    stderr: float | None
    n: int

    @property
    def variance(self) -> float:
        """Of the mean; nan where it cannot be bounded.

        Without an error, or with one of 0, the largest that scores in 0..1 with this mean can have,
        after one success and one failure are added (Agresti and Caffo 2000).
        """
        if self.stderr:
            return self.stderr**2
        if not self.n or not 0 <= self.value <= 1:
            return math.nan
        share = (self.value * self.n + 1) / (self.n + 2)
        return share * (1 - share) / (self.n + 2)


def unpaired_difference(base: Summary, other: Summary) -> Difference:
    """Other minus base, two means that are held against each other without their items.

    Normal limits with the sum of both variances. On the same items the two go together, so this is
    wider than `paired_difference`: it may overlook a change, and invents none more often.

    >>> round(unpaired_difference(Summary(0.5, 0.03, 100), Summary(0.6, 0.04, 100)).stderr, 3)
    0.05
    """
    value = other.value - base.value
    stderr = math.sqrt(base.variance + other.variance)
    p = math.erfc(abs(value) / stderr / math.sqrt(2)) if stderr > 0 else math.nan
    return Difference(value, value - Z * stderr, value + Z * stderr, stderr, p)


def flips(base: ArrayLike, other: ArrayLike) -> tuple[int, int]:
    """How many of the same binary items went from 0 to 1, and from 1 to 0."""
    before, after = _scores(base), _scores(other)
    return int(np.sum(after > before)), int(np.sum(after < before))


def mcnemar_p(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test: that as many items are gained as lost.

    >>> mcnemar_p(0, 0)
    1.0
    """
    from statsmodels.stats.contingency_tables import mcnemar

    return float(mcnemar([[0, gained], [lost, 0]], exact=True).pvalue)


def minimum_detectable_effect(variance: float, n: float) -> float:
    """The smallest mean change that a two-sided 5 % test sees with 80 % power.

    2.80 sqrt(omega^2 / n), omega^2 the variance of the n paired differences: Miller 2024.
    For binary items omega^2 is the churn (gained + lost) / n where nothing changed.

    >>> round(minimum_detectable_effect(0.2, 164), 3)
    0.098
    """
    return DETECTABLE * math.sqrt(variance / n)


def normalise(scores: ArrayLike, chance: ArrayLike, perfect: float = 1.0) -> Floats:
    """(score - chance) / (perfect - chance), item by item: 0 for a guesser, 1 for perfection.

    Never clipped: below chance is negative, since cutting at 0 would bias changes near chance.
    nan where a guesser is already perfect, as such an item measures nothing.
    """
    score, guess = np.asarray(scores, dtype=float), np.asarray(chance, dtype=float)
    headroom = perfect - guess
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(headroom == 0, np.nan, (score - guess) / headroom)


def holm(p: ArrayLike) -> Floats:
    """Holm's step-down adjusted p (Holm 1979): family-wise error; nan stays nan, uncounted.

    Written out because statsmodels' multipletests collects garbage at every call: 0.1 s for each
    edge where 400,000 items are in memory.
    """

    def step_down(known: Floats) -> Floats:
        order = np.argsort(known)
        stepped = np.maximum.accumulate(known[order] * np.arange(known.size, 0, -1))
        adjusted = np.empty_like(known)
        adjusted[order] = np.minimum(stepped, 1.0)
        return adjusted

    return _adjust(p, step_down)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Benjamini and Hochberg's adjusted p (1995): false discovery rate; nan stays, uncounted."""
    from scipy.stats import false_discovery_control

    return _adjust(p, false_discovery_control)


def is_binary(scores: Floats) -> bool:
    """Whether every score is 0 or 1."""
    return bool(np.all((scores == 0) | (scores == 1)))


def is_clustered(clusters: Labels) -> bool:
    """Whether any two items share a cluster."""
    if are_numbers(clusters):
        return bool(np.bincount(np.asarray(clusters)).max() > 1)
    return len(set(clusters)) < len(clusters)


def _agresti_min(gained: int, lost: int, n: int) -> Difference:
    """Wald's interval after half an observation is added to each cell of the 2 x 2 table.

    Agresti and Min 2005, "Simple improved confidence intervals for comparing matched
    proportions"; the alternatives are compared in Fagerland, Lydersen and Laake 2014, "Recommended
    tests and confidence intervals for paired binomial proportions".
    """
    total = n + 2
    centre = (gained - lost) / total
    stderr = math.sqrt(((gained + lost + 1) / total - centre**2) / total)
    low, high = max(-1.0, centre - Z * stderr), min(1.0, centre + Z * stderr)
    return Difference((gained - lost) / n, low, high, stderr, mcnemar_p(gained, lost))


def _possible(parts: Sequence[Part], value: float, half: float) -> tuple[float, float]:
    """value -+ half, cut at the least and the greatest that the composite can be."""
    lowest = sum(part.weight * part.low for part in parts)
    highest = sum(part.weight * part.high for part in parts)
    low, high = np.clip([value - half, value + half], lowest, highest).tolist()
    return low, high


def _weighted_mean(parts: Sequence[Part]) -> float:
    return float(sum(part.weight * part.values.mean() for part in parts))


def _scores(values: ArrayLike) -> Floats:
    scores = np.asarray(values, dtype=float)
    if scores.ndim != 1 or scores.size == 0:
        raise ValueError(f"scores must be one number an item, not of shape {scores.shape}")
    return scores


def _labels(scores: Floats, clusters: Labels | None) -> Labels:
    if clusters is None:
        return range(scores.size)
    if len(clusters) != scores.size:
        raise ValueError(f"there are {scores.size} scores but {len(clusters)} cluster labels")
    return clusters


def _t_quantile(df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + LEVEL / 2))


def _t_p(value: float, stderr: float, df: float) -> float:
    from scipy.special import stdtr

    if stderr == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stdtr(df, -abs(value) / stderr))


def _adjust(p: ArrayLike, adjust: Callable[[Floats], Floats]) -> Floats:
    adjusted = np.array(p, dtype=float)
    known = ~np.isnan(adjusted)
    if known.any():
        adjusted[known] = adjust(adjusted[known])
    return adjusted
