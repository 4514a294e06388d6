"""`zoo store verify|rebuild`: looks after the folder of results."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def register(verbs: Any) -> None:
    """Adds `store`."""
    parser = verbs.add("store", "check the results, or make their index again", run)
    parser.add_argument("action", choices=("verify", "rebuild"), metavar="verify|rebuild")


def run(args: argparse.Namespace) -> int:
    """verify: reads every byte, 1 where a cell is damaged; rebuild: makes the index again."""
    from zoo.cli.opening import open_host
    from zoo.maintenance import rebuild_index
    from zoo.store import RESPONSES, SCORES

    store = open_host(args).store
    if args.action == "rebuild":
        print(f"{rebuild_index(store)} cells in the index")
        return 0
    problems = store.verify()
    for problem in problems:
        print(f"zoo: {problem}", file=sys.stderr)
    counts = [sum(1 for _ in store.keys(kind)) for kind in (RESPONSES, SCORES)]
    remedy = "; damaged cells are set aside and made again by the next `zoo run`"
    damaged = f", {len(problems)} damaged{remedy}" if problems else ", all as written"
    print(f"{counts[0]} cells of responses, {counts[1]} of scores{damaged}")
    return int(bool(problems))
