"""Stored answers scored again under today's tasks: filters, metrics and scoring code may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ConfigError, UnknownNameError
from zoo.host import Host
from zoo.plan import Wishes
from zoo.recall import recall
from zoo.results import PROTOCOLS, RunRecord
from zoo.running import Options, Outcome, run_family

if TYPE_CHECKING:
    from zoo.benchmarks import Suite


def rescore(
    host: Host,
    family: str | None = None,
    models: Sequence[str] = (),
    suite: str | None = None,
) -> Outcome:
    """Scores what a run asked, the newest one of the family or of these models, as a new run.

    No model is loaded: a cell whose answers the store does not have fails and says so. The suite
    and its tasks are today's where they still go by that name, else the run's own.
    Raises UnknownNameError where there is no such run, ConfigError where it was imported.
    """
    found = recall(host.store, family, suite, models)
    record = found.records[0]
    if record.settings.get("imported"):
        raise ConfigError(
            f"the run {record.id} was imported and its answers are not in the store; "
            "`zoo import` reads its files again"
        )
    if source := record.settings.get("source"):
        raise ConfigError(
            f"the run {record.id} was pulled from {source} and its answers are not in the store"
        )
    host = _with_tasks(host, record)
    return run_family(host, found.family, _suite(host, found.suite), _options(record))


def _with_tasks(host: Host, record: RunRecord) -> Host:
    """The host with the task folders that the run was given."""
    given = [Path(each) for each in record.settings.get("include_paths") or ()]
    paths = (*host.include_paths, *(path for path in given if path.is_dir()))
    return replace(host, include_paths=tuple(dict.fromkeys(path.resolve() for path in paths)))


def _suite(host: Host, recorded: Suite) -> Suite:
    try:
        return host.catalogue.suite(recorded.name)
    except UnknownNameError:
        return recorded  # tasks that were named one by one


def _options(record: RunRecord) -> Options:
    """The record's settings as a run's options."""
    said = record.settings
    protocols = {cell.spec.protocol for cell in record.cells}
    return Options(
        wishes=Wishes(
            protocols=tuple(each for each in PROTOCOLS if each in protocols),
            seed=said["seed"],
            limit=said["limit"],
            num_fewshot=said["num_fewshot"],
            gen_kwargs=said["gen_kwargs"],
        ),
        device="cpu",
        dtype=said["dtype"],
        loader=said["loader"],
        loader_args=said["loader_args"],
        asks=False,
        probes=tuple(said.get("probes", ())),
        probe_args=said.get("probe_args", {}),
    )
