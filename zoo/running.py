"""Plan to store: what is missing is evaluated, what is there is read, and a record is written."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.benchmarks import Suite
from zoo.evaluation.environment import resolve_device, resolve_dtype
from zoo.evaluation.evaluator import OnEvent
from zoo.executors import Settings
from zoo.fingerprints import digest
from zoo.host import Host
from zoo.liveness import Sign, signs_of_life
from zoo.maintenance import keep_run
from zoo.measuring import measured
from zoo.models import Family
from zoo.plan import Plan, Wishes, as_asked, make_plan
from zoo.probes import chosen
from zoo.progress import Progress, Tally
from zoo.redaction import redact, refuse_secrets
from zoo.results import RecordedCell, Result, RunRecord
from zoo.structuring import plain
from zoo.trust import trusted
from zoo.waves import WAVES, run_wave, wanted_by

LOCAL = ("run", "store", "config", "fresh", "asks", "counts")
"""Settings that say nothing of the numbers and stay out of the record."""


@dataclass(frozen=True)
class Options:
    """How a run is to be made, as the command line says it.

    asks: whether models may be asked; otherwise only stored answers are scored.
    probes: names, or "all"; probe_args: by "probe.argument".
    """

    wishes: Wishes = field(default_factory=Wishes)
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int | str = "auto"
    loader: str | None = None
    loader_args: Mapping[str, Any] = field(default_factory=dict)
    executor: str | None = None
    executor_args: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    asks: bool = True
    probes: tuple[str, ...] = ()
    probe_args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a run brought, cell by cell in the order of the plan, and where it is recorded."""

    family: Family
    suite: Suite
    results: tuple[Result, ...]
    record: RunRecord
    path: Path

    @property
    def failed(self) -> tuple[Result, ...]:
        """Cells that were asked for and have no score."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def not_applicable(self) -> tuple[Result, ...]:
        """Cells that a model of its kind cannot be asked."""
        return tuple(result for result in self.results if result.status == "not_applicable")


class Interrupted(KeyboardInterrupt):
    """A run was stopped; what it had finished is in the store, and in its record.

    outcome: what there is of it.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__("the run was stopped")


def plan_family(host: Host, family: Family, suite: Suite, wishes: Wishes) -> Plan:
    """The plan for a family on a suite, as this zoo's configuration resolves it."""
    return make_plan(
        family.models,
        suite,
        host.registry.regimes,
        wishes,
        prompting=host.config.prompting,
        model_prompting=host.config.model_prompting,
        output_types=host.catalogue.output_types(suite),
    )


def settings_of(host: Host, options: Options) -> Settings:
    """The options with device and dtype resolved, for a run of their own.

    Raises ConfigError where they cannot be met, or hold a secret.
    """
    refuse_secrets(options.loader_args, "--loader-args")
    refuse_secrets(options.executor_args, "--executor-args")
    refuse_secrets(options.wishes.gen_kwargs, "--gen-kwargs")
    device = resolve_device(options.device, here=not host.executor(options.executor).remote)
    return Settings(
        run=f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}",
        store=str(host.store.root.resolve()),
        device=device,
        dtype=resolve_dtype(options.dtype, device),
        batch_size=options.batch_size,
        loader=options.loader,
        loader_args=dict(options.loader_args),
        config=str(host.config.path) if host.config.path else None,
        plugins_enabled=host.plugins_enabled,
        include_paths=tuple(str(path.resolve()) for path in host.include_paths),
        fresh=options.fresh,
        asks=options.asks,
        trusted=tuple(sorted(trusted())),
        counts=bool({"cost", "all"} & set(options.probes)),
    )


