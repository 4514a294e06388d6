"""`zoo publish`: runs of the store become a data set, a page and pull requests on the Hub."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.publishing.outbox import Entry
    from zoo.publishing.publication import Prepared, Publication


def register(verbs: Any) -> None:
    """Adds `publish`."""
    parser = verbs.add(
        "publish",
        "publish results",
        run,
        description="Publish the newest run of each family on each suite: its numbers and where "
        "they come from. Without --public nobody else sees them; --dry-run says what would go "
        "where, and sends nothing.",
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="families or models (default: all)"
    )
    parser.add_argument("--suite", metavar="S", help="runs of this suite only")
    parser.add_argument("--to", default="hub", metavar="NAME", help="the publisher (default: hub)")
    parser.add_argument(
        "--repo", metavar="ORG/NAME", help="where to (default: repo of [publish.NAME])"
    )
    parser.add_argument(
        "--public", action="store_true", help="for everybody to see (default: private)"
    )
    parser.add_argument(
        "--samples",
        action="store_true",
        help="answers too, of benchmarks that name the licence of their data",
    )
    parser.add_argument(
        "--pr",
        action="store_true",
        help="offer models of the Hub their scores, as pull requests",
    )
    parser.add_argument(
        "--space", action="store_true", help="the leaderboard too, as a page of its own"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be sent, and where"
    )


def run(args: argparse.Namespace) -> int:
    """Publishes, and says what landed and what did not; 1 where something did not."""
    from zoo.api import publication_of
    from zoo.cli.opening import open_host
    from zoo.publishing.publication import Wanted, publish

    host = open_host(args)
    wanted = Wanted(
        tuple(args.targets),
        args.suite,
        args.to,
        args.repo,
        args.public,
        args.samples,
        args.pr,
        args.space,
    )
    prepared = publication_of(host, wanted)
    if args.dry_run:
        return show(prepared)
    return tell(publish(host, prepared))


def show(prepared: Prepared) -> int:
    """What would be sent, file by file; the exit status."""
    from zoo.reporting.text import clean

    for entry in prepared.earlier:
        _show(entry, ", left in the outbox by an earlier publication")
    for entry in prepared.entries:
        _show(entry)
    for note in prepared.notes:
        print(f"zoo: {clean(note)}", file=sys.stderr)
    for run, reason in prepared.damaged:
        print(f"zoo: not published: {clean(run)}: {clean(reason)}", file=sys.stderr)
    print("nothing was sent")
    return int(bool(prepared.damaged))


def _show(entry: Entry, more: str = "") -> None:
    from zoo.reporting.text import clean

    bundle = entry.bundle
    seen = "offered as a pull request" if bundle.kind == "model" else _visibility(bundle.private)
    print(f"{entry.publisher}: {bundle.kind} {clean(bundle.target)}, {seen}{more}")
    print(f"  {clean(bundle.title)}")
    for path, data in sorted(bundle.files.items()):
        print(f"  {clean(path)}  {len(data):,} bytes")
    print(f"  {len(bundle.files)} files, {bundle.size:,} bytes")


def tell(done: Publication) -> int:
    """What landed, then what did not; the exit status."""
    from zoo.reporting.text import clean

    for target, where in done.landed:
        print(f"published {clean(target)}: {clean(where)}")
    sys.stdout.flush()
    for target, reason in done.failed:
        print(f"zoo: not published: {clean(target)}: {clean(reason)}", file=sys.stderr)
    for note in done.notes:
        print(f"zoo: {clean(note)}", file=sys.stderr)
    if done.kept:
        again = "`zoo publish` again sends what is missing"
        print(f"zoo: {done.kept} kept in the outbox; {again}", file=sys.stderr)
    return int(not done.whole)


def _visibility(private: bool) -> str:
    return "private" if private else "public"
