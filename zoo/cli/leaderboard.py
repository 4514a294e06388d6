"""`zoo leaderboard`: ranks what the store holds, from its index alone."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_json, positive

if TYPE_CHECKING:
    from zoo.ranking import Leaderboard

SHOWN = 50
"""Entries of a protocol that a terminal is given where nobody says how many."""

SUFFIXES = {".md": "markdown", ".tex": "latex", ".txt": "table"}
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def register(verbs: Any) -> None:
    """Adds `leaderboard`."""
    parser = verbs.add(
        "leaderboard",
        "rank what the store holds, with an interval for every rank",
        run,
        description="Rank the models that the store has results of, as far as the data can tell: "
        "every entry with all the ranks that it may have. NAME is a leaderboard of zoo.toml; "
        "without one its first, or the suite that most models were asked.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="[leaderboards.NAME] of zoo.toml")
    parser.add_argument("--suite", metavar="S", help="the suite (default: the leaderboard's)")
    parser.add_argument(
        "--family", nargs="+", default=["*"], metavar="F", help="families, or patterns of them"
    )
    parser.add_argument("--regime", metavar="R", help="only models that were made this way")
    parser.add_argument("--min-size", type=size, metavar="N", help="parameters, as in 7B or 500M")
    parser.add_argument("--max-size", type=size, metavar="N", help="likewise")
    parser.add_argument("--licence", metavar="L", help="as models' cards name it, or a pattern")
    parser.add_argument(
        "--protocol",
        choices=("uniform", "native"),
        metavar="uniform|native",
        help="how models were asked (default: both)",
    )
    parser.add_argument(
        "--significant",
        action="store_true",
        help="only models that are significantly better than a parent of theirs",
    )
    parser.add_argument(
        "--sort", default="G", metavar="G|S|CAPABILITY", help="what is ranked (default G)"
    )
    parser.add_argument(
        "--top",
        type=positive,
        metavar="N",
        help=f"only the first N of a protocol (default: all; {SHOWN} in a table on the terminal)",
    )
    parser.add_argument(
        "--format",
        metavar="table|markdown|latex|json|csv|html",
        help="default: what --output ends with, else table",
    )
    add_json(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="a file (default: stdout)")


def size(text: str) -> int:
    """A number of parameters.

    >>> size("7B"), size("1.5M"), size("300")
    (7000000000, 1500000, 300)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMBT]?)", text.upper())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, write 500M or 7B")
    return round(float(found[1]) * UNITS[found[2]])


def run(args: argparse.Namespace) -> int:
    """Shows the leaderboard, or writes it to a file and says so on stderr."""
    from zoo.cli.opening import open_host, terminal
    from zoo.leaderboards import open_leaderboard
    from zoo.ranking import Wanted, significant, top
    from zoo.reporting.leaderboard import render_leaderboard
    from zoo.store.atomic import write_file

    wanted = Wanted(
        families=tuple(args.family),
        regime=args.regime,
        min_size=args.min_size,
        max_size=args.max_size,
        licence=args.licence,
        protocol=args.protocol,
        sort=args.sort,
    )
    host = open_host(args)
    board: Leaderboard = open_leaderboard(host, args.name, args.suite, wanted)
    if not board.entries:
        refuse_unknown(open_leaderboard(host, args.name, args.suite), args)
    if args.significant:
        board = significant(board)
    format = args.format or _format(args.output)
    printed = args.output is None and format == "table"
    shown = args.top or (SHOWN if printed else None)
    all, board = len(board.entries), top(board, shown) if shown else board
    if printed:
        console = terminal()
        print(render_leaderboard(board, "table", width=console.width, color=console.is_terminal))
        if not args.top and len(board.entries) < all:
            print(f"{len(board.entries)} of {all} entries; `--top {all}` shows every one")
        return 0
    text = render_leaderboard(board, format)
    if args.output is None:
        print(text)
    else:
        write_file(args.output, text.encode())
        print(f"zoo: wrote {args.output}", file=sys.stderr)
    return 0


def refuse_unknown(board: Leaderboard, args: argparse.Namespace) -> None:
    """Raises UnknownNameError for a filter that no entry of the whole leaderboard passes."""
    from fnmatch import fnmatchcase

    from zoo.errors import UnknownNameError

    asked = (
        ("family on it", args.family, {entry.family for entry in board.entries}),
        ("regime on it", [args.regime], {entry.regime for entry in board.entries}),
        ("licence on it", [args.licence], {entry.licence for entry in board.entries}),
    )
    for what, patterns, known in asked:
        for pattern in filter(None, patterns):
            if not any(fnmatchcase(each.casefold(), pattern.casefold()) for each in known):
                raise UnknownNameError(what, pattern, sorted(filter(None, known)))


def _format(output: Path | None) -> str:
    if output is None:
        return "table"
    suffix = output.suffix.lower()
    return SUFFIXES.get(suffix, suffix.removeprefix(".") or "table")
