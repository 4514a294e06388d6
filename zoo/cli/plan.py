"""`zoo plan`: what a run would ask, and who decided it, without loading anything."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_asking, add_targets

if TYPE_CHECKING:
    from zoo.plan import Plan
    from zoo.results import Result, RunSpec


def register(verbs: Any) -> None:
    """Adds `plan`."""
    parser = verbs.add(
        "plan",
        "show what a run would ask, and the rule behind each choice",
        run,
        description="List the cells of a run without running it; --explain names the rule behind "
        "each choice (command line > zoo.toml > benchmark > regime).",
    )
    add_targets(parser)
    add_asking(parser)
    parser.add_argument("--explain", action="store_true", help="name the rule behind each choice")
    parser.add_argument("--json", action="store_true", help="one object for each cell")


def run(args: argparse.Namespace) -> int:
    """Prints the plan; 1 where a cell cannot even be planned."""
    from zoo.cli.opening import open_host
    from zoo.cli.run import show_failed, show_problems, wishes_of
    from zoo.running import plan_family

    host = open_host(args)
    specs: list[RunSpec] = []
    failed: list[Result] = []
    plans: list[Plan] = []
    for family in host.discovery.resolve(args.targets, args.base):
        suite = host.suite(args.suite, args.tasks, family)
        plan = plan_family(host, family, suite, wishes_of(args))
        plans.append(plan)
        specs += plan.specs
        failed += plan.failed
        if not args.json:
            models, benchmarks = len(family.models), len(suite.benchmarks)
            print(
                f"{family.name} on {suite.name}: {models} models x {benchmarks} benchmarks, "
                f"{len(plan.specs)} cells"
            )
            _print(plan.specs, args.explain)
    if args.json:
        print(json.dumps([_as_json(spec) for spec in specs], ensure_ascii=False, indent=1))
    show_problems(host, plans)
    show_failed(tuple(failed))
    return int(bool(failed))


def _as_json(spec: RunSpec) -> dict[str, Any]:
    from zoo.structuring import plain

    return {
        "name": spec.name,
        "model": spec.model.id,
        "revision": spec.model.revision,
        "regime": spec.model.regime,
        "benchmark": spec.benchmark.name,
        "protocol": spec.protocol,
        "num_fewshot": spec.benchmark.num_fewshot,
        "limit": spec.limit,
        "seed": spec.seed,
        "prompting": plain(spec.prompting),
        "rules": [{"choice": choice, "rule": rule} for choice, rule in spec.rules],
    }


def _print(specs: Sequence[RunSpec], explain: bool) -> None:
    """A line for each model and protocol; with `explain` the choices and whose they are.

    Choices that all benchmarks share are said once, the others with their benchmarks.
    """
    from zoo.reporting.text import clean

    groups: dict[tuple[str, str], list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.model.id, spec.protocol), []).append(spec)
    for (model, protocol), cells in groups.items():
        regime = cells[0].model.regime
        print(clean(f"{model} ({regime}), {protocol}: {len(cells)} benchmarks"))
        if not explain:
            continue
        asked: dict[tuple[str, str], list[str]] = {}
        for spec in cells:
            for what, rule in spec.rules:
                rule = rule.replace(f"benchmark {spec.benchmark.name}", "the benchmark")
                asked.setdefault((what, rule), []).append(spec.benchmark.name)
        for (what, rule), benchmarks in asked.items():
            where = "" if len(benchmarks) == len(cells) else f" ({', '.join(benchmarks)})"
            print("    " + clean(f"{what}, because of {rule}{where}"))
