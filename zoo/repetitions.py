"""What claims read out of the frontier: ways of training held against each other over their seeds.

Points are of the last checkpoints, with three seeds or more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.claims import Condition, Rule
from zoo.contrasts import FrontierPoint, Tradeoff
from zoo.effects import Estimate
from zoo.findings import LETTER, Composite, regime_of
from zoo.seeds import FEW, after_peak, welch
from zoo.stats import Interval


def repeated(tradeoff: Tradeoff, regime: str) -> list[FrontierPoint]:
    """Ways of training into a regime, under the uniform protocol where they were asked so."""
    found = [
        point
        for point in tradeoff.frontier
        if point.last and point.seeds >= FEW and regime_of(tradeoff, point.models[0]) == regime
    ]
    return [point for point in found if point.protocol == "uniform"] or found


def alike(one: FrontierPoint, other: FrontierPoint, *but: str) -> bool:
    """Whether two ways are for the same and differ in nothing but fields of these names."""
    same = {"root", "targets", "protocol", "recipe", "settings", "base", "examples", "step"}
    return all(getattr(one, name) == getattr(other, name) for name in same - {*but})


def difference(
    base: FrontierPoint, other: FrontierPoint, composite: Composite, share: float = 1.0
) -> tuple[Interval, float]:
    """Mean of other minus a share of that of base by Welch's t, and its degrees of freedom."""
    place = 0 if composite == "special" else 1
    ours, theirs = (np.array([change[place] for change in each.changes]) for each in (base, other))
    return welch(share * ours, theirs)


def over_seeds(
    base: FrontierPoint,
    other: FrontierPoint,
    composite: Composite,
    rule: Rule,
    what: str = "over seeds",
    share: float = 1.0,
) -> Condition:
    """A difference as a condition. what: in words that follow ΔG or ΔS."""
    found, freedom = difference(base, other, composite, share)
    limits = found.value, found.low, found.high
    return Condition(f"{LETTER[composite]} {what}", *limits, rule, int(freedom) + 1)


def courses(
    tradeoff: Tradeoff, regime: str, fewest: int
) -> Iterator[tuple[str, str, Estimate, int]]:
    """(first model, last model, S of the last minus the best checkpoint, seeds) of each way of
    training into a regime that has so many checkpoints, each with all its seeds."""
    for last in repeated(tradeoff, regime):
        steps = [
            point
            for point in tradeoff.frontier
            if alike(point, last, "step") and point.seeds == last.seeds and point.step is not None
        ]
        if len(steps) >= fewest:
            steps.sort(key=lambda point: point.step or 0)
            course = np.array([[special for special, _ in point.changes] for point in steps]).T
            yield steps[0].models[0], last.models[0], after_peak(course), last.seeds
