"""`zoo run`: evaluates a lineage and ends with its trade-off table."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_asking, add_loading, add_probes, add_running, add_targets

INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.benchmarks import Suite
    from zoo.host import Host
    from zoo.models import Family
    from zoo.plan import Plan
    from zoo.results import Result
    from zoo.running import Options, Outcome
    from zoo.tradeoffs import Tradeoff


def register(verbs: Any) -> None:
    """Adds `run`."""
    parser = verbs.add(
        "run",
        "evaluate a family, models or checkpoint folders",
        run,
        description="Evaluate a lineage on a suite and end with its trade-off table. TARGET is a "
        "family, a Hub id or a checkpoint folder; without one, the default family is run.",
    )
    add_targets(parser)
    add_asking(parser)
    add_loading(parser)
    add_running(parser)
    add_probes(parser)


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
        fresh=getattr(args, "fresh", False),
        probes=getattr(args, "probes", ()),
        probe_args=getattr(args, "probe_args", {}),
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
    from zoo.running import plan_family

    host = open_host(args)
    if args.loader:
        host.registry.loaders.get(args.loader)  # a name that nobody brings is refused at once
    families = host.discovery.resolve(args.targets, args.base)
    wishes = wishes_of(args)
    suites = [host.suite(args.suite, args.tasks, family) for family in families]
    plans = [
        plan_family(host, family, suite, wishes)
        for family, suite in zip(families, suites, strict=True)
    ]
    show_problems(host, plans)
    _show_missing(host, families, suites, args)
    status = 0
    for family, suite in zip(families, suites, strict=True):
        outcome = run_shown(host, family, suite, args)
        if outcome is None:
            return INTERRUPTED
        show_outcome(host, family, outcome)
        status = max(status, int(bool(outcome.failed)))
    return status


def _show_missing(
    host: Host, families: Sequence[Family], suites: Sequence[Suite], args: argparse.Namespace
) -> None:
    """What a run that is told to stay offline will not find; the rest of it goes on."""
    from huggingface_hub import constants

    from zoo.cli.prefetch import missing_said
    from zoo.fetching.missing import missing_of
    from zoo.fetching.wanted import wanted_of

    if not constants.HF_HUB_OFFLINE:
        return
    for family, suite in zip(families, suites, strict=True):
        if missing := missing_of(host, wanted_of(host, [(family, suite)])):
            said = missing_said(missing, suite.name, args)
            print(f"zoo: HF_HUB_OFFLINE is set, and {said}", file=sys.stderr)


def run_shown(host: Host, family: Family, suite: Suite, args: argparse.Namespace) -> Outcome | None:
    """One family's run, with its progress; None where it was interrupted, which is said."""
    from zoo.cli.progress import showing
    from zoo.interruption import Stop, stopping
    from zoo.progress import Tally, in_turn
    from zoo.running import Interrupted, run_family

    tally = Tally()
    try:
        with showing(args.progress, tally) as view:
            stop = Stop(tally, view.say)
            heard = in_turn(tally, view, stop)
            with stopping(stop):
                return run_family(host, family, suite, options_of(args), heard, typed(args))
    except Interrupted as end:
        _show_interrupted(end.outcome, typed(args))
        return None


def typed(args: argparse.Namespace) -> str:
    """The command as it was typed."""
    return shlex.join(["zoo", *getattr(args, "argv", ())])


def _show_interrupted(outcome: Outcome, command: str) -> None:
    """What there is of a run that was stopped, and how to go on."""
    from zoo.waves import UNASKED

    reached = tuple(each for each in outcome.results if each.error != UNASKED)
    left = len(outcome.results) - len(reached)
    print(f"{_accounts(reached)}; {left} more without a score yet", file=sys.stderr)
    show_failed(tuple(each for each in outcome.failed if each.error != UNASKED))
    print(f"zoo: stopped; what was finished is kept, go on with: {command}", file=sys.stderr)


def show_outcome(host: Host, family: Family, outcome: Outcome) -> None:
    """The table, what failed, what was re-used, and where the report lies."""
    from zoo.cli.opening import terminal
    from zoo.probes import ALL
    from zoo.reporting import print_tradeoff
    from zoo.tradeoffs import tradeoff_of

    tradeoff = tradeoff_of(host, family, outcome.suite, outcome.results, (outcome.record,))
    print_tradeoff(tradeoff, terminal())
    path = write_page(host, tradeoff, outcome.record.id)
    print(_accounts(outcome.results))
    found = {row["probe"] for row in tradeoff.probes}
    for name in outcome.record.settings.get("probes", ()):
        if name != ALL and name not in found:
            print(f"zoo: the probe {name!r} found nothing to measure in this run", file=sys.stderr)
    print(f"report: {path}")
    sys.stdout.flush()
    show_failed(outcome.not_applicable, "not applicable")
    show_failed(outcome.failed)


def write_page(host: Host, tradeoff: Tradeoff, run: str) -> Path:
    """Writes the page of a run into the store; returns its file."""
    from zoo.store.atomic import write_file

    path = host.store.root / "reports" / f"{run}.html"
    write_file(path, tradeoff.to_html().encode())
    return path


def _accounts(results: tuple[Result, ...]) -> str:
    """How many cells there are, and how many of them cost nothing."""
    made = {r.provenance.response_key for r in results if r.status == "scored" and not r.reused}
    counts = {
        "evaluated": sum(r.status == "scored" and not r.reused for r in results),
        "shared between protocols": sum(
            r.reused and r.provenance.response_key in made for r in results
        ),
        "re-used from the store": sum(
            r.reused and r.provenance.response_key not in made for r in results
        ),
        "not applicable": sum(r.status == "not_applicable" for r in results),
        "failed": sum(r.status == "failed" for r in results),
    }
    said = [f"{n} {what}" for what, n in counts.items() if n or what == "evaluated"]
    return f"{len(results)} cells: {', '.join(said)}"


def show_failed(failed: tuple[Result, ...], how: str = "failed") -> None:
    """Every cell without a score and its reason, on stderr; cells of one reason together."""
    from zoo.reporting.text import clean

    reasons: dict[str, list[str]] = {}
    for result in failed:
        # the cell's name says which task: those of a group fail for one reason
        reason = result.error.removeprefix(f"the task '{result.spec.benchmark.task}': ")
        reasons.setdefault(reason, []).append(result.spec.name)
    for reason, cells in reasons.items():
        shown = ", ".join(cells[:3]) + (f" and {len(cells) - 3} more" if len(cells) > 3 else "")
        print(f"zoo: {how}: {clean(shown)}: {clean(reason)}", file=sys.stderr)


def show_problems(host: Host, plans: Sequence[Plan]) -> None:
    """What cannot be used, or has no effect, is said before the run; the rest goes on."""
    from zoo.reporting.text import clean

    for problem in [*host.registry.problems, *map(str, host.catalogue.problems)]:
        print(f"zoo: not used: {clean(problem)}", file=sys.stderr)
    for note in dict.fromkeys(note for plan in plans for note in plan.notes):
        print(f"zoo: {clean(note)}", file=sys.stderr)
