"""`zoo rescore`: scores stored answers again under today's tasks, without loading a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def register(verbs: Any) -> None:
    """Adds `rescore`."""
    parser = verbs.add(
        "rescore",
        "score stored answers again under today's tasks",
        run,
        description="Score the answers of a run again, where filters, metrics or scoring code have "
        "changed, and record that as a new run. No model is loaded: a cell whose answers the store "
        "does not have is named. Without TARGET, the newest run.",
    )
    parser.add_argument(
        "targets",
        nargs="*",
        default=[],
        metavar="TARGET",
        help="a family that was run, or models of it",
    )
    parser.add_argument("--suite", metavar="S", help="of the run (default: the newest)")
    parser.add_argument(
        "--include-path", type=Path, action="append", metavar="DIR", help="a folder of task files"
    )


def run(args: argparse.Namespace) -> int:
    """Rescores each family that is named, or the newest run; 1 where a cell has no answers."""
    from zoo.cli.opening import open_host
    from zoo.cli.run import show_outcome
    from zoo.rescoring import rescore

    host = open_host(args)
    families = [name for name in args.targets if "/" not in name]
    models = [name for name in args.targets if "/" in name]
    status = 0
    for family in families or [None]:
        outcome = rescore(host, family, models, args.suite)
        show_outcome(host, outcome.family, outcome)
        status = max(status, int(bool(outcome.failed)))
    return status
