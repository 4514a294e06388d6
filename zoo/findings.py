"""What claims and advice read out of a trade-off: edges into a regime, siblings, rows of probes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from zoo.claims import Case, Condition, NotTestable, Rule, case
from zoo.contrasts import Change, EdgeTradeoff, Estimate, Stage, Tradeoff
from zoo.effects import SeedEstimate
from zoo.results import Protocol
from zoo.seeds import FEW
from zoo.stats import Interval, Z

Composite = Literal["general", "special"]
LETTER: Mapping[Composite, str] = {"general": "ΔG", "special": "ΔS"}


def stage_of(tradeoff: Tradeoff, model: str) -> Stage | None:
    """The stage of a model."""
    return next((stage for stage in tradeoff.stages if stage.model == model), None)


def regime_of(tradeoff: Tradeoff, model: str) -> str:
    """The regime of a model, "" where it is not in the report."""
    stage = stage_of(tradeoff, model)
    return stage.regime if stage else ""


def stages_into(tradeoff: Tradeoff, regime: str) -> list[Stage]:
    """The stages of a regime. Raises NotTestable where there is none."""
    found = [stage for stage in tradeoff.stages if stage.regime == regime]
    if not found:
        raise NotTestable(f"the family has no {regime} stage")
    return found


def edges_into(
    tradeoff: Tradeoff, regime: str, protocol: Protocol = "uniform"
) -> list[EdgeTradeoff]:
    """The edges whose child is of a regime, under one protocol, or the other where that one was
    not asked. Of a series of checkpoints the last counts. Raises NotTestable where there is none.
    """
    stages_into(tradeoff, regime)
    passed = {model for each in tradeoff.series for model in each.models[:-1]}
    own = [
        edge
        for edge in tradeoff.tradeoffs
        if regime_of(tradeoff, edge.other) == regime and edge.other not in passed
    ]
    found = [edge for edge in own if edge.protocol == protocol] or own
    if not found:
        raise NotTestable(f"no {regime} stage has its parent in the family")
    return found


def composite_cases(
    tradeoff: Tradeoff,
    regime: str,
    composite: Composite,
    rule: Rule,
    protocol: Protocol = "uniform",
) -> list[Case]:
    """A case for every edge into a regime whose change of a composite is known.

    Three or more training seeds of a stage are one case, with limits over seeds and items.
    """
    edges = edges_into(tradeoff, regime, protocol)
    cases, seeded = [], set()
    for method in tradeoff.methods:
        estimate = method.general if composite == "general" else method.special
        what = f"{LETTER[composite]} {method.protocol} over {method.seeds} training seeds"
        condition = estimate_condition(what, estimate, rule, method.seeds)
        own = {(method.base, model, method.protocol) for model in method.models}
        here = own & {(edge.base, edge.other, edge.protocol) for edge in edges}
        if condition and here and method.seeds >= FEW:
            cases.append(case(method.base, method.models[0], condition))
            seeded |= own
    for edge in edges:
        if (edge.base, edge.other, edge.protocol) in seeded:
            continue
        condition = composite_condition(tradeoff, edge, composite, rule)
        if condition is not None:
            cases.append(case(edge.base, edge.other, condition))
    if not cases:
        what = "the targets" if composite == "special" else "the general capabilities"
        raise NotTestable(
            f"the change of {what} is not known on any edge into a {regime} stage (a benchmark "
            "is missing, the stage has no target that the suite measures, or the edge is mixed)"
        )
    return cases


def composite_condition(
    tradeoff: Tradeoff, edge: EdgeTradeoff, composite: Composite, rule: Rule
) -> Condition | None:
    """The change of G or S along an edge as a condition, None where it is not known."""
    change: Change = edge.general if composite == "general" else edge.special
    if change.delta is None or change.low is None or change.high is None:
        return None
    what = f"{LETTER[composite]} {edge.protocol}"
    n = items_of(tradeoff, edge.base, edge.other, edge.protocol)
    return Condition(what, change.delta, change.low, change.high, rule, n)


def estimate_condition(
    what: str, estimate: Estimate | None, rule: Rule, n: int | None = None
) -> Condition | None:
    """An estimate as a condition, None where it or its limits are not known."""
    if estimate is None or estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    items = estimate.items or 0.0 if isinstance(estimate, SeedEstimate) else 0.0
    return Condition(what, estimate.value, estimate.low, estimate.high, rule, n, items)


def items_of(tradeoff: Tradeoff, base: str, other: str, protocol: Protocol) -> int | None:
    """The fewest items that any benchmark of an edge rests on, None where that is not known."""
    edges = (*tradeoff.edges, *tradeoff.root_edges)
    counts = [e.n for e in edges if (e.base, e.other, e.protocol) == (base, other, protocol)]
    return min(counts, default=None)


def siblings_of(
    tradeoff: Tradeoff, one: str, two: str, protocol: Protocol = "uniform"
) -> Iterator[tuple[EdgeTradeoff, str, str]]:
    """(two minus one, model of regime one, model of regime two) of stages trained for the same."""
    for row in tradeoff.siblings:
        if row.protocol != protocol:
            continue
        regimes = regime_of(tradeoff, row.base), regime_of(tradeoff, row.other)
        ends = [stage_of(tradeoff, name) for name in (row.base, row.other)]
        if any(end is None for end in ends) or ends[0].targets != ends[1].targets:  # type: ignore[union-attr]
            continue
        if regimes == (one, two):
            yield row, row.base, row.other
        elif regimes == (two, one):
            yield turned(row), row.other, row.base


def turned(edge: EdgeTradeoff) -> EdgeTradeoff:
    """The same comparison the other way round."""
    return EdgeTradeoff(
        edge.other,
        edge.base,
        edge.protocol,
        edge.targets,
        _negated(edge.general),
        _negated(edge.special),
        _negated(edge.other_special),
    )


def matched(change: Change, margin: float) -> bool:
    """Whether two stages score the same within a margin, as far as their means say."""
    return change.delta is not None and abs(change.delta) <= margin


def probe_rows(tradeoff: Tradeoff, probe: str, kind: str) -> list[Mapping[str, Any]]:
    """A probe's rows of a kind. Raises NotTestable where it was not run."""
    found = [row for row in tradeoff.probes if (row["probe"], row["kind"]) == (probe, kind)]
    if not found:
        raise NotTestable(f"the probe {probe!r} was not run (no row of kind {kind!r})")
    return found


