"""Two models side by side: how they are asked, and how their scores differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from zoo.columns import read_cells
from zoo.contrasts import Contrast
from zoo.effects import Manner
from zoo.errors import CellError, UnknownNameError, ZooError
from zoo.evaluation.evaluator import Evaluator
from zoo.evaluation.preparing import Cell
from zoo.executors import evaluator_for
from zoo.fingerprints import canonical
from zoo.host import Host
from zoo.measures.answers import manner
from zoo.models import Prompting
from zoo.pairing import prompts_differ
from zoo.questions import read_questions
from zoo.recall import cells_of_model, read_cell
from zoo.results import RecordedCell, Result, RunRecord
from zoo.running import Options, settings_of
from zoo.structuring import plain
from zoo.tradeoff import contrast

Recorded = tuple[RunRecord, RecordedCell]
"""A cell and the run that recorded it."""

Difference = tuple[str, str, str]
"""What differs, A's value, B's value."""

CellKey = tuple[object, ...]

CHANGED = "differed when it was asked; the task has changed since and asks both alike"


@dataclass(frozen=True)
class Comparison:
    """configuration and prompts: where the two differ; contrasts: B minus A on shared cells;
    manners: how each answered what it was asked to write."""

    configuration: tuple[Difference, ...]
    prompts: tuple[Difference, ...]
    contrasts: tuple[Contrast, ...]
    manners: tuple[Manner, ...]


OF_MODEL = ("regime", "revision", "base_model", "loader_args", "regime_args", "targets", "seed")
"""What models may differ in by what is said of them."""


def compare(host: Host, a: str, b: str) -> Comparison:
    """Compares two models by what the store has of them; no weight is loaded.

    Prompts that differ are rendered again, as the runs that recorded them would.
    Raises UnknownNameError where a model has never been run.
    """
    ours, theirs = _cells(host, a), _cells(host, b)
    shared = [key for key in ours if key in theirs]
    results = [
        (read_cell(host.store, ours[key][1]), read_cell(host.store, theirs[key][1]))
        for key in shared
    ]
    read = [tuple(read_cells(pair)) for pair in results]
    asked = [
        (ours[key], theirs[key], _looked_up(found) or prompts_differ(*pair))
        for key, pair, found in zip(shared, read, results, strict=True)
    ]
    return Comparison(
        tuple(_configuration(results)),
        tuple(_prompts(host, asked)),
        tuple(_contrasts(results)),
        tuple(row for pair in read if (row := manner(*pair))),
    )


def _cells(host: Host, model: str) -> dict[CellKey, Recorded]:
    """The newest scored cell of a model for each benchmark, protocol and limit."""
    found: dict[CellKey, Recorded] = {}
    for record, cell in cells_of_model(host.store, model):
        if cell.status == "scored" and not cell.spec.purpose:
            key = (cell.spec.benchmark.key, cell.spec.protocol, cell.spec.limit)
            found.setdefault(key, (record, cell))
    if not found:
        known = {model for head in host.store.heads() for model in head.models}
        raise UnknownNameError("scored model", model, known, f"`zoo run {model}` makes it one")
    return found


def _configuration(results: Sequence[tuple[Result, Result]]) -> list[Difference]:
    """Differences of what the models are and of how they are asked and run."""
    seen: dict[Difference, None] = {}
    for ours, theirs in results:
        for name in OF_MODEL:
            pair = getattr(ours.spec.model, name), getattr(theirs.spec.model, name)
            _note(seen, name, *pair)
        protocol = ours.spec.protocol
        for field in fields(Prompting):
            pair = (
                getattr(ours.spec.prompting, field.name),
                getattr(theirs.spec.prompting, field.name),
            )
            _note(seen, f"{protocol}: {field.name}", *pair)
        for name in (
            "loader",
            "engine",
            "scoring",
            "dtype",
            "device",
            "chat_template",
            "tokenizer",
        ):
            pair = getattr(ours.provenance, name), getattr(theirs.provenance, name)
            _note(seen, name, *(_short(each) for each in pair))
        for package in sorted({*ours.provenance.versions, *theirs.provenance.versions}):
            pair = ours.provenance.versions.get(package), theirs.provenance.versions.get(package)
            _note(seen, f"version of {package}", *pair)
    return list(seen)


def _looked_up(pair: tuple[Result, Result]) -> bool:
    """Whether passages stood before the questions of either, which are asked alike otherwise."""
    return any(item.sources for result in pair for item in result.items)


def _note(seen: dict[Difference, None], what: str, ours: Any, theirs: Any) -> None:
    if ours != theirs:
        seen[what, _text(ours), _text(theirs)] = None


def _prompts(
    host: Host, pairs: Sequence[tuple[Recorded, Recorded, bool | None]]
) -> list[Difference]:
    """The first item of each benchmark and protocol whose prompts differ, both rendered again;
    those of imported cells as their files had them.

    pairs: two cells, and whether their stored prompts differ, None where that is not known.
    Where a prompt cannot be rendered any more, the reason stands in its place.
    """
    evaluators: dict[str, Evaluator] = {}

    def prepare(recorded: Recorded) -> Cell | Result | list[str]:
        record, cell = recorded
        if record.settings.get("imported"):
            asked = read_questions(host.store, cell.questions).values()
            return [prompt for question in asked for prompt in question.prompts]
        settings = {
            name: record.settings[name]
            for name in ("include_paths", "loader", "loader_args")
            if name in record.settings
        }
        run = canonical(settings)
        try:
            if run not in evaluators:
                evaluators[run] = evaluator_for({**plain(settings_of(host, Options())), **settings})
        except ZooError as problem:
            return Result(cell.spec, "failed", error=str(problem))
        return evaluators[run].prepare(cell.spec)

    differences = []
    for ours, theirs, differed in pairs:
        if differed is False:
            continue
        name = f"{ours[1].spec.benchmark.name} · {ours[1].spec.protocol}"
        prepared = [prepare(each) for each in (ours, theirs)]
        contexts = [list(dict.fromkeys(_contexts(each))) for each in prepared]
        first = next(
            ((one, other) for one, other in zip(*contexts, strict=False) if one != other), None
        )
        if first is None and any(isinstance(each, Result) for each in prepared):
            first = contexts[0][0], contexts[1][0]
        elif first is None and differed:
            first = (CHANGED, CHANGED)
        if first is not None:
            differences.append((name, *first))
    return differences


def _contexts(prepared: Cell | Result | list[str]) -> list[str]:
    """The prompts of a cell, or why there are none."""
    if isinstance(prepared, list):
        return prepared
    if isinstance(prepared, Result):
        return [f"cannot be rendered: {prepared.error}"]
    return [request.context for request in prepared.requests]


def _contrasts(results: Sequence[tuple[Result, Result]]) -> list[Contrast]:
    found = []
    for ours, theirs in results:
        try:
            found.append(contrast(ours, theirs))
        except CellError:
            continue  # the store lost this cell: it has no score to compare
    return found


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={each}" for key, each in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _short(value: str) -> str:
    """Hashes are told apart by their beginning."""
    return value[:12] if len(value) == 64 else value
