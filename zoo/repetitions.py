"""What claims read out of the frontier: ways of training held against each other over their seeds.

Points are of the last checkpoints, with three seeds or more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from zoo.claims import Condition, NotTestable, Rule
from zoo.contrasts import FrontierPoint, Tradeoff
from zoo.effects import SeedEstimate
from zoo.findings import LETTER, Composite, regime_of
from zoo.seeds import FEW, after_peak, item_variance, welch


def repeated(tradeoff: Tradeoff, regime: str) -> list[FrontierPoint]:
    """Ways of training into a regime, under the uniform protocol where they were asked so."""
    found = [
        point
        for point in tradeoff.frontier
        if point.last and point.seeds >= FEW and regime_of(tradeoff, point.models[0]) == regime
    ]
    return [point for point in found if point.protocol == "uniform"] or found


def alike(one: FrontierPoint, other: FrontierPoint, *but: str) -> bool:
    """Whether two ways are for the same and differ in nothing but fields of these names.

    Of other amounts of data the rows differ, and only their source is compared.
    """
    same = {"root", "targets", "protocol", "recipe", "base", "examples", "step", "source"}
    apart = "data" if "examples" in but else ""
    told = [{k: v for k, v in each.settings.items() if k != apart} for each in (one, other)]
    if "settings" not in but and told[0] != told[1]:
        return False
    return all(getattr(one, name) == getattr(other, name) for name in same - {*but})


def over_seeds(
    base: FrontierPoint,
    other: FrontierPoint,
    composite: Composite,
    rule: Rule,
    what: str = "over seeds",
    share: float = 1.0,
) -> Condition:
    """Mean of other minus a share of that of base, over seeds and items, as a condition.

    what: in words that follow ΔG or ΔS. The items' parts of both ways are added, which is too much
    where both find the same items hard. Raises NotTestable where they are not known.
    """
    place = 0 if composite == "special" else 1
    ours, theirs = (np.array([change[place] for change in each.changes]) for each in (base, other))
    parts = [item_variance([error[place] for error in each.errors]) for each in (base, other)]
    if parts[0] is None or parts[1] is None:
        raise NotTestable(f"it needs the limits over items of {LETTER[composite]} of each seed")
    items = share**2 * parts[0] + parts[1]
    found, freedom = welch(share * ours, theirs, items)
    limits = found.value, found.low, found.high
    what = f"{LETTER[composite]} {what}"
    return Condition(what, *limits, rule, int(freedom) + 1, math.sqrt(items))


def time_share(base: FrontierPoint, other: FrontierPoint, rule: Rule) -> Condition:
    """The binary logarithm of the time of training of other over that of base, over seeds.

    Raises NotTestable where a time is not known, or they are not of one machine.
    """
    if not base.times or not other.times:
        raise NotTestable("it needs the training time of both the adapter and the full fine-tuning")
    machines = dict.fromkeys((*base.machines, *other.machines))
    if len(machines) != 1 or "" in machines:
        where = "; ".join(name or "not known" for name in machines) or "not known"
        raise NotTestable(
            f"it needs both trained on one device with as many threads (they were on: {where})"
        )
    found, freedom = welch(np.log2(base.times), np.log2(other.times))
    limits = found.value, found.low, found.high
    return Condition("log₂ of training time over that in full", *limits, rule, int(freedom) + 1)


def courses(
    tradeoff: Tradeoff, regime: str, fewest: int
) -> Iterator[tuple[str, str, SeedEstimate, int]]:
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
            errors = [[special for special, _ in point.errors] for point in steps]
            found = after_peak(course, np.array(errors, dtype=float).T)
            yield steps[0].models[0], last.models[0], found, last.seeds
