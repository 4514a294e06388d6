"""`zoo publish`: what goes where, kept in the outbox, given to the publisher, and what landed.

Nothing here speaks to anybody: publishers do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zoo.config import PublishTable
from zoo.errors import ConfigError, PublishError, ZooError
from zoo.publishing.bundles import choose, lost_of, results_bundle
from zoo.publishing.evaluations import offers_of
from zoo.publishing.outbox import Entry, Outbox
from zoo.publishing.recording import Published
from zoo.publishing.scanning import refuse_leaks
from zoo.publishing.space import space_bundle
from zoo.questions import Asked
from zoo.recall import read_cell
from zoo.redaction import redact, refuse_secrets
from zoo.results import Result, RunRecord
from zoo.standings import standing_of
from zoo.structuring import plain
from zoo.uncollected import uncollected

if TYPE_CHECKING:
    from zoo.host import Host
    from zoo.ranking import Leaderboard

HUB = "hub"
OUTBOX = "outbox"

Analyse = Callable[[RunRecord, Sequence[Result]], dict[str, Any]]
"""A run's trade-off as a dictionary of zoo.tradeoff/1."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: the flags of `zoo publish`. None leaves it to zoo.toml."""

    targets: tuple[str, ...] = ()
    suite: str | None = None
    to: str = HUB
    repo: str | None = None
    public: bool = False
    samples: bool = False
    pull_requests: bool = False
    space: bool = False


@dataclass(frozen=True)
class Prepared:
    """What would be sent. notes: one sentence for each thing that is left out.

    damaged: (run, why) of those that should go out and cannot.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Publication:
    """What came of it: (target, where it is) and (target, why not) pairs.

    kept: how many bundles wait in the outbox for the next publication.
    """

    landed: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    kept: int = 0

    @property
    def whole(self) -> bool:
        """Whether all of it landed."""
        return not self.failed


@dataclass
class _Told:
    landed: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    kept: int = 0


def table_of(host: Host, wanted: Wanted) -> PublishTable:
    """``[publish.NAME]`` under what the flags say. Raises ConfigError where no repo is named."""
    table = host.config.publish.get(wanted.to) or PublishTable("")
    table = replace(
        table,
        repo=wanted.repo or table.repo,
        private=table.private and not wanted.public,
    )
    if not table.repo:
        raise ConfigError(
            f"where to is not said; name it with --repo, or as repo of [publish.{wanted.to}] in "
            "zoo.toml"
        )
    refuse_secrets(table.options, f"[publish.{wanted.to}.options]")
    return table


def prepare(
    host: Host, wanted: Wanted, analyse: Analyse, rank: Callable[[], Leaderboard]
) -> Prepared:
    """The bundles of what is asked for; nobody is asked and nothing is sent.

    rank: makes the leaderboard that a Space shows. Raises ConfigError and PublishError.
    """
    table = table_of(host, wanted)
    host.registry.publishers.get(wanted.to)
    records, notes = choose(host.store, wanted.targets, wanted.suite)
    runs, damaged = [], []
    for record in records:
        with uncollected():
            results = [read_cell(host.store, cell) for cell in record.cells]
        standing = host.store.standing(record.id) or plain(standing_of(record, results))
        run = Published(record, results, analyse(record, results), standing)
        if reason := lost_of(run):
            damaged.append((f"the run {record.id}", reason))
        else:
            runs.append((run, Asked(host.store, [record])))
    if not runs:
        raise PublishError("; ".join(f"{run}: {reason}" for run, reason in damaged))
    from zoo import __version__

    private = table.private
    bundles = [
        results_bundle(
            runs,
            table.repo,
            __version__,
            private=private,
            samples=wanted.samples,
            licence=table.licence,
        )
    ]
    if wanted.space:
        target = table.space or table.repo
        bundles.append(space_bundle(rank(), target, table.repo, private=private))
    if wanted.pull_requests:
        from huggingface_hub import constants

        public = wanted.to == HUB and not table.private
        source = f"{constants.ENDPOINT}/datasets/{table.repo}" if public else ""
        offers = offers_of([run for run, _ in runs], table.evaluations, source)
        bundles += offers.bundles
        notes += [f"not offered to a model: {note}" for note in offers.notes]
    for bundle in bundles:
        refuse_leaks(bundle)
    entries = (Entry(wanted.to, bundle, table.options) for bundle in bundles)
    return Prepared(tuple(entries), tuple(notes), tuple(damaged))


def publish(host: Host, prepared: Prepared) -> Publication:
    """Keeps the bundles in the outbox and gives them, and what waits there, to their publishers.

    One that fails costs itself; what may succeed later stays in the outbox.
    """
    outbox = outbox_of(host)
    waiting, damaged = outbox.pending()
    told = _Told(failed=[*prepared.damaged, *((OUTBOX, problem) for problem in damaged)])
    fresh = {(entry.publisher, entry.bundle.digest) for entry in prepared.entries}
    for entry in prepared.entries:
        outbox.add(entry)
    old = [each for each in waiting if (each.publisher, each.bundle.digest) not in fresh]
    for entry in (*old, *prepared.entries):
        _give(host, outbox, entry, told)
    return Publication(tuple(told.landed), tuple(told.failed), prepared.notes, told.kept)


def outbox_of(host: Host) -> Outbox:
    """The outbox of a zoo's store."""
    return Outbox(host.store.root / OUTBOX)


def _give(host: Host, outbox: Outbox, entry: Entry, told: _Told) -> None:
    target = entry.bundle.target
    try:
        publisher = host.registry.publishers.get(entry.publisher)
        where = publisher.publish(entry.bundle, target, **entry.options)
    except Exception as problem:
        final = isinstance(problem, PublishError) and not problem.again
        if final or isinstance(problem, ConfigError):
            outbox.remove(entry)
        else:
            told.kept += 1
        said = (
            str(problem)
            if isinstance(problem, ZooError)
            else f"{type(problem).__name__}: {problem}"
        )
        told.failed.append((target, redact(said)))
    else:
        outbox.remove(entry)
        told.landed.append((target, str(where)))
