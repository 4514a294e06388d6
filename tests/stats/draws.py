"""Scores drawn from known truths, and how often an interval holds the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.clustered import Part
from zoo.stats import Difference, Interval, composite_mean


def rates(
    infer: Callable[[np.random.Generator], Interval | Difference], truth: float, draws: int = 1500
) -> tuple[float, float]:
    """(how often the interval holds the truth, how often it leaves out 0)."""
    rng = np.random.default_rng(20240601)
    intervals = [infer(rng) for _ in range(draws)]
    held = np.mean([each.low <= truth <= each.high for each in intervals])
    excluded = np.mean([not each.low <= 0 <= each.high for each in intervals])
    return float(held), float(excluded)


def relative_width(
    infer: Callable[[np.random.Generator], Interval | Difference], draws: int = 600
) -> float:
    """Mean width over that of an oracle, who knows the standard deviation of the estimate."""
    rng = np.random.default_rng(20240602)
    intervals = [infer(rng) for _ in range(draws)]
    width = np.mean([each.high - each.low for each in intervals])
    return float(width / (2 * 1.96 * np.std([each.value for each in intervals])))


def monte_carlo_error(rate: float, draws: int = 1500) -> float:
    """Three standard errors of a rate estimated from so many draws."""
    return 3 * float(np.sqrt(rate * (1 - rate) / draws))


def cluster_uniforms(rng: np.random.Generator, groups: int, size: int, share: float) -> np.ndarray:
    """(groups * size,) uniforms; each is its cluster's own with probability `share`."""
    common = np.repeat(rng.random(groups), size)
    return np.where(rng.random(groups * size) < share, common, rng.random(groups * size))


def flipped(uniforms: np.ndarray, gain: float, loss: float) -> np.ndarray:
    """Differences of binary items: 1 with probability gain, -1 with probability loss, else 0."""
    return (uniforms < gain).astype(float) - (uniforms > 1 - loss)


def ends(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Binary scores of base and other whose differences these are."""
    base = (differences < 0).astype(float)
    return base, base + differences


def part(differences: np.ndarray, clusters: object, weight: float = 1.0) -> Part:
    return Part(differences, clusters, weight, -1.0, 1.0)


def mean_interval(values, clusters=None):
    """The interval of one benchmark's mean: a composite of a single part."""
    scores = np.asarray(values, dtype=float)
    labels = np.arange(scores.size) if clusters is None else np.asarray(clusters)
    return composite_mean([Part(scores, labels)])
