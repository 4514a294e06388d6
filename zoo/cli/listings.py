"""What there is: `zoo models`, `regimes`, `recipes`, `suites`, `benchmarks`, and so on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.benchmarks import Benchmark
    from zoo.host import Host

Row = Mapping[str, Any]


def register(verbs: Any) -> None:
    """Adds the listings."""
    listings: dict[str, tuple[str, Callable[[Host, argparse.Namespace], list[Row]]]] = {
        "families": ("list the lineages", _families),
        "models": ("list the models of all families", _models),
        "regimes": ("list the training regimes and how each is asked", _regimes),
        "recipes": ("list the recipes that stages are trained with, and their options", _recipes),
        "suites": ("list the suites", _suites),
        "benchmarks": ("list the benchmarks of all suites", _benchmarks),
        "plugins": ("list the plugins, also those that cannot be used", _plugins),
    }
    for name, (help, rows) in listings.items():
        parser = verbs.add(name, help, _lister(rows))
        parser.add_argument("--json", action="store_true", help="a list of objects")
        if name == "benchmarks":
            parser.add_argument("--suite", metavar="S", help="only those of this suite")
        if name == "recipes":
            parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="show its options too")
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
        elif args.verb == "recipes":
            _print_recipes(found, args.recipe)
        else:
            print_rows(found)
        if args.verb in ("suites", "benchmarks"):
            _print_problems([str(problem) for problem in host.catalogue.problems])
        elif args.verb != "plugins":
            _print_problems(host.registry.problems)
        return 0

    return run


SHOWN = 3
"""How many things a cell of a table names; JSON has all."""


def print_rows(rows: Sequence[Row]) -> None:
    """The rows as a table; what is empty in every row is left out."""
    from tabulate import tabulate

    from zoo.reporting.text import clean

    if not rows:
        print("none")
        return
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in names if any(row.get(name) not in ("", None, []) for row in rows)]
    table = [["\n".join(map(clean, _lines(row.get(name)))) for name in columns] for row in rows]
    print(tabulate(table, headers=columns, tablefmt="simple", disable_numparse=True))


def _lines(value: Any) -> list[str]:
    """A cell's lines: one, but of a mapping one for each of its names."""
    if isinstance(value, Mapping):
        return [f"{name}={each}" for name, each in value.items()]
    return [_cell(value)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        shown = ", ".join(map(str, value[:SHOWN]))
        return shown + (f" and {len(value) - SHOWN} more" if len(value) > SHOWN else "")
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


def _print_recipes(rows: Sequence[Row], named: str | None) -> None:
    """Ways of training before those made ready for a stage; options of the one that is named."""
    if named is None:
        listed = sorted(rows, key=lambda row: bool(row["of"]))
        print_rows([{k: v for k, v in row.items() if k != "options"} for row in listed])
        return
    (row,) = rows
    print_rows([{"": name, " ": value} for name, value in row.items() if name != "options"])
    print_rows(
        [{"--set": name, "default": value} for name, value in row.get("options", {}).items()]
    )


def _recipes(host: Host, args: argparse.Namespace) -> list[Row]:
    from zoo.errors import ConfigError
    from zoo.training.options import defaults_of, laid_over, shown
    from zoo.training.recipes import way_of

    found: list[Row] = []
    recipes = host.registry.recipes
    wanted = recipes if args.recipe is None else {args.recipe: recipes.get(args.recipe)}
    for name, recipe in wanted.items():
        row: dict[str, Any] = {"name": name, "regime": recipe.regime, "of": recipe.of}
        try:
            way = way_of(recipes, name)
            assert way.train is not None
            options = laid_over(defaults_of(way.train), recipe.options, f"the recipe {name}")
            forms = recipe.columns or way.columns
            row |= {"options": shown(options), "columns": [" + ".join(form) for form in forms]}
        except ConfigError as problem:
            row["problem"] = str(problem)
        row |= {"targets": list(recipe.targets), "description": recipe.description}
        found.append({**row, "plugin": recipes.owner(name).name})
    return found


def _suites(host: Host, _: argparse.Namespace) -> list[Row]:
    return [
        {
            "name": name,
            "benchmarks": len(suite.benchmarks),
            **_tasks(host, suite.benchmarks),
            "general": list(suite.capabilities("general")),
            "special": list(suite.capabilities("special")),
            "title": suite.title,
            "plugin": host.catalogue.origins[name],
        }
        for name, suite in host.catalogue.suites.items()
    ]


def _tasks(host: Host, benchmarks: Sequence[Benchmark]) -> Row:
    """How many tasks they are, groups counted by their tasks; None, and why, where one of them
    cannot be used."""
    from zoo.errors import BenchmarkError

    try:
        return {"tasks": sum(len(host.catalogue.tasks_of(each)) for each in benchmarks)}
    except BenchmarkError as problem:
        return {"tasks": None, "problem": str(problem)}


def _benchmarks(host: Host, args: argparse.Namespace) -> list[Row]:
    if args.suite:
        host.catalogue.suite(args.suite)  # whose error names the nearest one
    return [
        {
            "name": benchmark.name,
            "suite": name,
            **_tasks(host, [benchmark]),
            "axis": benchmark.axis,
            "capability": benchmark.capability,
            "metric": benchmark.metric,
            "filter": benchmark.filter,
            "num_fewshot": benchmark.num_fewshot,
            "chance": benchmark.chance,
            "licence": benchmark.licence,
            "policy": benchmark.policy,
            "plugin": host.catalogue.origins[name],
        }
        for name, suite in host.catalogue.suites.items()
        if args.suite in (None, name)
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
