"""What each stage of a family gained and what it paid, from the results of its cells.

Everything here is pure. Differences are taken on the same items only; where the two ends of an
edge differ in more than the model (dtype, loader, engine, items ...) the contrast says so in
`mixed`, and the edge has no composites.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo import stats
from zoo.benchmarks import Benchmark, Suite
from zoo.clustered import Floats
from zoo.composites import BenchmarkKey, changes, composition, known, unfit
from zoo.contrasts import (
    Change,
    Contrast,
    Decomposition,
    EdgeTradeoff,
    Tradeoff,
)
from zoo.errors import CellError, UnknownNameError
from zoo.models import Family, Model, Regime
from zoo.pairing import (
    Aligned,
    align,
    higher_is_better,
    item_differences,
    settled,
    setup_differences,
)
from zoo.results import PROTOCOLS, Protocol, Result
from zoo.stages import Cells, Pin, edges_of, parents_first, pin, stage_of, targets_of


def analyse(
    family: Family,
    suite: Suite,
    results: Sequence[Result],
    regimes: Mapping[str, Regime],
    *,
    targets: Iterable[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Tradeoff:
    """The trade-off of a family on a suite.

    results: in any order; of several for one cell the last counts; cells of models that are not in
        the family or benchmarks that are not in the suite are passed over.
    regimes: by name, for the default targets and the order of the stages.
    targets: of the stages' S; by default the union of what the stages were trained for. Along an
        edge S is always what the child was trained for.
    provenance: kept as it is, with `left_out` added: what stands in no composite, and why.

    Raises UnknownNameError for a target that no benchmark of the suite measures; a stage's own
    target that none measures is left out, and named in `left_out`.
    """
    measured = tuple(dict.fromkeys(b.capability for b in suite.benchmarks))
    models = parents_first(family.models, regimes)
    trained_for = {pin(model): targets_of(model, regimes) for model in models}
    wanted = _union(trained_for.values()) if targets is None else tuple(dict.fromkeys(targets))
    unmeasured = [target for target in wanted if target not in measured]
    if unmeasured and targets is not None:
        raise UnknownNameError("capability", unmeasured[0], measured)
    chosen = tuple(target for target in wanted if target in measured)

    cells = {
        (pin(model), protocol): _cells_of(model, protocol, suite, results)
        for model in models
        for protocol in PROTOCOLS
    }
    left_out = {
        benchmark.key: reason
        for benchmark in suite.benchmarks
        if (reason := unfit(benchmark, _scored(benchmark, cells.values())))
    }
    fit = [b for b in suite.benchmarks if b.key not in left_out]

    stages = []
    for model in models:
        by_protocol = {protocol: cells[pin(model), protocol] for protocol in PROTOCOLS}
        stages.append(stage_of(model, trained_for[pin(model)], chosen, fit, by_protocol))
    edges: list[Contrast] = []
    tradeoffs: list[EdgeTradeoff] = []
    decomposition: list[Decomposition] = []
    for base, other in edges_of(models):
        child_targets = tuple(t for t in trained_for[pin(other)] if t in measured)
        for protocol in PROTOCOLS:
            ends = cells[pin(base), protocol], cells[pin(other), protocol]
            if not any(ends):
                continue
            contrasts, pairs = _contrasts(*ends)
            edges += contrasts
            mixed = any(each.mixed for each in contrasts)
            parts = composition(fit, child_targets)
            triple = (Change(None),) * 3 if mixed else changes(parts, pairs)
            tradeoffs.append(EdgeTradeoff(base.id, other.id, protocol, child_targets, *triple))
        decomposition += _decompositions(base, other, suite, cells)

    return Tradeoff(
        family=family.name,
        suite=suite.name,
        targets=chosen,
        stages=tuple(stages),
        edges=tuple(_adjusted(edges)),
        tradeoffs=tuple(tradeoffs),
        decomposition=tuple(decomposition),
        provenance={
            **(provenance or {}),
            "left_out": [
                *(f"benchmark {key[0]}: {reason}" for key, reason in left_out.items()),
                *(f"target {name}: the suite does not measure it" for name in unmeasured),
            ],
        },
    )


def contrast(base: Result, other: Result) -> Contrast:
    """The change from base to other, two scored cells of one benchmark under one protocol.

    p_adjusted is None: there is nothing to adjust for. Raises CellError where a cell has no score,
    and ValueError where the two were not asked the same benchmark under the same protocol.
    """
    for result in map(settled, (base, other)):
        if result.status != "scored":
            reason = result.error or result.status.replace("_", " ")
            raise CellError(f"{result.spec.name} cannot be compared: {reason}")
    asked = [(each.spec.benchmark.key, each.spec.protocol) for each in (base, other)]
    if asked[0] != asked[1]:
        raise ValueError(f"a contrast needs one benchmark and protocol, not {asked[0]}, {asked[1]}")
    return _contrast(base, other, align(base, other))


def _contrast(base: Result, other: Result, pair: Aligned) -> Contrast:
    benchmark = other.spec.benchmark
    change = gained = lost = mde = None
    if pair.n:
        before, after = pair.scores
        change = stats.paired_difference(before, after, pair.clusters, span=_span(pair.scores))
        mde = stats.minimum_detectable_effect(change.stderr**2, 1)
        if stats.is_binary(pair.scores):
            ends = (before, after) if higher_is_better(other) else (after, before)
            gained, lost = stats.flips(*ends)
            if not stats.is_clustered(pair.clusters):
                # Churn of 0 was seen, not proved: one flip is the least that could be missed.
                mde = stats.minimum_detectable_effect(max(gained + lost, 1) / pair.n, pair.n)
    return Contrast(
        base=base.spec.model.id,
        other=other.spec.model.id,
        protocol=other.spec.protocol,
        benchmark=benchmark.name,
        metric=benchmark.metric,
        filter=benchmark.filter,
        axis=benchmark.axis,
        n=pair.n,
        delta=known(change.value) if change else None,
        low=known(change.low) if change else None,
        high=known(change.high) if change else None,
        p=known(change.p) if change else None,
        p_adjusted=None,
        gained=gained,
        lost=lost,
        mde=known(mde),
        mixed="; ".join(setup_differences(base, other) + item_differences(pair)),
    )


def _contrasts(base: Cells, other: Cells) -> tuple[list[Contrast], dict[BenchmarkKey, Aligned]]:
    """Contrasts, and the pairs under them, of the benchmarks that both ends have scored."""
    contrasts, pairs = [], {}
    for key, result in other.items():
        if key in base and base[key].status == result.status == "scored":
            pairs[key] = align(base[key], result)
            contrasts.append(_contrast(base[key], result, pairs[key]))
    return contrasts, pairs


def _adjusted(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """With Benjamini-Hochberg's p over all contrasts of a protocol."""
    adjusted = np.full(len(contrasts), math.nan)
    for protocol in PROTOCOLS:
        rows = [row for row, each in enumerate(contrasts) if each.protocol == protocol]
        ps = [contrasts[row].p for row in rows]
        adjusted[rows] = stats.benjamini_hochberg([math.nan if p is None else p for p in ps])
    return [replace(each, p_adjusted=known(p)) for each, p in zip(contrasts, adjusted, strict=True)]


