"""Fetching all that a run reads: models several at once, data beside them, each thing checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal

from zoo.errors import ConfigError, ZooError
from zoo.evaluation.places import Place
from zoo.evaluation.preflight import disk
from zoo.evaluation.tasks import TaskLoader
from zoo.fetching.data import DataSet, by_data_set, fetch_data, is_here
from zoo.fetching.repositories import Repository, Stopped, fetch, look_at, mended
from zoo.fetching.wanted import Wanted
from zoo.host import Host
from zoo.models import Model
from zoo.probing import describe
from zoo.redaction import redact
from zoo.trust import trusted

State = Literal["fetched", "there", "mended", "to fetch", "nothing to fetch", "failed"]

OnEvent = Callable[[str, Mapping[str, Any]], None]
"""Is told ("size", {"bytes"}) once, ("bytes", {"bytes"}) as they come and ("row", {"row"})."""

OLDEST = "1.1"
"""The first huggingface_hub that tells how far a single file is."""


@dataclass(frozen=True)
class Fetched:
    """What became of one thing that a run reads.

    kind: model, adapter, tokenizer, data or search. revision: the commit, "" where it has none.
    size: bytes of the files, of data those of the tables; None where it is not known.
    fetched: bytes that came, or that would. checked: what was compared. error: why it failed.
    """

    kind: str
    name: str
    revision: str = ""
    size: int | None = None
    fetched: int | None = 0
    state: State = "fetched"
    checked: str = ""
    error: str = ""


@dataclass
class Prefetch:
    """Fetches what is wanted, `jobs` files at a time. dry: says what would be fetched, and fetches
    the small files alone that say what a model is made of."""

    host: Host
    wanted: Wanted
    jobs: int = 4
    dry: bool = False
    on_event: OnEvent = lambda *_: None
    _over: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._loader = TaskLoader(
            self.host.catalogue.tasks,
            self.host.config.unsafe_code,
            self.host.config.sandbox,
            trusted(),
        )

    def rows(self) -> Iterator[Fetched]:
        """What became of each thing, as it is done.

        Raises ConfigError where nothing can be fetched at all.
        """
        _check_client()
        for name, why in self.wanted.here:
            yield Fetched("model", name, state="nothing to fetch", checked=why)
        for name, why in self.wanted.problems:
            yield _failed("model", name, why)
        pool = ThreadPoolExecutor(self.jobs)
        try:
            yield from self._all(pool)
        finally:
            self._over.set()
            pool.shutdown(cancel_futures=True)

    def _all(self, pool: ThreadPoolExecutor) -> Iterator[Fetched]:
        looks = {
            pool.submit(look_at, place, mend=not self.dry): place for place in self.wanted.places
        }
        found: dict[tuple[str, str, str], tuple[Place, Repository]] = {}
        for look in as_completed(looks):
            place = looks[look]
            try:
                seen = look.result()
            except Exception as problem:
                yield _failed(place.part, place.name, _said(problem))
            else:
                found.setdefault((place.part, seen.name, seen.commit), (place, seen))
        lacking = {
            _called(place): disk.Download(seen.size, sum(seen.lacking.values()))
            for place, seen in found.values()
        }
        refused = {
            finding.model: finding.text for finding in disk.downloads(lacking, disk.cache_folder())
        }
        going: dict[Future[Fetched], Place] = {}
        self.on_event("size", {"bytes": sum(each.missing for each in lacking.values())})
        for place, seen in found.values():
            if reason := refused.get(_called(place)):
                yield _failed(place.part, place.name, reason)
            elif self.dry:
                yield _would(place, seen)
            else:
                files = [pool.submit(self._file, seen, name) for name in seen.lacking]
                going[pool.submit(self._whole, place, seen, files)] = place
        yield from self._data()
        for done in as_completed(going):
            try:
                yield done.result()
            except Exception as problem:
                yield _failed(going[done].part, going[done].name, _said(problem))
        if not self.dry:
            for model in self.wanted.searching:
                yield self._search(model)

    def _file(self, seen: Repository, name: str) -> None:
        fetch(seen, name, self._meter)

    def _meter(self, count: int) -> None:
        if self._over.is_set():
            raise Stopped
        self.on_event("bytes", {"bytes": count})

    def _whole(self, place: Place, seen: Repository, files: list[Future[None]]) -> Fetched:
        """A repository whose files were begun before it, so that waiting for them ends."""
        lacking = seen.lacking
        for file in files:
            file.result()
        checked = mended(seen, self._meter)
        state: State = "mended" if checked.mended else "fetched" if lacking else "there"
        return Fetched(
            place.part,
            place.name,
            seen.commit,
            seen.size,
            sum(lacking.values()),
            state,
            f"{_count(len(seen.files), 'file')} by the Hub's hashes",
        )

    def _data(self) -> Iterator[Fetched]:
        """In this thread alone: what a task runs when it is read is not made for several."""
        groups, problems = by_data_set(self._loader, self.wanted.benchmarks)
        for task, why in problems:
            yield _failed("data", task, why)
        for name, benchmarks in groups.items():
            if self.dry:
                here = is_here(self._loader, benchmarks)
                if name:
                    state: State = "there" if here else "to fetch"
                    yield Fetched("data", name, fetched=0 if here else None, state=state)
                continue
            try:
                found = fetch_data(self._loader, name, benchmarks)
            except ZooError as problem:
                yield _failed("data", name or benchmarks[0].task, str(problem))
                continue
            for why in found.problems:
                yield _failed("data", name or "files of this machine", why)
            if not found.problems:
                yield _data_row(found)

    def _search(self, model: Model) -> Fetched:
        """One question, so that what a regime looks it up in (a corpus, an embedder) is here."""
        context = self.host.registry.regimes.get(model.regime).context
        assert context is not None
        try:
            context(model, ["what?"])
        except Exception as problem:
            return _failed("search", model.id, _said(problem))
        return Fetched("search", model.id, checked="asked one question", fetched=None)


def _called(place: Place) -> str:
    return place.name if place.part == "model" else f"{place.name} ({place.part})"


def _would(place: Place, seen: Repository) -> Fetched:
    missing = sum(seen.lacking.values())
    state: State = "to fetch" if seen.lacking else "there"
    return Fetched(place.part, place.name, seen.commit, seen.size, missing, state)


def _data_row(found: DataSet) -> Fetched:
    tasks = _count(found.tasks, "task")
    if not found.name:
        checked = f"{tasks}, {found.rows:,} rows read"
        return Fetched(
            "data", "files of this machine", "", found.size, 0, "nothing to fetch", checked
        )
    state: State = "mended" if found.mended else "there" if found.was_here else "fetched"
    files = f"{_count(found.files, 'file')} by the Hub's hashes, " if found.files else ""
    return Fetched(
        "data",
        found.name,
        found.commit,
        found.size,
        0 if state == "there" else None,
        state,
        f"{files}{found.rows:,} rows read, {tasks}",
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _failed(kind: str, name: str, why: str) -> Fetched:
    return Fetched(kind, name, size=None, fetched=None, state="failed", error=redact(why))


def _said(problem: Exception) -> str:
    return str(problem) if isinstance(problem, ZooError) else describe(problem)


def _check_client() -> None:
    """Raises ConfigError where the Hub's client is told to stay offline, or is too old."""
    import huggingface_hub
    from huggingface_hub import constants
    from packaging.version import Version

    if constants.HF_HUB_OFFLINE:
        raise ConfigError("HF_HUB_OFFLINE is set, so that nothing can be fetched; unset it")
    if Version(huggingface_hub.__version__) < Version(OLDEST):
        raise ConfigError(
            f"`zoo prefetch` needs huggingface_hub {OLDEST} or later, and "
            f"{huggingface_hub.__version__} is installed; pip install -U huggingface_hub"
        )
