"""`zoo store runs|forget|verify|rebuild|gc|export`: looks after the folder of results."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import common
from zoo.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from zoo.store import Store


def register(verbs: Any) -> None:
    """Adds `store`."""
    parser = verbs.add("store", "look after the folder of results", None)
    actions = parser.add_subparsers(
        metavar="runs|forget|verify|rebuild|gc|export",
        dest="action",
        required=True,
        title="actions",
    )

    def add(name: str, help: str, run: Any) -> argparse.ArgumentParser:
        action: argparse.ArgumentParser = actions.add_parser(
            name, help=help, description=f"{help}.", parents=[common(default=False)]
        )
        action.set_defaults(run=run)
        action.add_argument("--json", action="store_true", help="say it in JSON")
        return action

    add("runs", "list the runs, newest first, one's own and those that were pulled", _list)
    forget = add("forget", "remove runs from reports and leaderboards; answers stay", _forget)
    forget.add_argument(
        "runs", nargs="+", metavar="RUN", help="ids, or as much of their beginning as tells them"
    )
    add("verify", "read every byte; exit status 1 where something is damaged", _verify)
    add("rebuild", "make the index again", _rebuild)
    gc = add("gc", "remove what serves nobody, and say what that frees", _gc)
    gc.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    gc.add_argument(
        "--unreferenced",
        action="store_true",
        help="also answers and scores that no run record names, a week after they were made",
    )
    export = add("export", "copy runs and their cells, checked, into a store of their own", _export)
    export.add_argument(
        "targets", nargs="*", metavar="TARGET", help="families or models (default: every run)"
    )
    export.add_argument(
        "--output", type=Path, metavar="FILE.zip|DIR", required=True, help="where it is written"
    )


def _list(args: argparse.Namespace) -> int:
    from zoo.cli.listings import print_rows
    from zoo.cli.opening import open_host
    from zoo.results import source_of

    store = open_host(args).store
    rows = []
    for record in store.records():
        states = [cell.status for cell in record.cells]
        rows.append(
            {
                "name": record.id,
                "family": record.family,
                "suite": str(record.suite.get("name", "")),
                "models": list(dict.fromkeys(cell.spec.model.id for cell in record.cells)),
                "cells": len(states),
                "failed": states.count("failed"),
                "source": source_of(record.settings),
            }
        )
    if args.json:
        _print_json(rows)
    else:
        print_rows(rows)
    return 0


def _forget(args: argparse.Namespace) -> int:
    from zoo.cli.opening import open_host
    from zoo.maintenance import forget_runs

    store = open_host(args).store
    heads = {head.id: head for head in store.heads()}
    found = [heads[_run_named(name, list(heads))] for name in dict.fromkeys(args.runs)]
    forget_runs(store, found)
    if args.json:
        _print_json([{"name": head.id, "family": head.family} for head in found])
        return 0
    for head in found:
        print(f"{head.id} ({head.family} on {head.suite}) is forgotten")
    print("their answers stay; `zoo store gc --unreferenced` removes those that no other run has")
    return 0


def _run_named(name: str, known: Sequence[str]) -> str:
    """The one run whose id is, or begins with, a name."""
    fit = [name] if name in known else [each for each in known if each.startswith(name)]
    if not fit:
        raise UnknownNameError("run", name, known, "`zoo store runs` lists them")
    if len(fit) > 1:
        raise ConfigError(f"{len(fit)} runs begin with {name!r}; write more of the id")
    return fit[0]


def _verify(args: argparse.Namespace) -> int:
    from zoo.cli.opening import open_host
    from zoo.store import RESPONSES, SCORES

    store = open_host(args).store
    problems = store.verify()
    counts = [sum(1 for _ in store.keys(kind)) for kind in (RESPONSES, SCORES)]
    if args.json:
        _print_json({"responses": counts[0], "scores": counts[1], "problems": problems})
        return int(bool(problems))
    _complain(problems)
    remedy = "; what is damaged is set aside and made again by the next `zoo run`"
    damaged = f", {len(problems)} damaged{remedy}" if problems else ", all as written"
    print(f"{counts[0]} cells of responses, {counts[1]} of scores{damaged}")
    return int(bool(problems))


def _rebuild(args: argparse.Namespace) -> int:
    from zoo.cli.opening import open_host
    from zoo.maintenance import add_standings, rebuild_index

    store = open_host(args).store
    added = add_standings(store)
    cells = rebuild_index(store)
    if args.json:
        _print_json({"cells": cells, "summed_up": added})
    else:
        print(f"{cells} cells in the index" + (f", {added} runs summed up anew" if added else ""))
    return 0


def _gc(args: argparse.Namespace) -> int:
    from collections import Counter

    from zoo.cli.opening import open_host
    from zoo.maintenance import rebuild_index
    from zoo.store import SCORES
    from zoo.store.cleaning import clear, find_unreferenced, find_waste

    store = open_host(args).store
    found = find_waste(store)
    if args.unreferenced:
        found += find_unreferenced(store)
    if not args.dry_run:
        clear(found)
        if any(each.kind == SCORES for each in found):
            rebuild_index(store)
    if args.json:
        _print_json([{**vars(each), "path": str(each.path)} for each in found])
        return 0
    counts = Counter(f"{each.kind}, {each.reason}" for each in found)
    for what, count in counts.items():
        print(f"{count} × {what}")
    total = sum(each.bytes for each in found)
    print(f"{'would free' if args.dry_run else 'freed'} {total:,} bytes")
    return 0


def _export(args: argparse.Namespace) -> int:
    from zoo.cli.opening import open_host
    from zoo.store.exporting import export

    store = open_host(args).store
    done = export(store, _runs(store, args.targets), args.output)
    if args.json:
        _print_json({**vars(done), "path": str(done.path)})
    else:
        _complain(done.problems)
        cells = f"{done.responses} cells of responses, {done.scores} of scores"
        print(f"{done.runs} runs, {cells}: {done.bytes:,} bytes in {done.path}")
    return int(bool(done.problems))


def _runs(store: Store, targets: Sequence[str]) -> list[Path]:
    """Files of the runs of these families or models, or of all."""
    if not targets:
        return store.runs()
    wanted, found, known = set(targets), [], set()
    for head in reversed(store.heads()):
        names = {head.family, *head.models}
        known |= names
        if wanted & names:
            found.append(head.path)
    for name in wanted - known:
        raise UnknownNameError("run", name, known, "`zoo run` makes one")
    return found


def _complain(problems: Sequence[str]) -> None:
    from zoo.reporting.text import clean

    for problem in problems:
        print(f"zoo: {clean(problem)}", file=sys.stderr)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))
