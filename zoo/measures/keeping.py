"""Retention, forgetting and gain of each benchmark along an edge."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.benchmarks import Benchmark
from zoo.clustered import Part, covariance, pseudo_scores, variance
from zoo.composites import differences_part, known, scores_part
from zoo.effects import Estimate, Retention
from zoo.matching import Matched
from zoo.pairing import Aligned
from zoo.ratios import fieller
from zoo.stats import composite_difference

LEAST = 0.10
"""A parent's normalised score below which a share of it means nothing."""


def retention(match: Matched, fit: Sequence[Benchmark]) -> list[Retention]:
    """What is left of every benchmark that is asked alike at both ends.

    retention = child / parent of normalised scores, with Fieller's interval; forgetting =
    max(0, -delta) and gain = max(0, delta), limits and all.
    """
    rows = []
    for benchmark, pair in match.clean(fit):
        change = composite_difference([differences_part(pair)])
        low, high = known(change.low), known(change.high)
        base = scores_part(pair)
        rows.append(
            Retention(
                match.base.id,
                match.other.id,
                match.protocol,
                benchmark.name,
                benchmark.metric,
                benchmark.axis,
                benchmark.capability,
                base_normalised=float(base.values.mean()),
                retention=_share(base, pair),
                forgetting=_positive(-change.value, _negated(high), _negated(low)),
                gain=_positive(change.value, low, high),
            )
        )
    return rows


def _share(base: Part, pair: Aligned) -> Estimate | None:
    before = float(base.values.mean())
    if before < LEAST:
        return None
    other = scores_part(pair, row=1)
    spread = covariance([[other], [base]], pseudo_scores)
    _, df = variance([base], pseudo_scores)
    ratio = fieller(float(other.values.mean()), before, spread, df)
    return None if ratio is None else Estimate(ratio.value, ratio.low, ratio.high)


def _positive(value: float, low: float | None, high: float | None) -> Estimate:
    if low is None or high is None:
        return Estimate(max(0.0, value))
    return Estimate(max(0.0, value), max(0.0, low), max(0.0, high))


def _negated(limit: float | None) -> float | None:
    return None if limit is None else -limit
