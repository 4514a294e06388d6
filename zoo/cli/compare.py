"""`zoo compare A B`: how two models are asked, then how their scores differ."""

from __future__ import annotations

import argparse
from typing import Any

from zoo.cli.flags import add_json


def register(verbs: Any) -> None:
    """Adds `compare`."""
    parser = verbs.add(
        "compare",
        "show how two models differ: configuration, prompts, scores",
        run,
        description="Compare two models by what the store has of them: differences of "
        "configuration and prompts first, then of scores, on the same items.",
    )
    parser.add_argument("a", metavar="A", help="a model that was run")
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument(
        "--format", default="table", metavar="table|markdown|json", help="default: table"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the comparison."""
    from zoo.cli.opening import open_host, terminal
    from zoo.comparing import compare
    from zoo.reporting.comparison import render_comparison

    found = compare(open_host(args), args.a, args.b)
    print(
        render_comparison(
            found.configuration,
            found.prompts,
            found.contrasts,
            (args.a, args.b),
            args.format,
            manners=found.manners,
            width=terminal().width,
        )
    )
    return 0
