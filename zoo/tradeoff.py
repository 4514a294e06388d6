"""What each stage of a family gained and what it paid, from the results of its cells.

Everything here is pure. Differences are taken on the same items only; where the two ends of an
edge differ in more than the model (dtype, loader, engine, items ...) the contrast says so in
`mixed`, and the edge has no composites.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.composites import ability, composition
from zoo.contrasts import (
    Chain,
    Churn,
    EdgeTradeoff,
    Flag,
    FrontierPoint,
    Joint,
    Method,
    Series,
    Stage,
    Tradeoff,
    Training,
)
from zoo.errors import UnknownNameError
from zoo.lineages import (
    Pin,
    chain_to,
    checkpoint_groups,
    edges_of,
    is_adapter,
    leaf_chains,
    parents_first,
    pin,
    root_pairs,
    seed_groups,
    sibling_pairs,
    targets_of,
    training_groups,
)
from zoo.matching import Matched, adjusted, traded
from zoo.matching import contrast as contrast
from zoo.measures.answers import churn, parsing
from zoo.measures.calibration import calibration
from zoo.measures.chains import chain
from zoo.measures.coverage import coverage
from zoo.measures.draws import draws
from zoo.measures.exchange import exchange
from zoo.measures.flags import edge_flags, stage_flags
from zoo.measures.front import joint
from zoo.measures.frontier import frontier
from zoo.measures.keeping import retention
from zoo.measures.length import length
from zoo.measures.making import making
from zoo.measures.overoptimisation import distances, overoptimisation
from zoo.measures.training import method, series
from zoo.measures.transfer import adjusted_transfer, decomposition, splits, transfer
from zoo.models import Family, Making, Model, Regime
from zoo.results import PROTOCOLS, Protocol, Result
from zoo.sheet import Sheet
from zoo.stages import stage_of


def analyse(
    family: Family,
    suite: Suite,
    results: Sequence[Result],
    regimes: Mapping[str, Regime],
    *,
    targets: Iterable[str] | None = None,
    probes: Callable[[Tradeoff], Iterable[Mapping[str, Any]]] = lambda _: (),
    provenance: Mapping[str, Any] | None = None,
) -> Tradeoff:
    """The trade-off of a family on a suite.

    results: in any order; of several for one cell the last counts; cells of models that are not in
        the family or benchmarks that are not in the suite are passed over.
    regimes: by name, for the default targets and the order of the stages.
    targets: of the stages' S; by default the union of what the stages were trained for. Along an
        edge S is always what the child was trained for, between siblings what either was.
    probes: given all the rest, the rows that probes measured; they are kept as they are, and what
        they allow is computed.
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
    sheet = Sheet(models, suite, results, trained_for, measured)

    stages = []
    for model in models:
        by_protocol = {protocol: sheet.cells(model, protocol) for protocol in PROTOCOLS}
        stages.append(stage_of(model, trained_for[pin(model)], chosen, sheet.fit, by_protocol))
    lineage = edges_of(models)
    edges = list(sheet.matches(lineage))
    roots = list(sheet.matches(root_pairs(models)))
    siblings = list(sheet.matches(sibling_pairs(models), both=True))
    fours = [(edge, sheet.four(edge)) for edge in lineage]
    tradeoffs = tuple(traded(edge, sheet.fit) for edge in edges)
    points = [_joint(models, stages, chosen, sheet, protocol) for protocol in PROTOCOLS]
    root_tradeoffs = tuple(traded(edge, sheet.fit) for edge in roots)
    scored = list(sheet.scored())
    found = Tradeoff(
        family=family.name,
        suite=suite.name,
        targets=chosen,
        stages=tuple(stages),
        edges=tuple(adjusted([each for edge in edges for each in edge.contrasts.values()])),
        tradeoffs=tradeoffs,
        decomposition=tuple(
            row for edge, four in fours for row in decomposition(*edge, four, suite.benchmarks)
        ),
        root_edges=tuple(adjusted([each for edge in roots for each in edge.contrasts.values()])),
        root_tradeoffs=root_tradeoffs,
        siblings=tuple(traded(edge, sheet.fit) for edge in siblings),
        retention=tuple(row for edge in (*edges, *roots) for row in retention(edge, sheet.fit)),
        transfer=(
            *adjusted_transfer([r for e in edges for r in transfer(e, sheet.fit, "parent")]),
            *adjusted_transfer([r for e in roots for r in transfer(e, sheet.fit, "root")]),
        ),
        splits=tuple(
            row
            for edge, four in fours
            for row in splits(*edge, sheet.targets(edge[1]), four, sheet.fit)
        ),
        chains=tuple(_chains(models, trained_for, sheet)),
        exchange=tuple(exchange(edge, sheet.fit) for edge in edges),
        joint=tuple(row for found, _ in points for row in found),
        flags=(
            *(flag for stage in stages for flag in stage_flags(stage)),
            *(flag for edge in edges for flag in _edge_flags(edge, sheet.fit)),
        ),
        parsing=tuple(row for cell in scored if (row := parsing(cell))),
        churn=tuple(_churn(edges, models, sheet)),
        training=tuple(map(_training, models)),
        methods=tuple(_methods(edges, models, sheet)),
        series=tuple(_series(models, sheet)),
        frontier=tuple(_frontier(models, (*tradeoffs, *root_tradeoffs), regimes)),
        probes=(
            *length(scored, edges),
            *draws(scored, edges),
            *calibration(scored, edges),
            *coverage(scored),
            *making(models),
            *(row for _, band in points for row in band),
        ),
        provenance={
            **(provenance or {}),
            "left_out": [
                *(f"benchmark {key[0]}: {reason}" for key, reason in sheet.left_out.items()),
                *(f"target {name}: the suite does not measure it" for name in unmeasured),
            ],
        },
    )
    rows = tuple(probes(found))
    further = _overoptimised(models, sheet, rows)
    return replace(found, probes=(*found.probes, *rows, *further))


