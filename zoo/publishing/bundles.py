"""Runs of the store as bundles: what is published, made without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from zoo.errors import ConfigError, PublishError
from zoo.publishing.bundle import Bundle
from zoo.publishing.lineages import every_eval_ever, lineage_of
from zoo.publishing.manifest import entry_of, spell, with_manifest
from zoo.publishing.recording import Published, run_of
from zoo.publishing.rows import results_table, samples_table
from zoo.questions import Question
from zoo.results import Result
from zoo.store.runs import RunHead

Questions = Callable[[Result], Mapping[str, Question]]


def choose(
    heads: Sequence[RunHead], targets: Iterable[str] = (), suite: str | None = None
) -> list[RunHead]:
    """The runs to publish, newest first: of each family the newest on each suite.

    targets: families or models that a run must be of. Raises ConfigError where there is none.
    """
    wanted = set(targets)
    found: dict[tuple[str, str], RunHead] = {}
    for head in heads:
        if head.pulled:
            continue  # somebody else has published it
        named = not wanted or wanted & {head.family, *head.models}
        if named and suite in (None, head.suite):
            found.setdefault((head.family, head.suite), head)
    known = {name for head in found.values() for name in (head.family, *head.models)}
    for name in sorted(wanted - known):
        raise ConfigError(f"the store has no run of {name}; `zoo run {name}` makes one")
    if not found:
        raise ConfigError("the store has no run that could be published; `zoo run` makes one")
    return list(found.values())


def results_bundle(
    runs: Sequence[tuple[Published, Questions]],
    target: str,
    version: str,
    *,
    private: bool = True,
    samples: bool = False,
    licence: str = "",
) -> Bundle:
    """The data set of results of these runs. Raises PublishError where a cell cannot be read.

    samples: whether answers are published beside the scores. version: of zoo.
    """
    files: dict[str, bytes] = {}
    for run, questions in runs:
        id = run.record.id
        _check(run)
        files[f"data/results/{id}.parquet"] = results_table(run, version)
        if samples:
            files[f"data/samples/{id}.parquet"] = samples_table(run, questions)
        files[f"runs/{id}.json"] = spell(run_of(run, version))
        files[f"lineage/{id}.json"] = spell(lineage_of(run))
        owner = target.partition("/")[0]
        for path, evaluation in every_eval_ever(run, version, owner).items():
            files[path] = spell(evaluation)
    named = ", ".join(f"{run.record.family} on {run.record.suite.get('name')}" for run, _ in runs)
    entries = {run.record.id: entry_of(run, samples=samples) for run, _ in runs}
    bundle = Bundle("dataset", target, files, f"Results of {named}", private)
    return with_manifest(bundle, entries, licence)


def _check(run: Published) -> None:
    """A run is published as it was recorded, or not at all."""
    pairs = zip(run.record.cells, run.results, strict=True)
    if lost := sum(cell.status != result.status for cell, result in pairs):
        raise PublishError(
            f"{lost} cells of the run {run.record.id} can no longer be read; `zoo run` makes them "
            "again"
        )
