"""`zoo import`: results that lm-eval wrote become a run of the store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def register(verbs: Any) -> None:
    """Adds `import`."""
    parser = verbs.add(
        "import",
        "read results that lm-eval wrote",
        run,
        description="Read results files of lm-eval, with the items that --log_samples wrote beside "
        "them, as a run of the store. FILE is a file, or a folder that holds some.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file or a folder")
    parser.add_argument(
        "--family", metavar="F", help="whose models they are of (default: the one that they fit)"
    )
    parser.add_argument(
        "--model",
        type=pair,
        action="append",
        default=[],
        metavar="ID=WHERE",
        help="results of the model ID are those that call it WHERE, or lie in the folder WHERE",
    )
    parser.add_argument(
        "--suite", metavar="S", help="take its benchmarks only (default: every task there is)"
    )


def pair(text: str) -> tuple[str, str]:
    """ID=WHERE as a pair."""
    name, equals, where = text.partition("=")
    if not (name and equals and where):
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=WHERE")
    return name, where


def run(args: argparse.Namespace) -> int:
    """Imports and shows the trade-off; 1 where a file or a cell could not be taken."""
    from zoo.api import tradeoff_of
    from zoo.cli.opening import open_host, terminal
    from zoo.cli.run import show_failed, write_page
    from zoo.importing.runs import import_files
    from zoo.reporting import print_tradeoff
    from zoo.reporting.text import clean

    host = open_host(args)
    done = import_files(
        host, args.files, family=args.family, models=dict(args.model), suite=args.suite
    )
    notes = (*done.problems, *done.notes)
    tradeoff = tradeoff_of(host, done.family, done.suite, done.results, (done.record,), notes=notes)
    print_tradeoff(tradeoff, terminal())
    failed = tuple(each for each in done.results if each.status == "failed")
    print(f"{len(done.results)} cells: {len(done.results) - len(failed)} imported", end="")
    print(f", {len(failed)} failed" if failed else "")
    print(f"report: {write_page(host, tradeoff, done.record.id)}")
    sys.stdout.flush()
    show_failed(failed)
    for problem in done.problems:
        print(f"zoo: not imported: {clean(problem)}", file=sys.stderr)
    for note in done.notes:
        print(f"zoo: {clean(note)}", file=sys.stderr)
    return int(bool(failed or done.problems))
