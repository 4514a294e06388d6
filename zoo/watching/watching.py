"""The watch: looks at a folder, evaluates what is new and complete, until the training is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.benchmarks import Suite
from zoo.courses import Course, Point
from zoo.errors import ModelError, UnknownNameError, ZooError
from zoo.evaluation.evaluator import OnEvent
from zoo.fingerprints import digest
from zoo.host import Host
from zoo.lineages import targets_of
from zoo.models import Family, Model
from zoo.results import PROTOCOLS, Protocol, Result
from zoo.running import Outcome
from zoo.watching.describing import checkpoint, child, family_of, parent_named
from zoo.watching.holding import GoneError, held, is_read
from zoo.watching.lives import (
    Life,
    gone_behind,
    is_unsure,
    mark_of,
    moment,
    present,
    read_life,
    write_life,
)
from zoo.watching.looking import stamps
from zoo.watching.measuring import point_of, specials
from zoo.watching.recalling import parent_recalled, recall
from zoo.watching.remembering import Measured, runs_of
from zoo.watching.rounds import FINAL, Place, Round, Rounds, next_place

FOLDER = "watch"
"""Of the store: pictures, and the files that are held."""


@dataclass(frozen=True)
class Wish:
    """What is to be watched, and for how long.

    folder: as the user named it. base: the parent; None takes what the checkpoints say. every: only
    steps that are a multiple of it, and the last. interval: seconds between two looks. once: ends
    when nothing complete is left. until_step: ends when this step, or a later one, is done. idle:
    ends when nothing has changed for so many seconds. Each of them ends it, and a finished model.
    """

    folder: Path
    base: str | None = None
    targets: tuple[str, ...] | None = None
    regime: str | None = None
    every: int = 1
    interval: float = 5.0
    once: bool = False
    until_step: int | None = None
    idle: float | None = None


def family_name(folder: Path) -> str:
    """What the runs of a watch are called: after the folder, and so that no other is called so."""
    here = str(folder.expanduser().resolve())
    return f"{Path(here).name or 'checkpoints'}-{digest(here)[:6]}"


@dataclass
class Watch:
    """One watch. evaluate: runs a family and returns what came of it; settings: what its record
    will say; tell: told of "checkpoint", "left_out", "parent", "recalled" and "awaited". refused:
    whether a complete checkpoint could not be read.
    """

    host: Host
    wish: Wish
    suite: Suite
    settings: Mapping[str, Any]
    evaluate: Callable[[Family], Outcome]
    tell: OnEvent
    protocols: tuple[Protocol, ...] = PROTOCOLS
    refused: bool = False
    _course: Course = field(init=False)
    _rounds: Rounds = field(init=False)
    _reference: tuple[Model, Sequence[Result]] | None = None
    _base: Model | None = None
    _said: Mapping[str, str] | None = None
    _life: Life = field(default_factory=Life)

    def __post_init__(self) -> None:
        name = family_name(self.wish.folder)
        targets = self.wish.targets
        self._course = Course(
            name, str(self.wish.folder), self.suite.name, targets or (), self.protocols
        )
        self._rounds = Rounds(self.wish.folder)
        measured = {benchmark.capability for benchmark in self.suite.benchmarks}
        for target in targets or ():
            if target not in measured:
                raise UnknownNameError("capability", target, measured, "the suite measures others")

    @property
    def course(self) -> Course:
        """The training as far as it was measured."""
        return self._course

    def run(self) -> Course:
        """Watches to the end. Raises Interrupted or KeyboardInterrupt where it is stopped; the
        course stays."""
        self._begin()
        news = time.monotonic()
        while True:
            found = self._rounds.next(point.step for point in self._course.points)
            for place in found.gone:
                if place.step % self.wish.every == 0:
                    self._leave(place.name, "it was deleted before it could be evaluated")
            if found.changed:
                news = time.monotonic()
            following = next_place(found.ready, self.wish.every, self._reference is None)
            if following is None and self._is_over(found, time.monotonic() - news):
                following = self._skipped_last(found)
                if following is None:
                    break
            if following is None:
                self._wait(found)
                time.sleep(self.wish.interval)
                continue
            self._take(following)
            news = time.monotonic()
        for name, reason in found.waiting.items():
            self._leave(name, f"it is not complete: {reason}")
        return self._course

    def _begin(self) -> None:
        """Takes up what an earlier watch measured of this training, and measures the parent if it
        is known."""
        folder, store, name = self.wish.folder, self.host.store, self._course.name
        here = present(folder) if runs_of(store, name) else ()  # to hash weights takes its time
        mark, before = mark_of(folder), read_life(self._life_file)
        self._life, past = recall(
            store, name, self.suite, self.settings, self._name_of, before, mark, here
        )
        if self._life != before:
            text = "what an earlier watch measured here is of another training, and is left out"
            self.tell("recalled", {"text": text})
        elif past.measured and is_unsure(before, mark, here, past.measured):
            text = (
                "none of what an earlier watch measured stands here any more: it is taken for "
                "deleted by this training; another training is better watched in a new folder"
            )
            self.tell("recalled", {"text": text})
        dropped = self._life.dropped | gone_behind(here, past.measured)
        self._course = replace(self._course, dropped=dropped)
        self._keep_life(mark)
        base = parent_named(self.host, self.wish.base) if self.wish.base else past.base
        if base is not None and not self.wish.base:
            base = parent_recalled(self.host, folder, here, base, self.tell)
        if past.measured:
            self._aim(past.measured[0].model)
        if base is not None:
            self._measure_parent(base)
        for each in past.measured:
            self._remember(each)

    @property
    def _life_file(self) -> Path:
        return self.host.store.root / FOLDER / f"{self._course.name}.json"

    def _keep_life(self, mark: str) -> None:
        self._life = replace(self._life, mark=mark or self._life.mark, dropped=self._course.dropped)
        write_life(self._life_file, self._life)

    def _name_of(self, model: Model) -> str:
        own = Path(model.id).name
        return FINAL if own in ("", self.wish.folder.resolve().name) else own

    def _remember(self, each: Measured) -> None:
        if self._reference is None:
            self._refer(each.model, each.results)
        point = self._point(each.model, each.results, each.record.started, each.record.id)
        self._course = self._course.with_point(point)

    def _is_over(self, found: Round, quiet: float) -> bool:
        """Whether nothing is left to wait for."""
        until = self.wish.until_step
        reached = until is not None and any(p.step >= until for p in self._course.points)
        idle = self.wish.idle is not None and quiet >= self.wish.idle
        return not found.unsettled and (found.finished or self.wish.once or reached or idle)

    def _skipped_last(self, found: Round) -> Place | None:
        """The last checkpoint, if `every` passed it over: it stands for how the training ended."""
        last = max(found.ready, key=lambda place: place.step, default=None)
        known = max((point.step for point in self._course.points), default=-1)
        return last if last is not None and last.step > known else None

    def _take(self, place: Place) -> None:
        """Evaluates a checkpoint, or says why not; either way it is done."""
        self._rounds.done(place)
        shelf = self.host.store.root / FOLDER / self._course.name
        try:
            with held(place.path, place.seen, shelf) as files:
                self._evaluate(place, files)
        except GoneError as problem:
            self._leave(place.name, str(problem))
        except ModelError as problem:
            self.refused = True
            gone = "" if place.path.is_dir() else "it was deleted while it was read; "
            self._leave(place.name, f"{gone}{problem}")

    def _evaluate(self, place: Place, files: Path) -> None:
        own = self.wish.folder if place.name == FINAL else self.wish.folder / place.name
        model = checkpoint(
            self.host,
            place.path,
            files,
            place.seen,
            id=str(own),
            step=place.step,
            final=place.name == FINAL,
        )
        known = {point.revision: point for point in self._course.points}
        if (same := known.get(model.revision)) and place.name in (FINAL, same.name):
            if same.name != place.name:
                self._leave(place.name, f"it is {same.name}, which was evaluated")
            return
        written = moment(place.seen.written)
        if any(
            point.revision == model.revision and point.measured >= written
            for point in self._course.tested
            if point.run in self._course.dropped
        ):
            self._leave(place.name, "the training went back behind it")
            return
        if self._base is None and self._reference is None:
            self._find_parent(model)
        model = child(model, self._base, self.wish.targets, self.wish.regime)
        self._aim(model)
        self._draw_parent()
        began = time.monotonic()
        outcome = self.evaluate(family_of(self._course.name, self._base, model))
        seconds = time.monotonic() - began
        model = replace(model, family=self._course.name)
        results = [each for each in outcome.results if each.spec.model.id == model.id]
        if reason := _spoilt(place, files, results):
            self._leave(place.name, reason)
            return
        record = outcome.record
        point = self._point(model, results, record.started, record.id, seconds)
        if self._reference is None:
            self._refer(model, results)
        mark = mark_of(self.wish.folder)
        if self._life.other(mark):
            earlier = frozenset(point.run for point in self._course.tested)
            self._course = replace(self._course, dropped=self._course.dropped | earlier)
        self._course = self._course.since(place.step, written).with_point(point)
        self._keep_life(mark)
        self.tell("checkpoint", self._course.row(point))

    def _aim(self, model: Model) -> None:
        """Settles what S is over, by the first checkpoint that is known."""
        if not self._course.targets:
            wanted = targets_of(model, self.host.registry.regimes)
            measured = {benchmark.capability for benchmark in self.suite.benchmarks}
            targets = tuple(t for t in wanted if t in measured) or specials(self.suite)
            self._course = replace(self._course, targets=targets)

    def _find_parent(self, model: Model) -> None:
        """Measures the parent that the first checkpoint names, if it can be had."""
        if len(model.parents) != 1:
            self.tell("parent", {"parent": "", "reason": "the checkpoints name none"})
            return
        (name,) = model.parents
        try:
            base = parent_named(self.host, name)
        except ZooError as problem:
            self.tell("parent", {"parent": name, "reason": str(problem)})
            return
        self._measure_parent(base)

    def _measure_parent(self, base: Model) -> None:
        outcome = self.evaluate(family_of(self._course.name, base))
        self._base = base
        self._refer(base, outcome.results)
        self._draw_parent()

    def _refer(self, model: Model, results: Sequence[Result]) -> None:
        self._reference = model, tuple(results)
        self._course = replace(self._course, reference=model.id)

    def _draw_parent(self) -> None:
        if self._base is None or self._reference is None or self._course.base is not None:
            return
        if self._course.targets:
            model, results = self._reference
            point = replace(self._point(model, results, "", ""), step=0, name=model.id)
            self._course = replace(self._course, base=point)

    def _point(
        self,
        model: Model,
        results: Sequence[Result],
        measured: str,
        run: str,
        seconds: float | None = None,
    ) -> Point:
        return point_of(
            model,
            results,
            self._reference,
            self.suite,
            self._course.targets,
            name=self._name_of(model),
            measured=measured,
            run=run,
            seconds=seconds,
        )

    def _wait(self, found: Round) -> None:
        """Says what is waited for, where that is news."""
        if found.waiting != self._said:
            self._said = dict(found.waiting)
            self.tell("awaited", {"lacking": self._said})

    def _leave(self, name: str, reason: str) -> None:
        self.tell("left_out", {"name": name, "reason": reason})


def _spoilt(place: Place, files: Path, results: Sequence[Result]) -> str:
    """Why results are not those of the checkpoint as it was found; "" where they are."""
    now = stamps(files)
    read = {name: stamp for name, stamp in place.seen.files.items() if is_read(name)}
    if any(name in now and now[name] != stamp for name, stamp in read.items()):
        return "it was written again while it was evaluated"
    missing = any(name not in now for name in read)
    if missing and any(result.status == "failed" for result in results):
        return "it was deleted while it was evaluated"
    return ""
