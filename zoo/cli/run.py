"""`zoo run`: evaluates a lineage and ends with its trade-off table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError

if TYPE_CHECKING:
    from zoo.host import Host
    from zoo.models import Family
    from zoo.results import Result
    from zoo.running import Options, Outcome


def register(verbs: Any) -> None:
    """Adds `run`."""
    from zoo.cli.parser import names, pairs

    parser = verbs.add(
        "run",
        "evaluate a family, models or checkpoint folders",
        run,
        description="Evaluate a lineage on a suite and end with its trade-off table. TARGET is a "
        "family, a Hub id or a checkpoint folder; without one, the default family is run.",
    )
    add_targets(parser)
    add_asking(parser)
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:i]")
    parser.add_argument("--dtype", default="auto", metavar="D", help="auto, float32, bfloat16, ...")
    parser.add_argument("--batch-size", default="auto", metavar="N|auto", type=_batch_size)
    parser.add_argument("--loader", metavar="L", help="how models are loaded (default hf)")
    parser.add_argument("--loader-args", type=pairs, default={}, metavar="K=V,...")
    parser.add_argument("--executor", metavar="E", help="where jobs run (default local)")
    parser.add_argument("--executor-args", type=pairs, default={}, metavar="K=V,...")
    parser.add_argument("--probes", type=names, metavar="P,...|all", help="not there yet")
    parser.add_argument("--fresh", action="store_true", help="ask again what the store has")
    parser.add_argument(
        "--progress", choices=("auto", "json", "none"), default="auto", help="on stderr"
    )


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Flags that say which models and which suite."""
    from zoo.cli.parser import names

    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--base", metavar="ID", help="parent of the targets whose card names none")
    parser.add_argument("--suite", metavar="S", help="the benchmarks (default: the family's own)")
    parser.add_argument("--tasks", type=names, default=(), metavar="T,...", help="tasks by name")
    parser.add_argument(
        "--include-path", type=Path, action="append", metavar="DIR", help="a folder of task files"
    )


def add_asking(parser: argparse.ArgumentParser) -> None:
    """Flags that say how every model is asked."""
    from zoo.cli.parser import pairs
    from zoo.plan import DEFAULT_SEED

    parser.add_argument(
        "--protocol",
        default="both",
        metavar="uniform|native|both",
        help="the same way for all, each in its own way, or both",
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="only the first N items")
    parser.add_argument("--num-fewshot", type=_natural, metavar="N")
    parser.add_argument("--gen-kwargs", type=pairs, default={}, metavar="K=V,...")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N")


def options_of(args: argparse.Namespace) -> Options:
    """The run's options from its flags."""
    from zoo.running import Options

    return Options(
        wishes=wishes_of(args),
        device=args.device,
        dtype=args.dtype,
        batch_size=args.batch_size,
        loader=args.loader,
        loader_args=args.loader_args,
        executor=args.executor,
        executor_args=args.executor_args,
        fresh=args.fresh,
    )


def wishes_of(args: argparse.Namespace) -> Any:
    """What the flags ask of every cell."""
    from zoo.api import protocols_of
    from zoo.plan import Wishes

    return Wishes(
        protocols=protocols_of(args.protocol),
        seed=args.seed,
        limit=args.limit,
        num_fewshot=args.num_fewshot,
        gen_kwargs=args.gen_kwargs,
    )


def run(args: argparse.Namespace) -> int:
    """Runs every family that the targets name; 1 where a cell failed."""
    from zoo.cli.opening import open_host
    from zoo.cli.progress import progress

    if args.probes:
        raise ConfigError("--probes is not there yet in this version; leave it out")
    host = open_host(args)
    families = host.discovery.resolve(args.targets, args.base)
    options = options_of(args)
    suites = [host.suite(args.suite, args.tasks, family) for family in families]
    _name_problems(host)
    status = 0
    for family, suite in zip(families, suites, strict=True):
        from zoo.running import run_family

        with progress(args.progress) as on_event:
            outcome = run_family(host, family, suite, options, on_event)
        _show(host, family, outcome)
        status = max(status, int(bool(outcome.failed)))
    return status


def _show(host: Host, family: Family, outcome: Outcome) -> None:
    """The table, what failed, what was re-used, and where the report lies."""
    from rich.console import Console

    from zoo.api import tradeoff_of
    from zoo.reporting import print_tradeoff, render
    from zoo.store.atomic import write_file

    tradeoff = tradeoff_of(host, family, outcome.suite, outcome.results, (outcome.record,))
    print_tradeoff(tradeoff, Console())
    path = host.store.root / "reports" / f"{outcome.record.id}.html"
    write_file(path, render(tradeoff, "html").encode())
    print(_accounts(outcome.results))
    print(f"report: {path}")
    sys.stdout.flush()
    show_failed(outcome.failed)


def _accounts(results: tuple[Result, ...]) -> str:
    """How many cells there are, and how many of them cost nothing."""
    reused = sum(result.reused for result in results)
    failed = sum(result.status == "failed" for result in results)
    asked = len(results) - reused - failed
    said = f"{len(results)} cells: {asked} evaluated, {reused} re-used from the store"
    return f"{said}, {failed} failed" if failed else said


def show_failed(failed: tuple[Result, ...]) -> None:
    """Every failed cell with its reason, on stderr; cells of one reason together."""
    from zoo.reporting.text import clean

    reasons: dict[str, list[str]] = {}
    for result in failed:
        reasons.setdefault(result.error, []).append(result.spec.name)
    for reason, cells in reasons.items():
        shown = ", ".join(cells[:3]) + (f" and {len(cells) - 3} more" if len(cells) > 3 else "")
        print(f"zoo: failed: {clean(shown)}: {clean(reason)}", file=sys.stderr)


def _name_problems(host: Host) -> None:
    """What cannot be used is said once, before the run, and the rest goes on."""
    from zoo.reporting.text import clean

    for problem in [*host.registry.problems, *map(str, host.catalogue.problems)]:
        print(f"zoo: not used: {clean(problem)}", file=sys.stderr)


def _batch_size(text: str) -> int | str:
    return "auto" if text == "auto" else _positive(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _natural(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)
