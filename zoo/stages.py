"""The stages of a family: their order, their targets, their edges, and what each of them scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.composites import BenchmarkKey, ability, composition, known
from zoo.contrasts import Estimate, Stage, StageScore
from zoo.models import Model, Regime
from zoo.pairing import Aligned, align
from zoo.results import Protocol, Result

Cells = Mapping[BenchmarkKey, Result]
Edge = tuple[Model, Model]
Pin = tuple[str, str | None]


def pin(model: Model) -> Pin:
    """What tells the models of a family apart."""
    return model.id, model.revision


def targets_of(model: Model, regimes: Mapping[str, Regime]) -> tuple[str, ...]:
    """What a stage was trained for: its own targets, else its regime's."""
    if model.targets is not None:
        return model.targets
    return regimes[model.regime].targets if model.regime in regimes else ()


def parents_first(models: Sequence[Model], regimes: Mapping[str, Regime]) -> list[Model]:
    """Models in the order of their regimes, but none before a parent of its own."""
    last = max((regime.order for regime in regimes.values()), default=0) + 1
    waiting = sorted(models, key=lambda m: regimes[m.regime].order if m.regime in regimes else last)
    ordered: list[Model] = []
    while waiting:
        ids = {model.id for model in waiting}
        ready = [m for m in waiting if not (ids - {m.id}).intersection(m.parents)]
        ordered.append((ready or waiting)[0])
        waiting.remove(ordered[-1])
    return ordered


def edges_of(models: Sequence[Model]) -> list[Edge]:
    """(parent, child) for every parent in the family; a merge has one edge for each parent."""
    by_id = {model.id: model for model in models}
    return [
        (by_id[parent], model)
        for model in models
        for parent in model.parents
        if parent in by_id and parent != model.id
    ]


def stage_of(
    model: Model,
    trained_for: tuple[str, ...],
    targets: tuple[str, ...],
    fit: Sequence[Benchmark],
    cells: Mapping[Protocol, Cells],
) -> Stage:
    """What a model scores: its composites for one set of targets, and every cell it was asked.

    trained_for: its own targets. fit: the benchmarks that may enter a composite.
    """
    parts = composition(fit, targets)
    fit_keys = {benchmark.key for benchmark in fit}
    general: dict[Protocol, Estimate] = {}
    special: dict[Protocol, Estimate] = {}
    other_special: dict[Protocol, Estimate] = {}
    scores: list[StageScore] = []
    for protocol, row in cells.items():
        aligned = {key: align(result) for key, result in row.items() if result.status == "scored"}
        general[protocol] = ability(parts.general, aligned)
        special[protocol] = ability(parts.special, aligned)
        other_special[protocol] = ability(parts.other_special, aligned)
        scores += [_stage_score(row[key], aligned.get(key), key in fit_keys) for key in row]
    parents = model.base_model
    return Stage(
        model=model.id,
        revision=model.revision,
        regime=model.regime,
        base_model=parents if parents is None or isinstance(parents, str) else list(parents),
        targets=trained_for,
        general=general,
        special=special,
        other_special=other_special,
        scores=tuple(scores),
    )


def _stage_score(result: Result, cell: Aligned | None, fit: bool) -> StageScore:
    spec = result.spec
    score = result.score if result.status == "scored" else None
    chance, normalised = spec.benchmark.chance, None
    if cell is not None and cell.n:
        chance = float(cell.chance.mean())
        normalised = float(np.nanmean(cell.normalised[0])) if fit else None
    return StageScore(
        benchmark=spec.benchmark.name,
        metric=spec.benchmark.metric,
        filter=spec.benchmark.filter,
        protocol=spec.protocol,
        axis=spec.benchmark.axis,
        capability=spec.benchmark.capability,
        num_fewshot=spec.benchmark.num_fewshot,
        n=score.n if score else 0,
        value=known(score.value) if score else None,
        stderr=known(score.stderr) if score else None,
        chance=chance,
        normalised=known(normalised),
        status=result.status,
        error=result.error or None,
    )