def run_family(
    host: Host,
    family: Family,
    suite: Suite,
    options: Options,
    on_event: OnEvent = lambda *_: None,
    command: str = "",
) -> Outcome:
    """Runs a family on a suite. Cells that fail are in the outcome with their reason.

    Every cell is prepared before the first weight is loaded; what the store has is not asked again.
    command: what was typed, for `zoo status` to say how to go on.
    Raises StoreError where results cannot be kept, and Interrupted where on_event or a signal
    raised KeyboardInterrupt; what is finished by then is kept.
    """
    started = datetime.now(UTC)
    suite = as_asked(suite, options.wishes)
    settings = settings_of(host, options)
    executor = host.executor(options.executor)
    plan = plan_family(host, family, suite, options.wishes)
    probes = chosen(host.registry.probes, options.probes, options.probe_args)
    tally = Tally()

    def tell(name: str, facts: Mapping[str, Any]) -> None:
        tally(name, facts)
        on_event(name, facts)

    first = _sign(family, suite, options, settings, started, command)
    done: list[Result] = []
    questions: dict[tuple[object, ...], str] = {}
    interruption: KeyboardInterrupt | None = None
    with signs_of_life(host.store.root, first, tally.now):
        more = wanted_by(host, probes, family, plan, done, options.probe_args, tell)
        wave: Plan | None = replace(plan, specs=plan.specs + more)
        try:
            for _ in range(WAVES):
                if wave is None:
                    break
                brought, asked, interruption = run_wave(
                    host, family, suite, wave, settings, executor, options.executor_args, tell
                )
                done += brought
                questions |= asked
                more = wanted_by(host, probes, family, plan, done, options.probe_args, tell)
                wave = Plan(more) if more and interruption is None else None
            if interruption is None:
                done += measured(host, probes, family, executor, settings, done, tell)
        except KeyboardInterrupt as problem:
            if not done:
                raise  # there is nothing yet to make a record of
            interruption = problem
        ordered = (*done, *plan.failed)
        record = _record(family, suite, options, settings, started, ordered, questions)
        path = keep_run(host.store, record, ordered)
        outcome = Outcome(family, suite, ordered, record, path)
        tell(
            "interrupted" if interruption else "finished",
            {
                "record": str(path),
                "cells": len(ordered),
                "scored": sum(result.status == "scored" for result in ordered),
                "failed": len(outcome.failed),
            },
        )
        if interruption is not None:
            raise Interrupted(outcome) from interruption
    return outcome


def recorded(settings: Settings, options: Options) -> dict[str, Any]:
    """What a run's record says of how it was made."""
    return {
        **{k: v for k, v in plain(settings).items() if k not in LOCAL},
        "seed": options.wishes.seed,
        "limit": options.wishes.limit,
        "num_fewshot": options.wishes.num_fewshot,
        "gen_kwargs": dict(options.wishes.gen_kwargs),
        "probes": list(options.probes),
        "probe_args": dict(options.probe_args),
    }


def _sign(
    family: Family,
    suite: Suite,
    options: Options,
    settings: Settings,
    started: datetime,
    command: str,
) -> Sign:
    """The run's first sign of life."""
    now = started.isoformat(timespec="seconds")
    wishes = plain(replace(options, executor=None, executor_args={}, fresh=False))
    asked = digest([[model.id for model in family.models], plain(suite), wishes])
    progress = Progress(family.name, suite.name)
    return Sign(settings.run, now, now, 1, platform.node(), asked, redact(command), progress)


def _record(
    family: Family,
    suite: Suite,
    options: Options,
    settings: Settings,
    started: datetime,
    results: tuple[Result, ...],
    questions: Mapping[tuple[object, ...], str],
) -> RunRecord:
    return RunRecord(
        id=settings.run,
        family=family.name,
        suite=plain(suite),
        started=started.isoformat(timespec="seconds"),
        settings=recorded(settings, options),
        cells=tuple(
            RecordedCell(
                spec=result.spec,
                status=result.status,
                response_key=result.provenance.response_key,
                score_key=result.provenance.score_key,
                error=result.error,
                reused=result.reused,
                questions=questions.get(result.spec.identity, ""),
            )
            for result in results
        ),
    )
