"""The variance of weighted means whose items come in clusters, within and across benchmarks.

The ground under the intervals of `zoo.stats`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]
Pseudo = tuple[float, float]


UNSEEN = 3
"""Clusters assumed to move as one though none was seen to: the rule of three, as 3 / G is the 95 %
upper limit of what happened in none of G clusters (Hanley and Lippman-Hand 1983)."""


@dataclass(frozen=True, eq=False)
class Part:
    """One benchmark's part in a composite, which is the weighted sum of the parts' means.

    values: (n,) scores or differences, one an item.
    clusters: (n,) labels; a label in two parts means the same cluster in both.
    weight: of this part's mean in the composite.
    low, high: the least and the greatest that a mean of such values can be.
    """

    values: Floats
    clusters: Labels
    weight: float = 1.0
    low: float = 0.0
    high: float = 1.0


def variance(parts: Sequence[Part], pseudo: Callable[[Part], Pseudo]) -> tuple[float, float]:
    """Variance of a composite and its degrees of freedom; nan where a part has one cluster.

    Cluster-robust: u_g = sum over parts of weight * sqrt(G / (G - 1)) * (the part's deviations in
    cluster g) / n, and the variance is the sum of u_g^2. For one part this is CR1; for parts
    without common clusters it is the sum of their variances.

    Added to it is the variance of one pseudo-observation for the whole composite, as Agresti and
    Min add one to a 2 x 2 table, so that data without any variation still claim no certainty. An
    item's leverage is what it moves the composite by if its value moves by the size that `pseudo`
    names for its part: weight * size / n. The pseudo-observation has the leverage of a typical
    item, typical meaning sqrt(sum of l^4 / sum of l^2): the items that bring most of the variance
    count most, so that a small part is not lost beside a large one.

    Clustered items come with deff times that leverage, n / deff being the effective sample size
    (Dean and Pagano 2015, "Evaluating confidence interval methods for binomial proportions in
    clustered surveys"). deff is that of the composite, so that it knows clusters that parts have in
    common; it is at least 1 and at most what it is if clusters move as one. How far to believe it
    depends on how many clusters have anything but the quiet value that `pseudo` names too, against
    `UNSEEN` clusters that move as one. Without variation, then, the most is assumed.

    Degrees of freedom: G - 1 for one part; for several Welch and Satterthwaite's, at most G - 1
    over all of them, where each part has its share of the pseudo-observation.
    """
    codes, n_clusters = _encode(parts)
    influence, reach = np.zeros(n_clusters), np.zeros(n_clusters)
    moved = np.zeros(n_clusters, dtype=bool)
    leverages, own, own_df, as_items = [], [], [], 0.0
    for part, code in zip(parts, codes, strict=True):
        n = part.values.size
        counts = np.bincount(code, minlength=n_clusters)
        sums, present = _influence(part, code, n_clusters)
        if present < 2:
            return math.nan, math.nan
        deviations = part.weight * (part.values - part.values.mean()) / n
        influence += sums
        as_items += _squared(deviations) * n / (n - 1)
        own.append(_squared(sums))
        own_df.append(present - 1)
        size, quiet = pseudo(part)
        moved[code[part.values != quiet]] = True
        leverages.append(np.full(n, part.weight * size / n))
        reach += part.weight * size / n * counts
    as_one_item = _typical(np.concatenate(leverages))
    as_one_cluster = max(_typical(reach), as_one_item)
    deff = _squared(influence) / as_items if as_items > 0 else math.inf
    seen = min(max(deff, 1.0) * as_one_item, as_one_cluster) if as_one_item > 0 else 0.0
    n_moved = int(np.count_nonzero(moved))
    added = ((n_moved * seen + UNSEEN * as_one_cluster) / (n_moved + UNSEEN)) ** 2
    brought = np.array([_squared(each) for each in leverages])
    shares = brought / brought.sum() if as_one_item > 0 else brought
    own_variances = [mine + added * float(share) for mine, share in zip(own, shares, strict=True)]
    return _squared(influence) + added, min(n_clusters - 1, _satterthwaite(own_variances, own_df))


def covariance(
    composites: Sequence[Sequence[Part]], pseudo: Callable[[Part], Pseudo]
) -> NDArray[np.float64]:
    """(k, k) covariance of k composites, clustered across all of them.

    Each variance is that of `variance`, pseudo-observation included; each covariance is the sum
    over clusters of the product of the two composites' influences.
    """
    codes, n_clusters = _encode([part for parts in composites for part in parts])
    rows, at = np.zeros((len(composites), n_clusters)), 0
    for row, parts in zip(rows, composites, strict=True):
        for part, code in zip(parts, codes[at : at + len(parts)], strict=True):
            row += _influence(part, code, n_clusters)[0]
        at += len(parts)
    joint = rows @ rows.T
    np.fill_diagonal(joint, [variance(parts, pseudo)[0] for parts in composites])
    return joint


def _influence(part: Part, code: NDArray[np.intp], n_clusters: int) -> tuple[Floats, int]:
    """(what each cluster moves the composite by, how many clusters the part has)."""
    present = int(np.count_nonzero(np.bincount(code, minlength=n_clusters)))
    deviations = part.weight * (part.values - part.values.mean()) / part.values.size
    correction = math.sqrt(present / (present - 1)) if present > 1 else math.nan
    sums: Floats = np.bincount(code, deviations, minlength=n_clusters).astype(np.float64)
    return correction * sums, present


def _typical(leverages: Floats) -> float:
    """The root of the mean square, where each leverage counts by its own square; 0 for none."""
    squares = np.square(leverages)
    total = float(squares.sum())
    return math.sqrt(_squared(squares) / total) if total > 0 else 0.0


def _squared(vector: NDArray[np.floating[Any]]) -> float:
    """Sum of squares; not `@`, whose threads cost more than they bring where cores are shared."""
    return float(np.square(vector).sum())


def _satterthwaite(variances: list[float], df: list[int]) -> float:
    """Degrees of freedom of a sum of independent variance estimates."""
    if sum(variances) == 0:
        return float(sum(df))
    shares = np.array(variances) / sum(variances)
    return float(1 / np.sum(shares**2 / np.array(df)))


def no_pseudo(_: Part) -> Pseudo:
    """No pseudo-observation: the plain variance."""
    return 0.0, 0.0


def pseudo_change(part: Part) -> Pseudo:
    """One item changes as much as those that did change; where none did, as much as one can."""
    changed = part.values[part.values != 0]
    return (math.sqrt(float(np.mean(changed**2))) if changed.size else part.high), 0.0


def pseudo_scores(part: Part) -> Pseudo:
    """Two items score the least and two the greatest: Agresti and Coull 1998."""
    mean = float(part.values.mean())
    above, below = part.high - mean, mean - part.low
    return math.sqrt(2 * above**2 + 2 * below**2), (part.high if above < below else part.low)


def _encode(parts: Sequence[Part]) -> tuple[list[NDArray[np.intp]], int]:
    """Clusters as numbers from 0, the same number for the same label in every part."""
    if all(are_numbers(part.clusters) for part in parts):
        every = [np.asarray(part.clusters, dtype=np.intp) for part in parts]
        present = np.zeros(1 + max((int(each.max()) for each in every), default=-1), dtype=bool)
        for each in every:
            present[each] = True
        rank = np.cumsum(present) - 1
        return [rank[each] for each in every], int(np.count_nonzero(present))
    numbers: dict[Hashable, int] = {}
    codes = [
        np.array(
            [numbers.setdefault(label, len(numbers)) for label in part.clusters], dtype=np.intp
        )
        for part in parts
    ]
    return codes, len(numbers)


def are_numbers(labels: Labels) -> bool:
    """Whether labels are an array of small numbers, which need no dictionary."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind != "i" or labels.size == 0:
        return False
    return bool(labels.min() >= 0 and labels.max() < 10_000_000)
