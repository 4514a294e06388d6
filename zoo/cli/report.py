"""`zoo report`: renders what the store has, without loading a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_json, add_run, families_and_models, names
from zoo.errors import ConfigError

if TYPE_CHECKING:
    from zoo.host import Host
    from zoo.tradeoffs import Tradeoff


def register(verbs: Any) -> None:
    """Adds `report`."""
    parser = verbs.add(
        "report",
        "show the trade-off of what has been run",
        run,
        description="Render results from the store, without loading a model. Without TARGET, the "
        "newest run; TARGET is a family, or models of it, or a run that a plugin has recorded.",
    )
    add_what(parser)
    parser.add_argument(
        "--format",
        default=None,
        metavar="table|markdown|latex|json|html|csv|svg|png",
        help="default: what --output ends with, else table",
    )
    add_json(parser)
    parser.add_argument(
        "--figure",
        default="plane",
        metavar="plane|targets|lineage|slope|heatmap|...",
        help="which one svg and png draw (default plane); one that does not exist lists all",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="a file (default: stdout)")


def add_what(parser: argparse.ArgumentParser) -> None:
    """What a report is of."""
    add_run(parser)
    parser.add_argument(
        "--special",
        type=names,
        default=None,
        metavar="C,...",
        help="capabilities that S stands for (default: what the stages were trained for)",
    )


SUFFIXES = {".md": "markdown", ".tex": "latex", ".txt": "table"}


def run(args: argparse.Namespace) -> int:
    """Renders each family that is named, or the newest run; 1 where a cell of it failed."""
    from zoo.cli.opening import open_host

    format = _format(args)
    families, _ = families_and_models(args.targets)
    if len(families) > 1 and (format != "table" or args.output):
        raise ConfigError(f"{format} holds one family; name one of {', '.join(families)}")
    tradeoffs = tradeoffs_of(open_host(args), args)
    for tradeoff in tradeoffs:
        show(tradeoff, format, args.output, args.figure)
    cells = [s for tradeoff in tradeoffs for stage in tradeoff.stages for s in stage.scores]
    return int(any(score.status == "failed" for score in cells))


def tradeoffs_of(host: Host, args: argparse.Namespace) -> list[Tradeoff]:
    """The trade-off of each family that is named, or of the newest run; notes go to stderr."""
    from zoo.importing.recorded import recorded
    from zoo.recall import recall
    from zoo.reporting.text import clean
    from zoo.tradeoffs import tradeoff_of

    families, models = families_and_models(args.targets)
    tradeoffs = []
    named: list[str | None] = [*families]
    for family in named or [None]:
        if args.special is None and (known := recorded(host, family, args.suite, models)):
            tradeoffs.append(known)
            continue
        found = recall(host.store, family, args.suite, models)
        tradeoffs.append(
            tradeoff_of(
                host,
                found.family,
                found.suite,
                found.results,
                found.records,
                args.special,
                found.notes,
            )
        )
        for note in found.notes:
            print(f"zoo: {clean(note)}", file=sys.stderr)
    return tradeoffs


def show(tradeoff: Tradeoff, format: str, output: Path | None, figure: str) -> None:
    """Prints it, or writes it to a file and says so on stderr."""
    from zoo.cli.opening import terminal
    from zoo.reporting import print_tradeoff, render_bytes
    from zoo.store.atomic import write_file

    if output is None and format == "table":
        print_tradeoff(tradeoff, terminal())
        return
    if output is None and format == "png" and sys.stdout.isatty():
        raise ConfigError("a png is no text for a terminal; name a file with --output")
    data = (
        tradeoff.to_html().encode()
        if format == "html"
        else render_bytes(tradeoff, format, figure=figure)
    )
    if output is not None:
        write_file(output, data)
        print(f"zoo: wrote {output}", file=sys.stderr)
    elif format == "png":
        sys.stdout.buffer.write(data)
    else:
        print(data.decode())


def _format(args: argparse.Namespace) -> str:
    if args.format:
        return str(args.format)
    if args.output is None:
        return "table"
    suffix = args.output.suffix.lower()
    return SUFFIXES.get(suffix, suffix.removeprefix(".") or "table")
