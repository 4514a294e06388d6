"""`zoo gate`: whether a child takes no harm against its parent, for whoever releases models."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_asking, add_json, add_loading, add_running, add_what
from zoo.errors import ConfigError

if TYPE_CHECKING:
    from zoo.host import Host

HARM, IN_DOUBT = 3, 1
"""Exit statuses: harm was shown; it was not, and could not be ruled out either."""


def register(verbs: Any) -> None:
    """Adds `gate`."""
    parser = verbs.add(
        "gate",
        "let a model pass only if it is shown to take no harm",
        run,
        description="Evaluate CHILD and PARENT, or take what the store has, and ask whether harm "
        "beyond the margin can be ruled out, of G and of each capability (non-inferiority). Exit "
        "status 0: ruled out everywhere; 3: harm was found; 1: neither, more items are needed.",
    )
    parser.add_argument("child", metavar="CHILD", help="a Hub id, a folder, a family's model")
    parser.add_argument(
        "--against", metavar="PARENT", help="what it is held to (default: its parent)"
    )
    parser.add_argument(
        "--margin",
        type=share,
        default=0.02,
        metavar="M",
        help="smallest loss that counts as harm, as a fraction (default 0.02: two points)",
    )
    parser.add_argument(
        "--allow-doubt",
        action="store_true",
        help="let it pass unless harm was found: exit status 0 instead of 1",
    )
    parser.add_argument(
        "--format", default="table", metavar="table|markdown|json", help="default: table"
    )
    add_json(parser)
    add_what(parser)
    add_asking(parser)
    add_loading(parser)
    add_running(parser)


def share(text: str) -> float:
    """A flag's fraction between 0 and 1."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no fraction between 0 and 1; two points are 0.02"
        )
    return found


def parent_of(host: Host, child: str) -> str:
    """Id of the one model that a child descends from.

    Raises ConfigError where that is none or several.
    """
    (family,) = host.discovery.resolve([child])
    parents = next((each.parents for each in family.models if each.id == child), ())
    if len(parents) != 1:
        known = f"descends from {', '.join(parents)}" if parents else "names no parent"
        raise ConfigError(f"{child} {known}; say with --against what it is held to")
    return parents[0]


def run(args: argparse.Namespace) -> int:
    """Runs both, prints the table and says by its status what was found."""
    from zoo.api import gates_of
    from zoo.cli.opening import open_host
    from zoo.cli.run import INTERRUPTED, run_shown, show_failed, show_problems, wishes_of
    from zoo.reporting.gating import overall, render_gates
    from zoo.running import plan_family
    from zoo.tradeoffs import tradeoff_of

    host = open_host(args)
    child = host.discovery.id_of(args.child)
    against = host.discovery.id_of(args.against or parent_of(host, child))
    if child == against:
        raise ConfigError(f"{child} is held against itself; name its parent with --against")
    (family,) = host.discovery.resolve([child], against)
    suite = host.suite(args.suite, args.tasks, family)
    show_problems(host, [plan_family(host, family, suite, wishes_of(args))])
    outcome = run_shown(host, family, suite, args)
    if outcome is None:
        return INTERRUPTED
    tradeoff = tradeoff_of(host, family, outcome.suite, outcome.results, (outcome.record,))
    gates = gates_of(tradeoff, child, against, args.margin)
    print(render_gates(gates, args.format), end="")
    sys.stdout.flush()
    show_failed(outcome.failed)
    ruling = overall(gates)
    if ruling == "harm":
        return HARM
    doubt = ruling != "no harm" or bool(outcome.failed)
    return IN_DOUBT if doubt and not args.allow_doubt else 0
