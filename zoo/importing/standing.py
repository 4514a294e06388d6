"""What a published run says of itself as a whole, held against its own cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from zoo.benchmarks import Suite
from zoo.composites import BenchmarkKey
from zoo.effects import Mean, Shift
from zoo.fingerprints import digest_of_cells
from zoo.importing.files import FormatError
from zoo.results import RecordedCell, RunRecord
from zoo.standings import CellStanding, EdgeStanding, RunStanding, StageStanding
from zoo.structuring import read

SAME_VALUE = 1e-9
"""How far two roundings of one number may lie apart."""

StageKey = tuple[str, str | None, str]
"""Model, revision and protocol."""


def check_standing(standing: RunStanding, record: RunRecord) -> None:
    """Raises FormatError where a standing is of other cells, or has a number that cannot be."""
    known = _scored(record)
    for stage in standing.stages:
        cells = known.get((stage.model, stage.revision, stage.protocol))
        if not cells or not _is_of(stage, cells):
            raise FormatError(f"its standing of {stage.model[:100]!r} is of other cells")
        if not all(_can_be(score, cells[score.score_key]) for score in stage.scores):
            raise FormatError(f"its standing of {stage.model[:100]!r} has a score that cannot be")
    stages = {(stage.model, stage.protocol, stage.cells) for stage in standing.stages}
    for edge in standing.edges:
        ends = (edge.base, edge.base_cells), (edge.other, edge.other_cells)
        if any((model, edge.protocol, cells) not in stages for model, cells in ends):
            raise FormatError(f"its change of {edge.other[:100]!r} is of other cells")
    if not all(map(_is_sound, _measures((*standing.stages, *standing.edges)))):
        raise FormatError("its standing has an error or a p that cannot be")


def _scored(record: RunRecord) -> dict[StageKey, dict[str, bool]]:
    """The score keys of each stage as a standing takes them, and whether higher is better."""
    suite = {benchmark.key for benchmark in read(Suite, record.suite, "run record").benchmarks}
    found: dict[StageKey, dict[BenchmarkKey, RecordedCell]] = {}
    for cell in record.cells:
        spec = cell.spec
        if cell.status == "scored" and not spec.purpose and spec.benchmark.key in suite:
            # a stage that is not pinned has the cells of every revision
            for revision in {spec.model.revision, None}:
                stage = found.setdefault((spec.model.id, revision, spec.protocol), {})
                stage[spec.benchmark.key] = cell
    return {
        stage: {cell.score_key: _higher_is_better(cell) for cell in cells.values()}
        for stage, cells in found.items()
    }


def _higher_is_better(cell: RecordedCell) -> bool:
    asked = cell.spec.benchmark.metric, cell.spec.benchmark.filter
    scores = cell.summary["scores"]
    return any(s["higher_is_better"] for s in scores if (s["metric"], s["filter"]) == asked)


def _is_of(stage: StageStanding, cells: Mapping[str, bool]) -> bool:
    keys = {score.score_key for score in stage.scores}
    return stage.cells == digest_of_cells(keys) and keys <= cells.keys()


def _can_be(score: CellStanding, higher_is_better: bool) -> bool:
    """Whether a normalised score is one: 1 at most, and no less than failing every item gives.

    That is -g / (1 - g) where g is a guesser's share of perfection. Where g differs from item to
    item it is at least -g / (1 - m), m being the greatest; nothing is known here of m but that of
    two options or more it is one half at most, or g itself.
    """
    if score.normalised is None:
        return True
    if score.chance is None or not 0 <= score.chance <= 1:
        return False
    guess = score.chance if higher_is_better else 1 - score.chance
    most = max(guess, 0.5)
    worst = -guess / (1 - most) if most < 1 else -math.inf
    fits = worst - SAME_VALUE <= score.normalised <= 1 + SAME_VALUE
    return fits and (score.stderr is None or score.stderr >= 0)


def _measures(of: Iterable[StageStanding | EdgeStanding]) -> Iterator[Mean | Shift | None]:
    for each in of:
        yield from (each.general, each.special, *each.capabilities.values())


def _is_sound(measure: Mean | Shift | None) -> bool:
    """Whether its error is not below 0 and its p, where it has one, is a probability."""
    if measure is None:
        return True
    p = measure.p if isinstance(measure, Shift) else None
    return (measure.stderr is None or measure.stderr >= 0) and (p is None or 0 <= p <= 1)
