"""Training seeds and checkpoints: what is true of a method, and how a training went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.clustered import Part
from zoo.composites import BenchmarkKey, Weights, known
from zoo.contrasts import Change, EdgeTradeoff, Estimate, Method, Series
from zoo.effects import SeedEstimate
from zoo.measures.chains import halves
from zoo.models import Model
from zoo.pairing import Aligned
from zoo.results import Protocol
from zoo.seeds import FEW, item_error, over_seeds
from zoo.stats import composite_difference


def method(base: str, edges: Sequence[EdgeTradeoff]) -> Method:
    """A method of training over its seeds: `edges` lead from one base to each seed's model."""
    first = edges[0]
    k = len(edges)
    unit = (
        f"of the method, over {k} training seeds and the items; those of single models over items"
    )
    if k < FEW:
        unit += f", and a claim about a method needs at least {FEW} seeds"
    return Method(
        base,
        tuple(edge.other for edge in edges),
        first.protocol,
        first.targets,
        k,
        _seeded([edge.general for edge in edges]),
        _seeded([edge.special for edge in edges]),
        f"These intervals are {unit}.",
    )


def series(
    models: Sequence[Model],
    protocol: Protocol,
    targets: tuple[str, ...],
    general: tuple[Estimate, ...],
    special: tuple[Estimate, ...],
    lines: Mapping[BenchmarkKey, Aligned],
    weights: Weights,
    general_change: Change | None,
) -> Series:
    """Checkpoints of one training over its steps.

    general, special: of each checkpoint, S for these targets. lines: of each benchmark that all
    have scored, their scores aligned, one row each. weights: of the benchmarks in S.
    """
    values = [-math.inf if each.value is None else each.value for each in special]
    peak = models[int(np.argmax(values))].id if max(values) > -math.inf else None
    whole = bool(weights) and all(key in lines for key in weights)
    change = None
    if general_change is not None and general_change.delta is not None:
        change = Estimate(general_change.delta, general_change.low, general_change.high)
    return Series(
        tuple(model.id for model in models),
        tuple(model.step or 0 for model in models),
        protocol,
        targets,
        general,
        special,
        peak,
        _after_peak(lines, weights) if whole else None,
        change,
    )


def _after_peak(lines: Mapping[BenchmarkKey, Aligned], weights: Weights) -> Estimate:
    """S of the last checkpoint minus S of the best, picked on the other half of the items."""
    sides = {key: halves(each.clusters) for key, each in lines.items()}
    parts = []
    best = {side: _best(lines, weights, sides, side) for side in (False, True)}
    for key, weight in weights.items():
        scores = lines[key].normalised
        measured = ~np.isnan(scores[0])
        own = np.where(sides[key], scores[best[False]], scores[best[True]])
        difference = (scores[-1] - own)[measured]
        most = float(max(1.0, np.abs(difference).max(initial=0.0)))
        parts.append(Part(difference, lines[key].clusters[measured], weight, -most, most))
    found = composite_difference(parts)
    return Estimate(found.value, known(found.low), known(found.high))


def _best(
    lines: Mapping[BenchmarkKey, Aligned],
    weights: Weights,
    sides: Mapping[BenchmarkKey, np.ndarray],
    side: bool,
) -> int:
    """The checkpoint whose S is highest on one half of the items."""
    total = sum(
        weight * np.nanmean(lines[key].normalised[:, sides[key] == side], axis=1)
        for key, weight in weights.items()
    )
    return int(np.argmax(total))


def _seeded(changes: Sequence[Change]) -> SeedEstimate:
    values = [change.delta for change in changes if change.delta is not None]
    if len(values) < len(changes):
        return SeedEstimate(None)
    return over_seeds(values, [item_error(c.delta, c.low, c.high) for c in changes])
