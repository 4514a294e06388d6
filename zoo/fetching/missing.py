"""What the caches lack of what a run reads: found quickly, and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zoo.errors import ZooError
from zoo.evaluation.places import Place, places_of
from zoo.evaluation.preflight.data import data_set_of, in_cache
from zoo.fetching.data import ADDRESSES
from zoo.fetching.wanted import Wanted
from zoo.host import Host
from zoo.models import Model
from zoo.snapshots import cached_snapshot
from zoo.tasks import Task


@dataclass(frozen=True)
class Missing:
    """kind: model, adapter, tokenizer or data. name: on the Hub. revision: of a model.

    files: names of those that are not here; empty where it is not known which there are.
    tasks: that read the data.
    """

    kind: str
    name: str
    revision: str | None = None
    files: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()

    def concerns(self, model: Model, task: str) -> bool:
        """Whether a cell of this model and this task needs it."""
        places = places_of(model).values()
        return task in self.tasks or self.name in {place.name for place in places}

    def __str__(self) -> str:
        noun = {"model": "weights of", "data": "data set"}.get(self.kind, self.kind)
        return f"the {noun} {self.name}"


def missing_of(host: Host, wanted: Wanted) -> list[Missing]:
    """What a run would have to fetch, as the caches are now."""
    return [*_models(wanted), *_data(host, wanted)]


def _models(wanted: Wanted) -> Iterator[Missing]:
    for place in wanted.places:
        lacking = _lacking(place)
        if lacking is not None:
            yield Missing(place.part, place.name, place.revision, lacking)


def _lacking(place: Place) -> tuple[str, ...] | None:
    """Files of a place that are not here, () where all of it is away, None where nothing is."""
    folder = cached_snapshot(place.name, place.revision, place.code)
    if folder is None or not (folder / place.mark).is_file():
        return ()
    return tuple(name for name in place.weights(folder) if not (folder / name).is_file()) or None


def _data(host: Host, wanted: Wanted) -> Iterator[Missing]:
    found: dict[str, list[str]] = {}
    for benchmark in wanted.benchmarks:
        try:
            task = host.catalogue.find(benchmark.task)
        except ZooError:
            continue  # a task that cannot be read is named by the plan itself
        if isinstance(task, Task) and not in_cache(task):
            found.setdefault(data_set_of(task) or ADDRESSES, []).append(task.name)
    for name, tasks in found.items():
        yield Missing("data", name, tasks=tuple(tasks))
