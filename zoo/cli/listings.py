"""`zoo models`, `regimes`, `benchmarks`, `suites`, `families`, `plugins`: what there is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.host import Host

Row = Mapping[str, Any]


def register(verbs: Any) -> None:
    """Adds the listings."""
    listings: dict[str, tuple[str, Callable[[Host, argparse.Namespace], list[Row]]]] = {
        "families": ("list the lineages", _families),
        "models": ("list the models of all families", _models),
        "regimes": ("list the training regimes and how each is asked", _regimes),
        "suites": ("list the suites", _suites),
        "benchmarks": ("list the benchmarks of all suites", _benchmarks),
        "plugins": ("list the plugins, also those that cannot be used", _plugins),
    }
    for name, (help, rows) in listings.items():
        parser = verbs.add(name, help, _lister(rows))
        parser.add_argument("--json", action="store_true", help="a list of objects")
        if name == "plugins":
            parser.add_argument("--hook", metavar="NAME", help="only those that implement it")


def _lister(
    rows: Callable[[Host, argparse.Namespace], list[Row]],
) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        from zoo.cli.opening import open_host

        host = open_host(args)
        found = rows(host, args)
        if args.json:
            print(json.dumps(found, ensure_ascii=False, indent=1))
        else:
            _print(found)
        if args.verb in ("suites", "benchmarks"):
            _print_problems([str(problem) for problem in host.catalogue.problems])
        elif args.verb != "plugins":
            _print_problems(host.registry.problems)
        return 0

    return run


def _print(rows: Sequence[Row]) -> None:
    """The rows as a table; what is empty in every row is left out."""
    from tabulate import tabulate

    from zoo.reporting.text import clean

    if not rows:
        print("none")
        return
    columns = [name for name in rows[0] if any(row.get(name) not in ("", None, []) for row in rows)]
    table = [[clean(_cell(row.get(name))) for name in columns] for row in rows]
    print(tabulate(table, headers=columns, tablefmt="simple", disable_numparse=True))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _print_problems(problems: Sequence[str]) -> None:
    from zoo.reporting.text import clean

    for problem in problems:
        print(f"zoo: not used: {clean(problem)}", file=sys.stderr)


def _plugin_of_family(host: Host, name: str) -> str:
    if name in host.config.families:
        return "zoo.toml"
    return host.registry.families.owner(name).name


def _families(host: Host, _: argparse.Namespace) -> list[Row]:
    return [
        {
            "name": name,
            "title": family.title,
            "suite": family.suite,
            "models": [model.id for model in family.models],
            "plugin": _plugin_of_family(host, name),
        }
        for name, family in host.discovery.families.items()
    ]


def _models(host: Host, _: argparse.Namespace) -> list[Row]:
    from pathlib import Path

    def path_of(args: Mapping[str, Any]) -> str | None:
        place = args.get("peft") or args.get("pretrained")
        return str(place) if place and Path(str(place)).expanduser().is_dir() else None

    return [
        {
            "id": model.id,
            "name": model.id,
            "family": name,
            "revision": model.revision,
            "regime": model.regime,
            "base_model": model.base_model,
            "targets": list(model.targets or ()),
            "licence": model.licence,
            "parameters": model.parameters,
            "path": path_of(model.loader_args),
            "plugin": _plugin_of_family(host, name),
        }
        for name, family in host.discovery.families.items()
        for model in host.discovery.completed(family).models
    ]


def _regimes(host: Host, _: argparse.Namespace) -> list[Row]:
    return [
        {
            "name": name,
            "title": regime.title,
            "order": regime.order,
            "targets": list(regime.targets),
            "claims": list(regime.claims),
            "plugin": host.registry.regimes.owner(name).name,
        }
        for name, regime in host.registry.regimes.items()
    ]


def _suites(host: Host, _: argparse.Namespace) -> list[Row]:
    return [
        {
            "name": name,
            "title": suite.title,
            "benchmarks": len(suite.benchmarks),
            "general": list(suite.capabilities("general")),
            "special": list(suite.capabilities("special")),
            "plugin": host.catalogue.origins[name],
        }
        for name, suite in host.catalogue.suites.items()
    ]


def _benchmarks(host: Host, _: argparse.Namespace) -> list[Row]:
    return [
        {
            "name": benchmark.name,
            "suite": name,
            "axis": benchmark.axis,
            "capability": benchmark.capability,
            "metric": benchmark.metric,
            "filter": benchmark.filter,
            "num_fewshot": benchmark.num_fewshot,
            "chance": benchmark.chance,
            "policy": benchmark.policy,
            "plugin": host.catalogue.origins[name],
        }
        for name, suite in host.catalogue.suites.items()
        for benchmark in suite.benchmarks
    ]


def _plugins(host: Host, args: argparse.Namespace) -> list[Row]:
    """Every hook is asked first, so that a plugin that fails when asked is seen to fail."""
    from zoo.errors import UnknownNameError
    from zoo.plugins import hook_parameters

    hooks = hook_parameters()
    if args.hook and args.hook not in hooks:
        raise UnknownNameError("hook", args.hook, hooks)
    registry = host.registry
    for kind in (name.removeprefix("zoo_") for name in hooks):
        getattr(registry, {"benchmarks": "benchmark_folders"}.get(kind, kind))
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "status": plugin.status,
            "reason": plugin.reason,
            "hooks": list(plugin.hooks),
        }
        for plugin in host.plugins
        if not args.hook or args.hook in plugin.hooks
    ]
