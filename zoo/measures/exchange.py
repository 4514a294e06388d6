"""What a point of S cost in G: rate, angle and the signs of both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.clustered import covariance, pseudo_change, variance
from zoo.composites import composition, difference_parts
from zoo.contrasts import Estimate, Exchange
from zoo.matching import Matched
from zoo.ratios import fieller
from zoo.resampling import joint_draws

GUARD = 3.0
"""Standard errors of dS below which the ratio is not printed: Fieller's interval has no end in 82,
50, 14 and .1 % of draws where dS is 1, 2, 3 and 5 standard errors."""

QUADRANTS = ("S+G+", "S+G-", "S-G+", "S-G-")


def exchange(match: Matched, fit: Sequence[Benchmark]) -> Exchange:
    """The exchange along an edge, from changes of G and S and their joint covariance over items."""
    parts = composition(fit, match.targets)
    general = difference_parts(parts.general, match.pairs)
    special = difference_parts(parts.special, match.pairs)
    if match.mixed:
        return _unknown(match, "the two ends differ in more than the model")
    if general is None or special is None:
        missing = "G" if general is None else "S"
        return _unknown(match, f"the change of {missing} is not known")
    spread = covariance([general, special], pseudo_change)
    if not np.isfinite(spread).all():
        return _unknown(match, "there are too few clusters of items")
    d_general, d_special = (
        float(sum(part.weight * part.values.mean() for part in each)) for each in (general, special)
    )
    rate, reason = None, ""
    error = math.sqrt(spread[1, 1])
    if abs(d_special) <= GUARD * error:
        reason = f"the change of S is within {GUARD:g} standard errors of 0"
    else:
        _, df = variance(special, pseudo_change)
        spread_of_ratio = spread * np.array([[1, -1], [-1, 1]])
        found = fieller(-d_general, d_special, spread_of_ratio, df)
        if found is None:
            reason = "the interval of the ratio has no end"
        else:
            rate = Estimate(found.value, found.low, found.high)
    return Exchange(
        match.base.id,
        match.other.id,
        match.protocol,
        rate,
        math.degrees(math.atan2(d_general, d_special)),
        _quadrants(joint_draws([d_general, d_special], spread)),
        reason,
    )


def _quadrants(draws: np.ndarray) -> Mapping[str, float]:
    general, special = draws[:, 0] >= 0, draws[:, 1] >= 0
    shares = (special & general, special & ~general, ~special & general, ~special & ~general)
    return {name: float(each.mean()) for name, each in zip(QUADRANTS, shares, strict=True)}


def _unknown(match: Matched, reason: str) -> Exchange:
    return Exchange(match.base.id, match.other.id, match.protocol, None, None, {}, reason)
