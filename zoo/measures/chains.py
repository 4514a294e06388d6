"""Items and scores along a whole lineage: what was lost on the way, and what came back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.clustered import Floats, Part
from zoo.columns import Codes
from zoo.composites import known
from zoo.contrasts import Chain, Estimate
from zoo.pairing import Aligned
from zoo.results import Protocol
from zoo.stats import composite_difference, is_binary


def chain(
    models: Sequence[str],
    learned: Sequence[tuple[str, ...]],
    protocol: Protocol,
    benchmark: Benchmark,
    line: Aligned,
) -> Chain:
    """One benchmark along a chain of stages, root first.

    learned: the targets of each stage. line: (k, n) scores of the k stages on their common items.

    Backward transfer is score(last) - score(the stage that learned the capability): the latest
    before the last whose targets name it, else the root (Lopez-Paz and Ranzato 2017, "Gradient
    episodic memory"). Forgetting is the best of the earlier scores minus the last (Chaudhry et al.
    2018, "Riemannian walk"), cross-fitted: see `peak_minus_last`.
    """
    scores = line.normalised[:, ~np.isnan(line.normalised[0])]
    clusters = line.clusters[~np.isnan(line.normalised[0])]
    teacher = max(
        (at for at, names in enumerate(learned[:-1]) if benchmark.capability in names), default=0
    )
    lost = recovered = never = always = None
    if is_binary(line.scores):
        right = line.scores == line.perfect
        lost = int(np.sum(right.any(axis=0) & ~right[-1]))
        recovered = int(np.sum(_recovered(right)))
        never = int(np.sum(~right.any(axis=0)))
        always = int(np.sum(right.all(axis=0)))
    return Chain(
        tuple(models),
        protocol,
        benchmark.name,
        benchmark.metric,
        line.n,
        lost,
        recovered,
        never,
        always,
        backward_transfer=_mean(scores[-1] - scores[teacher], clusters),
        forgetting=_mean(peak_minus_last(scores, clusters), clusters),
    )


def peak_minus_last(scores: Floats, clusters: Codes) -> Floats:
    """(n,) score of the best earlier stage minus that of the last, each item's best stage being
    picked on the other half of the items.

    The best of several noisy means is too high on the items that chose it. So clusters of items are
    dealt into two halves, the peak is picked on each, and read on the other.
    """
    earlier, last = scores[:-1], scores[-1]
    half = halves(clusters)
    picked = np.empty(last.size)
    for side in (False, True):
        reading, choosing = half == side, half != side
        chooser = choosing if choosing.any() else reading
        best = int(np.argmax(earlier[:, chooser].mean(axis=1)))
        picked[reading] = earlier[best, reading]
    return picked - last


def halves(clusters: Codes) -> np.ndarray:
    """(n,) which half each item is in: whole clusters, the same half on every benchmark.

    Their numbers are dealt by Knuth's multiplicative hash, since neighbours may be alike.
    """
    return (clusters.astype(np.uint64) * np.uint64(2654435761) >> np.uint64(16)) % 2 == 1


def _recovered(right: np.ndarray) -> np.ndarray:
    """Right at some stage, wrong at a later one, right at the last."""
    seen = np.maximum.accumulate(right, axis=0)
    fell = (seen & ~right).any(axis=0)
    return fell & right[-1]


def _mean(differences: Floats, clusters: Codes) -> Estimate | None:
    if not differences.size:
        return None
    most = float(max(1.0, np.abs(differences).max()))
    found = composite_difference([Part(differences, clusters, 1.0, -most, most)])
    return Estimate(found.value, known(found.low), known(found.high))
