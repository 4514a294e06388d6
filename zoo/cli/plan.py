"""`zoo plan`: what a run would ask, who decided it, and what stands in its way."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_asking, add_loading, add_probes, add_targets

if TYPE_CHECKING:
    from zoo.fetching.missing import Missing
    from zoo.host import Host
    from zoo.models import Family
    from zoo.plan import Plan
    from zoo.pricing import Price
    from zoo.results import Result, RunSpec


def register(verbs: Any) -> None:
    """Adds `plan`."""
    parser = verbs.add(
        "plan",
        "show what a run would ask, and the rule behind each choice",
        run,
        description="List the cells of a run without running it, and check each as a run does "
        "before it loads a weight: data, templates, metrics, memory, disk. --explain names the "
        "rule behind each choice (command line > zoo.toml > benchmark > regime). Then comes the "
        "price of what is to be asked: download, disk, memory, tokens, time and what it rests on, "
        "and what is not in the caches.",
    )
    add_targets(parser)
    add_asking(parser)
    add_loading(parser)
    add_probes(parser)
    parser.add_argument("--no-check", action="store_true", help="list only, read no data")
    parser.add_argument("--explain", action="store_true", help="name the rule behind each choice")
    parser.add_argument("--json", action="store_true", help="one object for each cell")


def run(args: argparse.Namespace) -> int:
    """Prints the plan and what was found; 1 where a cell would fail."""
    from zoo.cli.opening import open_host
    from zoo.cli.prefetch import missing_said
    from zoo.cli.run import show_failed, show_problems, wishes_of
    from zoo.fetching.missing import missing_of
    from zoo.fetching.wanted import wanted_of
    from zoo.running import plan_family

    host = open_host(args)
    rows: list[dict[str, Any]] = []
    failed: list[Result] = []
    passed_over: list[Result] = []
    plans: list[Plan] = []
    for family in host.discovery.resolve(args.targets, args.base):
        suite = host.suite(args.suite, args.tasks, family)
        plan = plan_family(host, family, suite, wishes_of(args))
        plans.append(plan)
        if not args.json:
            models, benchmarks = len(family.models), len(suite.benchmarks)
            print(
                f"{family.name} on {suite.name}: {models} models x {benchmarks} benchmarks, "
                f"{len(plan.specs)} cells"
            )
            _print(plan.specs, args.explain)
            sys.stdout.flush()
        specs, status, prices = _listed(host, family, plan, args)
        failed += status["failed"]
        passed_over += status.get("not applicable", ())
        missing = missing_of(host, wanted_of(host, [(family, suite)]))
        if missing and not args.json:
            print(missing_said(missing, suite.name, args))
        rows += [_as_json(spec, status, prices, missing) for spec in specs]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    show_problems(host, plans)
    show_failed(tuple(passed_over), "not applicable")
    show_failed(tuple(failed))
    return int(bool(failed))


def _listed(
    host: Host, family: Family, plan: Plan, args: argparse.Namespace
) -> tuple[tuple[RunSpec, ...], dict[str, tuple[Result, ...]], Sequence[Price]]:
    """All cells, those of probes among them; results that are known before anything is asked, of
    cells that fail and of the store; and what each model would take."""
    from zoo.checking import check_family
    from zoo.cli.price import lines_of
    from zoo.cli.run import wishes_of
    from zoo.evaluation.environment import resolve_device, resolve_dtype
    from zoo.evaluation.preflight.disk import cache_folder, free_bytes
    from zoo.evaluation.preflight.memory import memory_of
    from zoo.pricing import price_family
    from zoo.probes import chosen
    from zoo.reporting.text import clean
    from zoo.running import Options
    from zoo.waves import wanted_by

    def on_event(name: str, facts: Mapping[str, Any]) -> None:
        if name == "finding" and not facts["refuses"]:
            print(f"zoo: {clean(facts['text'])}", file=sys.stderr)

    options = Options(
        wishes=wishes_of(args),
        device=args.device,
        dtype=args.dtype,
        loader=args.loader,
        loader_args=args.loader_args,
        probes=args.probes,
        probe_args=args.probe_args,
    )
    if args.no_check:
        probes = chosen(host.registry.probes, options.probes, options.probe_args)
        more = wanted_by(host, probes, family, plan, (), options.probe_args, on_event)
        return plan.specs + more, {"failed": plan.failed}, ()
    found = check_family(host, family, plan, options, on_event)
    if not args.json:
        print(
            f"checked: {len(found.asked)} cells to ask ({sum(found.requests.values())} requests), "
            f"{len(found.reused)} in the store, "
            + (f"{len(found.not_applicable)} not applicable, " if found.not_applicable else "")
            + f"{len(found.failed)} would fail"
        )
        for purpose, count in found.requests.items():
            if purpose:
                print(clean(f"    {count} requests for probes: {purpose}"))
        if args.probes and found.asked:
            print("    probes may ask more once these are answered")
    device = resolve_device(args.device)
    dtype = resolve_dtype(args.dtype, device)
    prices = price_family(host, family, found, device=device, dtype=dtype)
    if not args.json:
        free = free_bytes(cache_folder()) if any(each.download for each in prices) else None
        print("\n".join(lines_of(prices, free, memory_of(device))))
    known = {
        "failed": found.failed,
        "not applicable": found.not_applicable,
        "in the store": found.reused,
    }
    return found.specs, known, prices


def _as_json(
    spec: RunSpec,
    status: Mapping[str, Sequence[Result]],
    prices: Sequence[Price],
    missing: Sequence[Missing],
) -> dict[str, Any]:
    """A cell. status: results that are known, by what the cell is called then. prices: of the
    models; its own is null where nothing was checked. missing: what the caches lack."""
    from zoo.structuring import plain

    known = {
        each.spec.identity: (name, each.error) for name, found in status.items() for each in found
    }
    unknown = ("to ask" if "in the store" in status else "not checked", "")
    called, error = known.get(spec.identity, unknown)
    return {
        "name": spec.name,
        "model": spec.model.id,
        "revision": spec.model.revision,
        "regime": spec.model.regime,
        "benchmark": spec.benchmark.name,
        "protocol": spec.protocol,
        "purpose": spec.purpose,
        "repeats": spec.benchmark.repeats,
        "num_fewshot": spec.benchmark.num_fewshot,
        "limit": spec.limit,
        "seed": spec.seed,
        "prompting": plain(spec.prompting),
        "rules": [{"choice": choice, "rule": rule} for choice, rule in spec.rules],
        "status": called,
        "error": error,
        "price": next((plain(each) for each in prices if each.model == spec.model.id), None),
        "missing": [
            plain(each) for each in missing if each.concerns(spec.model, spec.benchmark.task)
        ],
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
