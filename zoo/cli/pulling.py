"""`zoo pull`: results that others have published stand beside one's own."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def register(verbs: Any) -> None:
    """Adds `pull`."""
    parser = verbs.add(
        "pull",
        "take results that others have published",
        run,
        description="Take the runs of a data set on the Hub, as `zoo publish` made it, into the "
        "store: each is checked against the hash that its publisher gave, and stands beside your "
        "own runs under the name of its repository. To pull again changes nothing.",
    )
    parser.add_argument("repo", metavar="REPO", help="a data set of the Hub, as org/name")
    parser.add_argument(
        "--revision", metavar="R", help="a branch, tag or commit (default: the newest)"
    )


def run(args: argparse.Namespace) -> int:
    """Pulls, and says what is new and what was refused; 1 where something was."""
    from zoo.cli.importing import counted
    from zoo.cli.opening import open_host
    from zoo.importing.pulling import pull
    from zoo.reporting.text import clean

    done = pull(open_host(args).store, args.repo, args.revision)
    if done.runs:
        models, cells = counted(len(done.models), "model"), counted(done.cells, "cell")
        print(f"{clean(done.source)}: {counted(len(done.runs), 'run')}, {models}, {cells}")
        print("`zoo leaderboard` shows them beside your own")
    elif done.known or not done.problems:
        print(f"{clean(done.source)}: nothing new, {counted(done.known, 'run')} known")
    sys.stdout.flush()
    for problem in done.problems:
        print(f"zoo: not pulled: {clean(problem)}", file=sys.stderr)
    return int(bool(done.problems))
