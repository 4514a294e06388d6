"""The stages of a family and what each of them scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.columns import Cell
from zoo.composites import BenchmarkKey, ability, composition, known, shares
from zoo.contrasts import Estimate, Stage, StageScore
from zoo.models import Model
from zoo.pairing import Aligned, align
from zoo.results import Protocol, Result

Cells = Mapping[BenchmarkKey, Cell]


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
    counted = shares(fit)
    general: dict[Protocol, Estimate] = {}
    special: dict[Protocol, Estimate] = {}
    other_special: dict[Protocol, Estimate] = {}
    scores: list[StageScore] = []
    for protocol, row in cells.items():
        aligned = {key: align(cell) for key, cell in row.items() if cell.status == "scored"}
        general[protocol] = ability(parts.general, aligned)
        special[protocol] = ability(parts.special, aligned)
        other_special[protocol] = ability(parts.other_special, aligned)
        scores += [_stage_score(row[key].result, aligned.get(key), counted.get(key)) for key in row]
    parents = model.base_model
    return Stage(
        model=model.id,
        revision=model.revision,
        regime=model.regime,
        base_model=parents,
        targets=trained_for,
        general=general,
        special=special,
        other_special=other_special,
        scores=tuple(scores),
    )


def _stage_score(result: Result, cell: Aligned | None, share: float | None) -> StageScore:
    spec = result.spec
    score = result.score if result.status == "scored" else None
    chance, normalised = spec.benchmark.chance, None
    if cell is not None and cell.n:
        chance = float(cell.chance.mean())
        normalised = float(np.nanmean(cell.normalised[0])) if share is not None else None
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
        imported=result.provenance.imported.get("format", ""),
        group=spec.benchmark.group,
        share=share or 0.0,
    )
