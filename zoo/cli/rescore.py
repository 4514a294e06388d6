"""`zoo rescore`: scores stored answers again under today's tasks, without loading a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from zoo.cli.flags import add_run, families_and_models


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
    add_run(parser)
    parser.add_argument(
        "--include-path", type=Path, action="append", metavar="DIR", help="a folder of task files"
    )


def run(args: argparse.Namespace) -> int:
    """Rescores each family that is named, or the newest run; 1 where a cell has no answers."""
    from zoo.cli.opening import open_host
    from zoo.cli.run import show_outcome
    from zoo.rescoring import rescore

    host = open_host(args)
    families, models = families_and_models(args.targets)
    status = 0
    named: list[str | None] = [*families]
    for family in named or [None]:
        outcome = rescore(host, family, models, args.suite)
        show_outcome(host, outcome.family, outcome)
        status = max(status, int(bool(outcome.failed)))
    return status
