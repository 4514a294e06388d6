"""Runs of the store as bundles: what is published, made without asking anybody."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from zoo.errors import ConfigError
from zoo.publishing.bundle import Bundle
from zoo.publishing.lineages import every_eval_ever, lineage_of
from zoo.publishing.manifest import entry_of, spell, with_manifest
from zoo.publishing.recording import Published, run_of
from zoo.publishing.rows import results_table, samples_table
from zoo.questions import Question
from zoo.results import Result, RunRecord
from zoo.store import Store

Questions = Callable[[Result], Mapping[str, Question]]


def choose(
    store: Store, targets: Iterable[str] = (), suite: str | None = None
) -> tuple[list[RunRecord], list[str]]:
    """The runs to publish: of each family one's own on each suite that asked the most items, of
    equals the newest, so that a quick look does not take the place of a whole run.

    targets: families or models that a run must be of. Also a sentence for each run of others' that
    was passed over. Raises ConfigError where no run is left.
    """
    wanted = set(targets)
    found: dict[tuple[str, str], RunRecord] = {}
    others: dict[str, None] = {}
    known: set[str] = set()
    for head in store.heads():
        names = {head.family, *head.models}
        if (wanted and not wanted & names) or suite not in (None, head.suite):
            continue
        known |= names
        record = store.read_run(head.path)
        if source := record.settings.get("source"):
            others.setdefault(f"what was pulled from {source} is not published again")
            continue
        best = found.setdefault((head.family, head.suite), record)
        if _asked(record) > _asked(best):
            found[head.family, head.suite] = record
    for name in sorted(wanted - known):
        raise ConfigError(f"the store has no run of {name}; `zoo run {name}` makes one")
    if not found:
        said = "; ".join(others) or "`zoo run` makes one"
        raise ConfigError(f"the store has no run that could be published; {said}")
    return list(found.values()), list(others)


def _asked(record: RunRecord) -> float:
    """How many items of each benchmark a run asked at most."""
    limit = record.settings.get("limit")
    return float(limit) if isinstance(limit, int) else math.inf


def called(run: Published) -> str:
    """A run in words, as they may be read elsewhere: `nano on core, first 20 items`."""
    record, asked = run.record, _asked(run.record)
    part = "" if math.isinf(asked) else f", first {asked:.0f} items"
    family = run.names.get(record.family, record.family)
    return f"{family} on {record.suite.get('name')}{part}"


def results_bundle(
    runs: Sequence[tuple[Published, Questions]],
    target: str,
    version: str,
    *,
    private: bool = True,
    samples: bool = False,
    licence: str = "",
) -> Bundle:
    """The data set of results of these runs.

    samples: whether answers are published beside the scores. version: of zoo.
    """
    files: dict[str, bytes] = {}
    for run, questions in runs:
        id = run.record.id
        files[f"data/results/{id}.parquet"] = results_table(run, version)
        if samples:
            files[f"data/samples/{id}.parquet"] = samples_table(run, questions)
        files[f"runs/{id}.json"] = spell(run_of(run, version))
        files[f"lineage/{id}.json"] = spell(lineage_of(run))
        owner = target.partition("/")[0]
        for path, evaluation in every_eval_ever(run, version, owner).items():
            files[path] = spell(evaluation)
    named = "; ".join(called(run) for run, _ in runs)
    entries = {run.record.id: entry_of(run, samples=samples) for run, _ in runs}
    bundle = Bundle("dataset", target, files, f"Results of {named}", private)
    return with_manifest(bundle, entries, licence)


def lost_of(run: Published) -> str:
    """Why a run, which goes out as it was recorded or not at all, does not; "" where it does."""
    pairs = zip(run.record.cells, run.results, strict=True)
    lost = sum(cell.status != result.status for cell, result in pairs)
    gone = f"{lost} of its cells can no longer be read; `zoo run` makes them again"
    return gone if lost else ""
