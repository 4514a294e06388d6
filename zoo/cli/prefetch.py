"""`zoo prefetch`: what a run reads from the Hub, fetched beforehand for nodes without a network."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import names, positive

if TYPE_CHECKING:
    from zoo.fetching.missing import Missing
    from zoo.fetching.prefetching import Fetched, OnEvent
    from zoo.host import Host
    from zoo.models import Family


SELDOM = 10.0
"""Seconds between two lines of a log that only say how far it is."""


def register(verbs: Any) -> None:
    """Adds `prefetch`."""
    parser = verbs.add(
        "prefetch",
        "fetch what a run reads, for machines without a network",
        run,
        description="Fetch models, adapters with their bases, tokenizers and the data of a suite "
        "into the ordinary caches, and hold every file against the Hub's hash. What is there is "
        "checked and not fetched again; what is damaged is. With --tasks all words are targets.",
    )
    parser.add_argument("suite", nargs="?", metavar="SUITE", help="the benchmarks")
    parser.add_argument(
        "targets",
        nargs="*",
        default=[],
        metavar="TARGET",
        help="a family, a Hub id or a checkpoint folder (default: the default family)",
    )
    parser.add_argument("--base", metavar="ID", help="parent of the targets whose card names none")
    parser.add_argument("--tasks", type=names, default=(), metavar="T,...", help="instead of SUITE")
    parser.add_argument(
        "--include-path", type=Path, action="append", metavar="DIR", help="a folder of task files"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched")
    parser.add_argument(
        "--jobs", type=positive, default=4, metavar="N", help="files at once (default 4)"
    )
    parser.add_argument("--json", action="store_true", help="one object for each thing")


def run(args: argparse.Namespace) -> int:
    """Fetches, and says of each thing what became of it; 1 where something failed."""
    from zoo.cli.opening import open_host
    from zoo.errors import ConfigError
    from zoo.fetching.prefetching import Prefetch
    from zoo.fetching.wanted import wanted_of

    host = open_host(args)
    if args.suite is None and not args.tasks:
        known = ", ".join(sorted(host.catalogue.suites))
        raise ConfigError(f"no suite is named; `zoo prefetch SUITE` fetches one of {known}")
    suite, targets = args.suite, args.targets
    if args.tasks:
        suite, targets = None, [each for each in (suite, *targets) if each]
    else:
        host.catalogue.suite(suite)  # a name that nobody brings is refused before the Hub is asked
    families, unread = _resolved(host, targets, args.base)
    asked = [(family, host.suite(suite, args.tasks, family)) for family in families]
    with _progress(quiet=args.json) as on_event:
        prefetch = Prefetch(host, wanted_of(host, asked, unread), args.jobs, args.dry_run, on_event)
        rows: list[Fetched] = []
        for row in prefetch.rows():
            rows.append(row)
            on_event("row", {"row": row})
    if args.json:
        from zoo.structuring import plain

        print(json.dumps([plain(row) for row in rows], ensure_ascii=False, indent=1))
    else:
        _show(rows)
        what = ["--tasks", ",".join(args.tasks)] if args.tasks else ["--suite", str(suite)]
        folders = [word for path in args.include_path or () for word in ("--include-path", path)]
        words = ["zoo", "run", *targets, *what, *map(str, folders)]
        _say_how(rows, args.dry_run, words)
    sys.stdout.flush()
    return _tell_failed(rows)


def missing_said(missing: Sequence[Missing], suite: str, args: argparse.Namespace) -> str:
    """What the caches lack, and the command that fetches it. args: of a run or a plan."""
    from zoo.reporting.text import clean

    shown = ", ".join(map(str, missing[:4]))
    more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
    words = [*([] if args.tasks else [suite]), *args.targets]
    if args.tasks:
        words += ["--tasks", ",".join(args.tasks)]
    for folder in args.include_path or ():
        words += ["--include-path", str(folder)]
    command = shlex.join(["zoo", "prefetch", *words])
    return clean(f"not in the cache: {shown}{more}; `{command}` fetches it beforehand")


def _resolved(
    host: Host, targets: Sequence[str], base: str | None
) -> tuple[list[Family], list[tuple[str, str]]]:
    """The families of the targets, and (target, why) of those that cannot be read: one that is
    gated keeps the others from nothing."""
    from zoo.errors import ModelError

    if not targets:
        return list(host.discovery.resolve([], base)), []
    found: list[Family] = []
    unread: list[tuple[str, str]] = []
    for target in dict.fromkeys([*targets, *([base] if base else [])]):
        try:
            found += host.discovery.resolve([target])
        except ModelError as problem:
            unread.append((target, str(problem)))
    return found, unread


def _show(rows: Sequence[Fetched]) -> None:
    from tabulate import tabulate

    from zoo.evaluation.preflight.findings import size
    from zoo.reporting.text import clean

    def shown(row: Fetched) -> str:
        unknown = "" if row.state == "nothing to fetch" else "?"
        return unknown if row.size is None else size(row.size)

    table = [
        [
            row.kind,
            clean(row.name),
            row.revision[:12],
            shown(row),
            row.state,
            clean(row.checked),
        ]
        for row in rows
    ]
    heads = ["what", "name", "revision", "size", "", "checked"]
    print(tabulate(table, headers=heads, tablefmt="simple", disable_numparse=True))
    coming = [row.fetched for row in rows if row.state in ("to fetch", "fetched", "mended")]
    if any(coming):
        unknown = " and data whose size nobody says" if None in coming else ""
        print(f"in all: {size(sum(each or 0 for each in coming))} of files{unknown}")


def _say_how(rows: Sequence[Fetched], dry: bool, command: Sequence[str]) -> None:
    """How to run without a network, where all of it is here."""
    from zoo.fetching.caches import caches
    from zoo.reporting.text import clean

    if dry:
        print("nothing was fetched but the small files that say what a model is")
    elif not any(row.state == "failed" for row in rows):
        folders = caches()
        named = (f"{name}={shlex.quote(path)}" for name, path in folders.items())
        spelt = clean(" ".join(["HF_HUB_OFFLINE=1", *named, shlex.join(command)]))
        one = len(folders) == 1
        copied = "that folder and name it so" if one else "these folders and name them so"
        print(f"without a network: {spelt} reads all that stands here; elsewhere, copy {copied}")


def _tell_failed(rows: Sequence[Fetched]) -> int:
    """A sentence for each thing that failed; the exit status."""
    from zoo.reporting.text import clean

    failed = [row for row in rows if row.state == "failed"]
    for row in failed:
        print(f"zoo: not fetched: {clean(row.name)}: {clean(row.error)}", file=sys.stderr)
    return int(bool(failed))


@contextmanager
def _progress(*, quiet: bool) -> Iterator[OnEvent]:
    """A bar of bytes on a terminal, lines elsewhere, on stderr."""
    if quiet:
        yield lambda *_: None
    elif sys.stderr.isatty():
        with _bar() as on_event:
            yield on_event
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[OnEvent]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading what there is", total=None)

        def on_event(name: str, facts: Mapping[str, Any]) -> None:
            if name == "size":
                bar.update(task, description="weights", total=facts["bytes"])
            elif name == "bytes":
                bar.advance(task, facts["bytes"])
            elif name == "row":
                bar.console.print(_line(facts["row"]), markup=False, highlight=False)

        yield on_event


def _lines() -> OnEvent:
    """Lines for a log: each thing when it is done, and now and then how far the bytes are."""
    from zoo.cli.progress import duration
    from zoo.evaluation.preflight.findings import size

    total, came, began, said = 0, 0, time.monotonic(), time.monotonic()

    def on_event(name: str, facts: Mapping[str, Any]) -> None:
        nonlocal total, came, began, said
        now = time.monotonic()
        if name == "size":
            total, began = facts["bytes"], now
        elif name == "bytes":
            came += facts["bytes"]
            if now - said >= SELDOM and came:
                said, left = now, (total - came) * (now - began) / came
                rest = f", {duration(left)} left" if left > 0 else ""
                print(f"  {size(came)} of {size(total)}{rest}", file=sys.stderr, flush=True)
        elif name == "row":
            print(f"  {_line(facts['row'])}", file=sys.stderr, flush=True)

    return on_event


def _line(row: Fetched) -> str:
    from zoo.reporting.text import clean

    return f"{row.kind} {clean(row.name)}: {row.state}"
