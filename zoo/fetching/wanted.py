"""What a run of some families reads, each thing once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import ZooError
from zoo.evaluation.places import Place, places_of
from zoo.host import Host
from zoo.models import Family, Model


@dataclass(frozen=True)
class Wanted:
    """places: on the Hub. benchmarks: one for each task. searching: models whose regime looks
    something up before it asks. here: (model, why nothing of it is fetched). problems: (model, why
    it cannot be had).
    """

    places: tuple[Place, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    searching: tuple[Model, ...] = ()
    here: tuple[tuple[str, str], ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def wanted_of(
    host: Host,
    asked: Iterable[tuple[Family, Suite]],
    unread: Iterable[tuple[str, str]] = (),
) -> Wanted:
    """What a run of these families on these suites reads. Nobody is asked.

    unread: (model, why) of those of which it is known already that they cannot be had.
    """
    places: dict[Place, None] = {}
    tasks: dict[str, Benchmark] = {}
    searching: list[Model] = []
    here: dict[str, str] = {}
    problems: dict[str, str] = dict(unread)
    for family, suite in asked:
        for benchmark in suite.benchmarks:
            tasks.setdefault(benchmark.task, benchmark)
        for model in family.models:
            try:
                loader = host.loader_of(model)
                args = loader.identity(model) if loader.identity else model.loader_args
                found = places_of(model, loader.reads_files, args)
                away = [place for place in found.values() if place.local is None]
            except ZooError as problem:
                problems[model.id] = str(problem)
                continue
            places |= dict.fromkeys(away)
            if not away:
                here[model.id] = "in a folder" if found else "no files of ours are read"
            regime = host.registry.regimes.get(model.regime) if model.regime else None
            if regime is not None and regime.context is not None:
                searching.append(model)
    return Wanted(
        tuple(places),
        tuple(tasks.values()),
        tuple(searching),
        tuple(here.items()),
        tuple(problems.items()),
    )
