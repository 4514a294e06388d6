"""`zoo import`: results that were written elsewhere become runs of the store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.host import Host
    from zoo.importing.runs import Imported


def register(verbs: Any) -> None:
    """Adds `import`."""
    parser = verbs.add(
        "import",
        "read results that were written elsewhere",
        run,
        description="Read results files of lm-eval, lighteval, the Open LLM Leaderboard and Every "
        "Eval Ever, with the items beside them, as runs of the store. FILE is a file, or a folder "
        "that holds some.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file or a folder")
    parser.add_argument(
        "--family", metavar="F", help="whose models they are of (default: those that they fit)"
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
    """Imports and shows what it made; 1 where a file or a cell could not be taken."""
    from zoo.cli.opening import open_host
    from zoo.cli.run import show_failed
    from zoo.importing.runs import import_files
    from zoo.reporting.text import clean

    host = open_host(args)
    done = import_files(
        host, args.files, family=args.family, models=dict(args.model), suite=args.suite
    )
    failed = tuple(each for run in done.runs for each in run.failed)
    page = _show_analysis(host, done) if len(done.runs) == 1 else None
    if page is None:
        models = {model for run in done.runs for model in run.models}
        families = {run.family for run in done.runs}
        print(f"{counted(len(models), 'model')} in {counted(len(families), 'family')}")
    cells = sum(run.cells for run in done.runs)
    print(f"{cells} cells: {cells - len(failed)} imported", end="")
    print(f", {len(failed)} failed" if failed else "")
    if unsaid := _unsaid(done):
        print(f"not in the files: {clean(unsaid)}")
    print(f"report: {page}" if page else "`zoo leaderboard` ranks them")
    sys.stdout.flush()
    show_failed(failed)
    for problem in done.problems:
        print(f"zoo: not imported: {clean(problem)}", file=sys.stderr)
    for note in done.notes:
        print(f"zoo: {clean(note)}", file=sys.stderr)
    return int(bool(failed or done.problems))


def _show_analysis(host: Host, done: Imported) -> Path:
    """Prints the trade-off of the one run; returns the file of its page."""
    from zoo.cli.opening import terminal
    from zoo.cli.run import write_page
    from zoo.recall import recall_run
    from zoo.reporting import print_tradeoff
    from zoo.tradeoffs import tradeoff_of

    found, notes = recall_run(host.store, done.main.id), (*done.problems, *done.notes)
    tradeoff = tradeoff_of(
        host, found.family, found.suite, found.results, found.records, notes=notes
    )
    print_tradeoff(tradeoff, terminal())
    return write_page(host, tradeoff, done.main.id)


def _unsaid(done: Imported) -> str:
    """What the files do not say of how they were made, and of how many models."""
    models: dict[str, set[str]] = {}
    for run in done.runs:
        for fact, ids in run.unsaid.items():
            models.setdefault(fact, set()).update(ids)
    return ", ".join(f"{fact} (of {counted(len(ids), 'model')})" for fact, ids in models.items())


def counted(n: int, noun: str) -> str:
    """ "1 run", "2 families"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{n} {noun if n == 1 else plural}"
