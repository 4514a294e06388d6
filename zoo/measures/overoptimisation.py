"""Over-optimisation: held-out ability against the distance from where a training began.

Rows are those of a probe called "overoptimisation". They need two things: checkpoints of one
training (`Model.step`) with a common parent, and how far each has gone from it, as rows of the
probe "razor" say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.clustered import Floats, Part, covariance, pseudo_change
from zoo.composites import BenchmarkKey, Weights
from zoo.pairing import Aligned
from zoo.resampling import DRAWS, SEED, joint_draws
from zoo.results import Protocol
from zoo.stats import Z

Row = Mapping[str, Any]

FEWEST = 4
"""Checkpoints below which two parameters say nothing."""

GRID = 25
"""Distances at which the fitted curve is given."""


@dataclass(frozen=True)
class Distance:
    """KL(parent || checkpoint) in nats, and its standard error (0 where no limits are known)."""

    kl: float
    stderr: float


def distances(rows: Sequence[Row], base: str, protocol: Protocol) -> dict[str, Distance]:
    """By model how far it is from `base`; of several rows the one of this protocol counts."""
    found: dict[str, Distance] = {}
    razor = [r for r in rows if (r.get("probe"), r.get("kind")) == ("razor", "summary")]
    for row in sorted(razor, key=lambda each: each.get("protocol") == protocol):
        kl, low, high = (row.get(name) for name in ("kl", "low", "high"))
        if row.get("base") != base or not isinstance(kl, (int, float)) or not kl > 0:
            continue
        bounded = isinstance(low, (int, float)) and isinstance(high, (int, float))
        stderr = (high - low) / (2 * Z) if bounded else 0.0  # type: ignore[operator]
        found[str(row["model"])] = Distance(float(kl), float(stderr))
    return found


def overoptimisation(
    models: Sequence[tuple[str, int]],
    base: str,
    protocol: Protocol,
    lines: Mapping[BenchmarkKey, Aligned],
    weights: Weights,
    far: Mapping[str, Distance],
) -> Iterator[Row]:
    """Points for every checkpoint, and from FEWEST of them on the fitted curve with its peak.

    models: (id, step) of the checkpoints in order. lines: of each benchmark in S, the scores of
    the base and then of the checkpoints, aligned. weights: of the benchmarks in S.

    The curve is that of Gao, Schulman and Hilton 2023, "Scaling laws for reward model
    overoptimization", for reinforcement learning: gain = d (a - b ln d), d = sqrt(KL). It is linear
    in a and b, so least squares is exact. For b > 0 it has its peak at exp(a / b - 1). Limits are
    those of a bootstrap over items, all checkpoints drawn together, and over the KL's own error.
    """
    here = [at for at, (model, _) in enumerate(models) if model in far]
    if not here or not weights or any(key not in lines for key in weights):
        return
    composites = [[_part(lines[key], at + 1, w) for key, w in weights.items()] for at in here]
    gains = np.array([sum(p.weight * p.values.mean() for p in parts) for parts in composites])
    spread = covariance(composites, pseudo_change)
    if not np.isfinite(spread).all():
        return
    kls = np.array([far[models[at][0]].kl for at in here])
    errors = np.array([far[models[at][0]].stderr for at in here])
    place = {"probe": "overoptimisation", "protocol": protocol, "benchmark": None, "base": base}
    reach = Z * np.sqrt(np.diag(spread))
    for at, gain, kl, half in zip(here, gains, kls, reach, strict=True):
        yield {
            **place,
            "model": models[at][0],
            "kind": "point",
            "step": models[at][1],
            "distance": math.sqrt(kl),
            "gain": float(gain),
            "low": float(gain - half),
            "high": float(gain + half),
        }
    if len(here) < FEWEST or np.ptp(np.sqrt(kls)) <= 0:
        return
    last = {**place, "model": models[here[-1]][0]}
    drawn_kl = np.random.default_rng(SEED).normal(kls, errors, (DRAWS, kls.size))
    drawn = fit(np.sqrt(np.maximum(drawn_kl, kls / 100)), joint_draws(gains, spread))
    own = fit(np.sqrt(kls)[None], gains[None])
    yield {**last, "kind": "fit", "n": len(here), **_peak(own, drawn, float(np.sqrt(kls.max())))}
    grid = np.linspace(0, float(np.sqrt(kls.max())), GRID + 1)[1:]
    value, curves = curve(own, grid)[0], curve(drawn, grid)
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    for at, d in enumerate(grid):
        yield {
            **last,
            "kind": "curve",
            "distance": float(d),
            "gain": float(value[at]),
            "low": float(low[at]),
            "high": float(high[at]),
        }


def fit(distance: Floats, gain: Floats) -> NDArray[np.float64]:
    """(m, 2) least-squares a and b of m draws of k points; distance, gain: (m, k)."""
    design = np.stack([distance, -distance * np.log(distance)], axis=-1)
    inverse = np.linalg.pinv(design)
    return np.asarray(np.einsum("mpk,mk->mp", inverse, gain))


def curve(parameters: Floats, distance: Floats) -> Floats:
    """(m, k) gains at (k,) distances for (m, 2) parameters."""
    a, b = parameters[:, :1], parameters[:, 1:]
    return np.asarray(distance * (a - b * np.log(distance)))


def _peak(own: Floats, drawn: Floats, furthest: float) -> dict[str, float | None]:
    """Where the curve turns, with limits, and how sure it is that it turned before the end."""
    turns = _turns(drawn)
    low, high = np.quantile(turns, [0.025, 0.975], method="nearest")
    at = float(_turns(own)[0])
    return {
        "a": float(own[0, 0]),
        "b": float(own[0, 1]),
        "peak": at if math.isfinite(at) else None,
        "peak_low": float(low) if math.isfinite(low) else None,
        "peak_high": float(high) if math.isfinite(high) else None,
        "turned": float((turns < furthest).mean()),
    }


def _turns(parameters: Floats) -> Floats:
    """(m,) distance of the peak; infinite where the curve has none."""
    a, b = parameters.T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(np.where(b > 0, np.exp(np.minimum(a / b - 1, 700.0)), np.inf))


def _part(line: Aligned, row: int, weight: float) -> Part:
    scores = line.normalised
    measured = ~np.isnan(scores[0])
    change = (scores[row] - scores[0])[measured]
    most = float(max(1.0, np.abs(change).max(initial=0.0)))
    return Part(change, line.clusters[measured], weight, -most, most)