def _decompositions(
    base: Model,
    other: Model,
    suite: Suite,
    cells: Mapping[tuple[Pin, Protocol], Cells],
) -> list[Decomposition]:
    """native = ability + format on the items that all four cells share.

    ability is the change under the uniform protocol, format what the native one adds to it. Left
    out where either change mixes loaders, dtypes or the like: the row has no place to say so.
    """
    rows = []
    for benchmark in suite.benchmarks:
        four = [
            cells[pin(model), protocol].get(benchmark.key)
            for protocol in PROTOCOLS
            for model in (base, other)
        ]
        found = [result for result in four if result is not None and result.status == "scored"]
        if len(found) < 4:
            continue
        if any(setup_differences(*found[at : at + 2]) for at in (0, 2)):
            continue
        aligned = align(*found)
        if aligned.n == 0:
            continue
        base_uniform, other_uniform, base_native, other_native = aligned.scores.mean(axis=1)
        ability = float(other_uniform - base_uniform)
        manner = float((other_native - other_uniform) - (base_native - base_uniform))
        rows.append(
            Decomposition(
                base.id,
                other.id,
                benchmark.name,
                benchmark.metric,
                native=float(other_native - base_native),
                ability=ability,
                format=manner,
            )
        )
    return rows


def _cells_of(
    model: Model, protocol: Protocol, suite: Suite, results: Sequence[Result]
) -> dict[BenchmarkKey, Result]:
    """A model's cells under one protocol, in the order of the suite.

    A model without a revision is not pinned: its results, which are, count as its own.
    """
    found = {
        result.spec.benchmark.key: result
        for result in results
        if result.spec.protocol == protocol
        and result.spec.model.id == model.id
        and model.revision in (None, result.spec.model.revision)
    }
    return {b.key: settled(found[b.key]) for b in suite.benchmarks if b.key in found}


def _scored(benchmark: Benchmark, cells: Iterable[Cells]) -> list[Result]:
    found = [row[benchmark.key] for row in cells if benchmark.key in row]
    return [result for result in found if result.status == "scored"]


def _union(sets: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in sets for name in names))


def _span(scores: Floats) -> float:
    """The most by which one item can change, as far as is known."""
    low, high = float(scores.min()), float(scores.max())
    return 1.0 if low >= 0 and high <= 1 else high - low
