"""`zoo status`: the runs that go on in a store, seen from another terminal."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.liveness import Sighting


def register(verbs: Any) -> None:
    """Adds `status`."""
    parser = verbs.add(
        "status",
        "show the runs that go on in this store, and those that ended without finishing",
        run,
        description="Show the runs that go on in the store, and those that ended without "
        "finishing: what is done, throughput, time left, last sign of life. Takes up to five "
        "seconds where a run gives no sign of life.",
    )
    parser.add_argument("--json", action="store_true", help="a list of objects, one for each run")


def run(args: argparse.Namespace) -> int:
    """Prints every run that has not finished; always 0."""
    from zoo.cli.opening import open_host
    from zoo.liveness import sightings

    store = open_host(args).store.root
    found = sightings(store)
    if args.json:
        rows = [as_json(each) for each in found]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    elif not found:
        print(f"no run goes on in {store}, and none ended without finishing")
    else:
        print("\n".join("\n".join(lines(each)) for each in found))
    return 0


def as_json(found: Sighting) -> dict[str, Any]:
    """A run as `zoo status --json` prints it."""
    from zoo.structuring import plain

    sign = found.sign
    return {
        "name": sign.run,
        "plugin": "zoo",
        "status": found.status,
        "host": sign.host,
        "started": sign.started,
        "last_sign": sign.updated,
        "command": sign.command,
        **plain(sign.progress),
    }


def lines(found: Sighting) -> list[str]:
    """A run for people: one line for it and one for each model, and how to go on."""
    from zoo.cli.progress import overall, pace
    from zoo.reporting.text import clean, shorten

    sign, now = found.sign, found.sign.progress
    if found.status != "running":
        now = replace(now, per_second=None, seconds_left=None)
    how = {
        "running": "running",
        "interrupted": "stopped before it had finished",
        "silent": "no sign of life: killed, or hanging",
    }[found.status]
    where = "" if found.status == "running" else f", last heard of {sign.updated}"
    said = f"{now.finished}/{now.cells} cells checked"
    if now.phase != "preparing":
        said = f"{now.finished}/{now.cells} cells, {overall(now)}"
    head = (
        f"{now.family} on {now.suite}: {how}; {said} (since {sign.started} on {sign.host}{where})"
    )
    rows = [clean(head)]
    names = [shorten(clean(each.model), 40) for each in now.models]
    width = max(map(len, names), default=0)
    for name, each in zip(names, now.models, strict=True):
        done = f"{each.done:,}/{each.total:,} requests" if each.total else "in the store"
        rate = f", {pace(each.per_second)}/s" if each.per_second else ""
        failed = f", {each.failed} failed" if each.failed else ""
        rows.append(f"  {name:{width}}  {each.state:7}  {done}{rate}{failed}")
    if found.status != "running" and sign.command:
        rows.append(f"  go on with: {clean(sign.command)}")
    return rows