def _chains(
    models: Sequence[Model], trained_for: Mapping[Pin, tuple[str, ...]], sheet: Sheet
) -> Iterator[Chain]:
    for line in leaf_chains(models):
        names = [model.id for model in line]
        learned = [trained_for[pin(model)] for model in line]
        for protocol in PROTOCOLS:
            for benchmark, aligned in sheet.lines(line, protocol):
                yield chain(names, learned, protocol, benchmark, aligned)


def _joint(
    models: Sequence[Model],
    stages: Sequence[Stage],
    targets: tuple[str, ...],
    sheet: Sheet,
    protocol: Protocol,
) -> tuple[list[Joint], list[Mapping[str, Any]]]:
    cells = [sheet.aligned(model, protocol) for model in models]
    return joint(stages, cells, composition(sheet.fit, targets), targets, protocol)


def _overoptimised(
    models: Sequence[Model], sheet: Sheet, probes: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The curves of trainings whose checkpoints are known together with how far they went."""
    by_id = {model.id: model for model in models}
    for group in checkpoint_groups(models):
        base = next((by_id[name] for name in group[-1].parents if name in by_id), None)
        if base is None:
            continue
        weights = composition(sheet.fit, sheet.targets(group[-1])).special
        steps = [(model.id, model.step or 0) for model in group]
        for protocol in PROTOCOLS:
            far = distances(probes, base.id, protocol)
            lines = {b.key: line for b, line in sheet.lines([base, *group], protocol)}
            yield from overoptimisation(steps, base.id, protocol, lines, weights, far)


def _edge_flags(edge: Matched, fit: Sequence[Benchmark]) -> list[Flag]:
    clean = edge.clean(fit)
    contrasts = [edge.contrasts[benchmark.key] for benchmark, _ in clean]
    # where lower is better, what is left to gain is the score itself
    bases = [abs(1 - p.perfect - float(p.scores[0].mean())) for _, p in clean]
    return edge_flags(contrasts, bases)


def _churn(edges: Sequence[Matched], models: Sequence[Model], sheet: Sheet) -> Iterator[Churn]:
    twins = {pin(model): group for group in seed_groups(models) for model in group}
    for edge in edges:
        others = [m for m in twins.get(pin(edge.other), []) if pin(m) != pin(edge.other)]
        for key, (base, other) in edge.cells.items():
            if edge.contrasts[key].mixed:
                continue
            cells = [sheet.cells(model, edge.protocol).get(key) for model in others]
            seeds = [cell for cell in cells if cell is not None and cell.status == "scored"]
            if row := churn(base, other, seeds, edge.contrasts[key]):
                yield row


def _methods(edges: Sequence[Matched], models: Sequence[Model], sheet: Sheet) -> Iterator[Method]:
    for group in seed_groups(models):
        pins = {pin(model) for model in group}
        own = [edge for edge in edges if pin(edge.other) in pins]
        for base in dict.fromkeys(edge.base.id for edge in own):
            for protocol in PROTOCOLS:
                found = [e for e in own if (e.base.id, e.protocol) == (base, protocol)]
                if len(found) > 1:
                    yield method(base, [traded(edge, sheet.fit) for edge in found])


def _series(models: Sequence[Model], sheet: Sheet) -> Iterator[Series]:
    for group in checkpoint_groups(models):
        targets = sheet.targets(group[-1])
        parts = composition(sheet.fit, targets)
        changes = {
            each.protocol: traded(each, sheet.fit).general
            for each in sheet.matches([(group[0], group[-1])])
        }
        for protocol, change in changes.items():
            cells = [sheet.aligned(model, protocol) for model in group]
            lines = {benchmark.key: line for benchmark, line in sheet.lines(group, protocol)}
            yield series(
                group,
                protocol,
                targets,
                tuple(ability(parts.general, each) for each in cells),
                tuple(ability(parts.special, each) for each in cells),
                lines,
                parts.special,
                change,
            )


def _training(model: Model) -> Training:
    """How a model was made, as far as its record says."""
    made = model.made or Making("")
    return Training(
        model.id,
        model.step,
        model.seed,
        is_adapter(model),
        model.adapter,
        model.parameters,
        model.trained,
        recipe=made.recipe,
        settings=dict(made.settings),
        examples=made.examples,
        seconds=made.seconds,
    )


def _frontier(
    models: Sequence[Model], edges: Iterable[EdgeTradeoff], regimes: Mapping[str, Regime]
) -> Iterator[FrontierPoint]:
    root = {model.id: chain_to(model, models)[0].id for model in models}
    groups = training_groups(models)
    still = [m for m in models if m.regime in regimes and regimes[m.regime].context]
    from_root = [edge for edge in edges if edge.base == root[edge.other]]
    for protocol in PROTOCOLS:
        changes = {edge.other: edge for edge in from_root if edge.protocol == protocol}
        yield from frontier(groups, still, changes, protocol)


def _union(sets: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in sets for name in names))
