"""G, S and other special ability: many benchmarks as one number with one interval.

A composite is the mean over capabilities of the mean over their benchmarks of the normalised score.
Benchmarks of one group count as one: a test in 57 subjects is one test. Within it they are weighted
as lm-eval weights its tasks, so that the group's part is lm-eval's own number of it. A composite
exists only where *every* benchmark that it needs is scored: a mean over whatever happens to be
there would compare different benchmarks at the two ends of an edge.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from zoo.benchmarks import Axis, Benchmark
from zoo.clustered import Part
from zoo.columns import Cell
from zoo.contrasts import Change, Estimate, StageScore
from zoo.pairing import Aligned, higher_is_better
from zoo.stats import Difference, composite_difference, composite_mean, holm, normalise

BenchmarkKey = tuple[str, str, str, int | None]
Weights = Mapping[BenchmarkKey, float]


class Composition(NamedTuple):
    """Weights of the benchmarks in each composite; empty where nothing belongs to it."""

    general: Weights
    special: Weights
    other_special: Weights


def composition(benchmarks: Sequence[Benchmark], targets: Collection[str]) -> Composition:
    """What G, S and other special ability are made of, for one set of targets.

    general: the general capabilities that are not targets. special: the targets, on either axis.
    other_special: the special capabilities that are not targets.
    """

    def rest(axis: Axis) -> list[Benchmark]:
        return [b for b in benchmarks if b.axis == axis and b.capability not in targets]

    trained_for = [b for b in benchmarks if b.capability in targets]
    return Composition(_weights(rest("general")), _weights(trained_for), _weights(rest("special")))


def ability(weights: Weights, cells: Mapping[BenchmarkKey, Aligned]) -> Estimate:
    """A stage's composite from its scored cells; unknown where one that it needs is missing."""
    parts = score_parts(weights, cells)
    if parts is None:
        return Estimate(None)
    mean = composite_mean(parts)
    return Estimate(mean.value, known(mean.low), known(mean.high))


def changes(
    composition: Composition, pairs: Mapping[BenchmarkKey, Aligned]
) -> tuple[Change, Change, Change]:
    """Changes of G, S and other special ability along an edge; pairs hold base first.

    p is adjusted by Holm over the declared pair, G and S. Other special ability is not declared
    beforehand: it has an interval and no p.
    """
    general, special, other_special = (_difference(weights, pairs) for weights in composition)
    adjusted = holm([math.nan if each is None else each.p for each in (general, special)])
    return (
        _change(general, adjusted[0]),
        _change(special, adjusted[1]),
        _change(other_special, math.nan),
    )


def unfit(benchmark: Benchmark, cells: Iterable[Cell]) -> str:
    """Why a benchmark's scored cells cannot enter a composite, or "" where they can.

    A composite needs a scale with a guesser's 0 and a perfect 1, that is scores in 0..1 and, where
    lower is better, a declared chance. Perplexity has neither.
    """
    for cell in cells:
        scores = cell.scores
        if scores.size and (scores.min() < 0 or scores.max() > 1):
            return f"{benchmark.metric} is not a score in 0..1"
        perfect = 1.0 if higher_is_better(cell.result) else 0.0
        if scores.size and (cell.chance == perfect).all():
            return f"a guesser's {benchmark.metric} is given as {perfect:g}, which is perfect"
    return ""


def capability_mean(scores: Sequence[StageScore]) -> float | None:
    """The mean of one capability's normalised scores; None where one of them is missing.

    scores: one stage's scores on all benchmarks of the capability, under one protocol.
    """
    whole = sum(score.share for score in scores)
    if not whole or any(score.normalised is None for score in scores):
        return None
    return sum(score.share * (score.normalised or 0.0) for score in scores) / whole


def known(number: float | None) -> float | None:
    """A plain float, or None for what is not known."""
    return None if number is None or not math.isfinite(number) else float(number)


def shares(benchmarks: Sequence[Benchmark]) -> Weights:
    """What each benchmark counts in the mean of its capability; they sum to 1 in each.

    >>> arc = Benchmark("arc", "acc", capability="knowledge")
    >>> parts = [Benchmark(t, "acc", capability="knowledge", group="mmlu") for t in ("law", "art")]
    >>> list(shares([arc, *parts]).values())
    [0.5, 0.25, 0.25]
    """
    whole: dict[tuple[str, str], float] = defaultdict(float)
    for benchmark in benchmarks:
        whole[_unit(benchmark)] += benchmark.weight
    units = Counter(capability for capability, _ in whole)
    return {b.key: b.weight / whole[_unit(b)] / units[b.capability] for b in benchmarks}


def sized(benchmarks: Iterable[Benchmark], sizes: Mapping[BenchmarkKey, int]) -> list[Benchmark]:
    """The benchmarks with numbers of items for weights, where that is how they are weighted.

    One without a number keeps a part, so that a composite that lacks it stays unknown.
    """
    return [
        replace(b, weight=float(sizes.get(b.key) or 1)) if b.weight_by_size else b
        for b in benchmarks
    ]


def _unit(benchmark: Benchmark) -> tuple[str, str]:
    """What counts as one among the benchmarks of a capability: a group, or a benchmark alone."""
    own = f"\0{benchmark.key}"  # no group has such a name
    return benchmark.capability, benchmark.group or own


def _weights(benchmarks: Sequence[Benchmark]) -> Weights:
    capabilities = {benchmark.capability for benchmark in benchmarks}
    return {key: share / len(capabilities) for key, share in shares(benchmarks).items()}


def _difference(weights: Weights, pairs: Mapping[BenchmarkKey, Aligned]) -> Difference | None:
    parts = difference_parts(weights, pairs)
    return None if parts is None else composite_difference(parts)


def _change(difference: Difference | None, p_adjusted: float) -> Change:
    if difference is None:
        return Change(None)
    low, high = known(difference.low), known(difference.high)
    return Change(difference.value, low, high, known(p_adjusted))


def score_parts(weights: Weights, cells: Mapping[BenchmarkKey, Aligned]) -> list[Part] | None:
    """The parts of a stage's composite, or None where it has none or any of them is missing."""
    return _parts(weights, cells, scores_part)


def difference_parts(weights: Weights, pairs: Mapping[BenchmarkKey, Aligned]) -> list[Part] | None:
    """The parts of a composite's change, other minus base, likewise."""
    return _parts(weights, pairs, differences_part)


def _parts(
    weights: Weights,
    cells: Mapping[BenchmarkKey, Aligned],
    part: Callable[[Aligned, float], Part],
) -> list[Part] | None:
    if not weights or any(key not in cells for key in weights):
        return None
    parts = [part(cells[key], weight) for key, weight in weights.items()]
    return parts if all(each.values.size for each in parts) else None


def scores_part(cell: Aligned, weight: float = 1.0, row: int = 0) -> Part:
    """One cell's normalised scores as a part of a composite."""
    scores = cell.normalised[row]
    measured = ~np.isnan(scores)
    return Part(scores[measured], cell.clusters[measured], weight, _worst(cell), 1.0)


def differences_part(pair: Aligned, weight: float = 1.0) -> Part:
    """The change of normalised scores, other minus base, as a part of a composite."""
    base, other = pair.normalised
    measured = ~np.isnan(base)
    most = 1 - _worst(pair)
    return Part((other - base)[measured], pair.clusters[measured], weight, -most, most)


def _worst(cell: Aligned) -> float:
    """The normalised mean of a model that fails every item."""
    worst = normalise(1 - cell.perfect, cell.chance, cell.perfect)
    return float(np.nanmean(worst)) if np.isfinite(worst).any() else math.nan