def two_shares(base: float, n_base: int, other: float, n_other: int) -> Interval:
    """95 % interval of the difference of two independent proportions, other minus base.

    Agresti and Caffo 2000, "Simple and effective confidence intervals for proportions and
    differences of proportions": Wald's after one success and one failure are added to each. For the
    same items it is wider than need be.

    >>> two_shares(0.0, 100, 1.0, 100).value
    1.0
    """
    shares = [(p * n + 1) / (n + 2) for p, n in ((base, n_base), (other, n_other))]
    counts = n_base + 2, n_other + 2
    error = math.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, counts, strict=True)))
    centre = shares[1] - shares[0]
    return Interval(other - base, centre - Z * error, centre + Z * error)


def independent(base: Interval, other: Interval) -> Interval:
    """95 % interval of other minus base of two independent estimates: MOVER (Zou and Donner 2008).

    >>> independent(Interval(1.0, 0.7, 1.3), Interval(2.0, 1.6, 2.4)).low
    0.5
    """
    below = math.hypot(other.value - other.low, base.high - base.value)
    over = math.hypot(other.high - other.value, base.value - base.low)
    value = other.value - base.value
    return Interval(value, value - below, value + over)


def _negated(change: Change) -> Change:
    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return Change(minus(change.delta), minus(change.high), minus(change.low), change.p_adjusted)
