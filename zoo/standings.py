"""What a run says of each stage as a whole and of each edge, small enough to be kept beside it.

A leaderboard reads this and no item: G over *all* general capabilities, S over *all* special ones,
with the standard errors that only items can give, and along each edge their paired change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from zoo.benchmarks import Suite
from zoo.columns import Cell
from zoo.composites import (
    BenchmarkKey,
    Composition,
    Weights,
    composition,
    difference_parts,
    known,
    score_parts,
    scores_part,
    shares,
)
from zoo.effects import Mean, Shift
from zoo.fingerprints import digest_of_cells
from zoo.lineages import Pin, edges_of, pin
from zoo.models import Model
from zoo.pairing import Aligned, align, item_differences, setup_differences
from zoo.results import PROTOCOLS, Protocol, Result, RunRecord
from zoo.sheet import Sheet
from zoo.stages import Cells
from zoo.stats import composite_difference, composite_mean
from zoo.structuring import read
from zoo.uncollected import uncollected


@dataclass(frozen=True)
class CellStanding:
    """One cell's share: its guesser's mean score, and its normalised mean with standard error.

    normalised: None where the benchmark may enter no composite (perplexity), or no item is known.
    """

    score_key: str
    chance: float | None
    normalised: float | None
    stderr: float | None


@dataclass(frozen=True)
class StageStanding:
    """A stage under one protocol.

    cells: digest of the sorted score keys that this is of, so that it is never taken for that of
        others.
    general, special: over all capabilities of the axis; None where any of their benchmarks is
        missing. capabilities: by name, of those whose benchmarks are all there.
    """

    model: str
    revision: str | None
    protocol: Protocol
    cells: str
    general: Mean | None
    special: Mean | None
    capabilities: Mapping[str, Mean] = field(default_factory=dict)
    scores: tuple[CellStanding, ...] = ()


@dataclass(frozen=True)
class EdgeStanding:
    """What changed from a parent to its child under one protocol, on the same items.

    base_cells, other_cells: as `StageStanding.cells`. Only edges that differ in nothing but the
    model are kept.
    """

    base: str
    other: str
    protocol: Protocol
    base_cells: str
    other_cells: str
    general: Shift | None
    special: Shift | None
    capabilities: Mapping[str, Shift] = field(default_factory=dict)


@dataclass(frozen=True)
class RunStanding:
    """All of one run. run: id of its record."""

    run: str
    stages: tuple[StageStanding, ...]
    edges: tuple[EdgeStanding, ...]


def standing_of(record: RunRecord, results: Sequence[Result]) -> RunStanding:
    """The standing of a run's results; what probes asked for is passed over."""
    suite = read(Suite, record.suite, "run record")
    own = [result for result in results if not result.spec.purpose]
    models = list({pin(result.spec.model): result.spec.model for result in own}.values())
    measured = tuple(dict.fromkeys(b.capability for b in suite.benchmarks))
    with uncollected():
        sheet = Sheet(models, suite, own, {pin(model): () for model in models}, measured)
        parts = composition(sheet.fit, ())
        capabilities = {
            name: _capability(name, (*parts.general, *parts.other_special), sheet)
            for name in measured
        }
        stages = {
            (pin(model), protocol): _stage(model, protocol, sheet, parts, capabilities)
            for model in models
            for protocol in PROTOCOLS
            if any(c.status == "scored" for c in sheet.cells(model, protocol).values())
        }
        edges = tuple(_edges(models, sheet, stages, parts, capabilities))
    return RunStanding(record.id, tuple(stages.values()), edges)


def _capability(name: str, keys: Iterable[BenchmarkKey], sheet: Sheet) -> Weights:
    """The mean over the benchmarks of one capability."""
    counted = shares([b for b in sheet.fit if b.capability == name])
    return {key: counted[key] for key in keys if key in counted}


def _stage(
    model: Model,
    protocol: Protocol,
    sheet: Sheet,
    parts: Composition,
    capabilities: Mapping[str, Weights],
) -> StageStanding:
    aligned = sheet.aligned(model, protocol)
    means = {name: _mean(weights, aligned) for name, weights in capabilities.items()}
    scored = _scored(sheet.cells(model, protocol))
    return StageStanding(
        model=model.id,
        revision=model.revision,
        protocol=protocol,
        cells=digest_of_cells(cell.result.provenance.score_key for cell in scored.values()),
        general=_mean(parts.general, aligned),
        special=_mean(parts.other_special, aligned),
        capabilities={name: mean for name, mean in means.items() if mean},
        scores=tuple(_cell(key, cell, aligned[key], sheet) for key, cell in scored.items()),
    )


def _scored(cells: Cells) -> Cells:
    return {key: cell for key, cell in cells.items() if cell.status == "scored"}


def _cell(key: BenchmarkKey, cell: Cell, aligned: Aligned, sheet: Sheet) -> CellStanding:
    score_key = cell.result.provenance.score_key
    if not aligned.n:
        return CellStanding(score_key, None, None, None)
    chance = float(aligned.chance.mean())
    part = scores_part(aligned)
    if key in sheet.left_out or not part.values.size:
        return CellStanding(score_key, chance, None, None)
    mean = composite_mean([part])
    return CellStanding(score_key, chance, mean.value, known(mean.stderr))


def _edges(
    models: Sequence[Model],
    sheet: Sheet,
    stages: Mapping[tuple[Pin, Protocol], StageStanding],
    parts: Composition,
    capabilities: Mapping[str, Weights],
) -> Iterator[EdgeStanding]:
    for base, other in edges_of(models):
        for protocol in PROTOCOLS:
            ends = [stages.get((pin(model), protocol)) for model in (base, other)]
            if ends[0] is None or ends[1] is None:
                continue
            pairs = _pairs(sheet.cells(base, protocol), sheet.cells(other, protocol))
            if not pairs:
                continue
            shifts = {name: _shift(weights, pairs) for name, weights in capabilities.items()}
            yield EdgeStanding(
                base=base.id,
                other=other.id,
                protocol=protocol,
                base_cells=ends[0].cells,
                other_cells=ends[1].cells,
                general=_shift(parts.general, pairs),
                special=_shift(parts.other_special, pairs),
                capabilities={name: shift for name, shift in shifts.items() if shift},
            )


def _pairs(ours: Cells, theirs: Cells) -> dict[BenchmarkKey, Aligned]:
    """Both ends of each benchmark that both have scored; none where any differs in more than the
    model, as in a report's trade-off."""
    pairs = {}
    for key, cell in _scored(theirs).items():
        base = _scored(ours).get(key)
        if base is None:
            continue
        pair = align(base, cell)
        if setup_differences(base, cell) or item_differences(pair):
            return {}
        pairs[key] = pair
    return pairs


def _mean(weights: Weights, cells: Mapping[BenchmarkKey, Aligned]) -> Mean | None:
    parts = score_parts(weights, cells)
    if parts is None:
        return None
    mean = composite_mean(parts)
    return Mean(mean.value, known(mean.stderr), known(mean.low), known(mean.high))


def _shift(weights: Weights, pairs: Mapping[BenchmarkKey, Aligned]) -> Shift | None:
    parts = difference_parts(weights, pairs)
    if parts is None:
        return None
    change = composite_difference(parts)
    limits = known(change.low), known(change.high)
    return Shift(change.value, known(change.stderr), *limits, known(change.p))
