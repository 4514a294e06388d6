"""`zoo publish`: what goes where, kept in the outbox, given to the publisher, and what landed.

Nothing here speaks to anybody: publishers do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from zoo.config import PublishTable
from zoo.errors import ConfigError, PublishError, ZooError
from zoo.publishing.bundles import choose, lost_of, results_bundle
from zoo.publishing.evaluations import offers_of
from zoo.publishing.notes import notes_of
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

Rank = Callable[[Sequence[RunRecord]], "Leaderboard"]
"""The leaderboard of what these runs have measured, which a Space shows."""


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

    damaged: (what, why) of runs that should go out and cannot, and of what waits in the outbox.
    waiting: what an earlier publication has left in the outbox, as it lies there.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()
    waiting: tuple[Entry, ...] = ()

    @property
    def earlier(self) -> tuple[Entry, ...]:
        """What waits, as it is sent now: in private where that is the last word of its repository,
        and never the other way round."""
        fresh = {entry.digest for entry in self.entries}
        found = (reduce(Entry.as_private_as, self.entries, entry) for entry in self.waiting)
        return tuple({e.digest: e for e in found if e.digest not in fresh}.values())


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


def prepare(host: Host, wanted: Wanted, analyse: Analyse, rank: Rank) -> Prepared:
    """The bundles of what is asked for; nobody is asked and nothing is sent.

    Raises ConfigError and PublishError.
    """
    table = table_of(host, wanted)
    host.registry.publishers.get(wanted.to)
    records, notes = choose(host.store, wanted.targets, wanted.suite)
    whole: list[Published] = []
    damaged: list[tuple[str, str]] = []
    for record in records:
        with uncollected():
            results = [read_cell(host.store, cell) for cell in record.cells]
        standing = host.store.standing(record.id) or plain(standing_of(record, results))
        run = Published(record, results, analyse(record, results), standing)
        if reason := lost_of(run):
            damaged.append((f"the run {record.id}", reason))
        else:
            whole.append(run)
    if not whole:
        raise PublishError("; ".join(f"{run}: {reason}" for run, reason in damaged))
    runs = [replace(run, beside=tuple(each for each in whole if each is not run)) for run in whole]
    from zoo import __version__

    private = table.private
    bundles = [
        results_bundle(
            [(run, Asked(host.store, [run.record])) for run in runs],
            table.repo,
            __version__,
            private=private,
            samples=wanted.samples,
            licence=table.licence,
        )
    ]
    if wanted.space:
        target = table.space or table.repo
        board = rank([run.record for run in runs])
        bundles.append(space_bundle(board, target, table.repo, private=private))
    if wanted.pull_requests:
        from huggingface_hub import constants

        public = wanted.to == HUB and not table.private
        source = f"{constants.ENDPOINT}/datasets/{table.repo}" if public else ""
        loaders = host.registry.loaders
        readers = {name for name in loaders if loaders[name].reads_files}
        offers = offers_of(runs, table.evaluations, readers, source)
        bundles += offers.bundles
        notes += [f"not offered to a model: {note}" for note in offers.notes]
    for bundle in bundles:
        refuse_leaks(bundle)
    entries = tuple(Entry(wanted.to, bundle, table.options) for bundle in bundles)
    waiting, problems = outbox_of(host).pending()
    damaged += [(OUTBOX, problem) for problem in problems]
    return Prepared(entries, tuple(notes), tuple(damaged), tuple(waiting))


def publish(host: Host, prepared: Prepared) -> Publication:
    """Keeps the bundles in the outbox and gives them, and what waits there, to their publishers.

    One that fails costs itself; what may succeed later stays in the outbox.
    """
    outbox = outbox_of(host)
    told = _Told(failed=list(prepared.damaged))
    sent = (*prepared.earlier, *prepared.entries)
    for entry in sent:
        outbox.add(entry)
    for entry in prepared.waiting:
        if entry.digest not in {each.digest for each in sent}:
            outbox.remove(entry)  # it is sent in private
    for entry in sent:
        _give(host, outbox, entry, told)
    return Publication(tuple(told.landed), tuple(told.failed), prepared.notes, told.kept)


def outbox_of(host: Host) -> Outbox:
    """The outbox of a zoo's store."""
    return Outbox(host.store.root / OUTBOX)


def _give(host: Host, outbox: Outbox, entry: Entry, told: _Told) -> None:
    target = entry.bundle.target
    try:
        publisher = host.registry.publishers.get(entry.publisher)
        options = dict(entry.options)
        if "notes" in inspect.signature(publisher.publish).parameters:
            options["notes"] = notes_of(outbox.root, entry.publisher, target)
        where = publisher.publish(entry.bundle, target, **options)
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
