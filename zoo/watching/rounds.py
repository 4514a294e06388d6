"""Round after round over a training's folder: what is new and complete, and what went away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.errors import ConfigError
from zoo.manifests import read_manifest
from zoo.watching.completeness import UNSETTLED, lacking, trained_steps
from zoo.watching.looking import Look, Stamp, checkpoints_in, look, stamps

FINAL = "final"
"""The name of the finished model, which stands in the folder itself."""


@dataclass(frozen=True)
class Place:
    """A checkpoint that is complete. seen: how it was found."""

    name: str
    step: int
    path: Path
    seen: Look


@dataclass(frozen=True)
class Round:
    """What was found. ready: new and complete; waiting: what others lack; gone: what was ready and
    is not there any more. changed: whether anything is new. finished: whether the folder holds the
    finished model."""

    ready: tuple[Place, ...]
    waiting: Mapping[str, str]
    gone: tuple[Place, ...]
    changed: bool
    finished: bool

    @property
    def unsettled(self) -> bool:
        """Whether one more look may make something complete."""
        return UNSETTLED in self.waiting.values()


def next_place(ready: Sequence[Place], every: int, first: bool) -> Place | None:
    """What to evaluate now: the newest tells most, but the first is what others are held against.

    every: only steps that are a multiple of it, and the finished model. first: whether the earliest
    is wanted.
    """
    wanted = [place for place in ready if place.step % every == 0 or place.name == FINAL]
    ordered = sorted(wanted, key=lambda place: place.step)
    return (ordered[0] if first else ordered[-1]) if ordered else None


def asked_for(folder: Path, steps: Mapping[str, int]) -> dict[str, int]:
    """The checkpoints that are to stay: those that `zoo train` writes only to go on from are not,
    unless none are. steps: by name of the checkpoint."""
    try:
        manifest = read_manifest(folder)
    except ConfigError:
        manifest = None
    every = manifest.save_every if manifest else 0
    return {name: step for name, step in steps.items() if not every or step % every == 0}


@dataclass
class Rounds:
    """Looks at a folder again and again, and knows what was there before."""

    folder: Path
    _looks: dict[str, Look] = field(default_factory=dict)
    _done: dict[str, Mapping[str, Stamp]] = field(default_factory=dict)
    _ready: dict[str, Place] = field(default_factory=dict)

    def done(self, place: Place) -> None:
        """This is over: it is new again only if its files change."""
        self._done[place.name] = place.seen.files
        self._ready.pop(place.name, None)

    def next(self, measured: Iterable[int]) -> Round:
        """One round. measured: steps that are known beside those of the folder."""
        changed = False
        ready, waiting = dict[str, Place](), dict[str, str]()
        steps = asked_for(self.folder, checkpoints_in(self.folder))
        for name, step in steps.items():
            path = self.folder / name
            now, before = self._see(name, path)
            changed |= before is None or before.files != now.files
            if self._done.get(name) == now.files or not now.files:
                continue
            if reason := lacking(now, before):
                waiting[name] = reason
            else:
                ready[name] = Place(name, step, path, now)
        finished = self._finished(steps, measured, ready, waiting)
        still = ready.keys() | waiting.keys()
        gone = tuple(place for name, place in self._ready.items() if name not in still)
        self._ready = ready
        return Round(tuple(ready.values()), waiting, gone, changed, finished)

    def _see(self, name: str, path: Path, *, below: bool = True) -> tuple[Look, Look | None]:
        """A look, and the one before; files that are the same are not read again."""
        before = self._looks.get(name)
        if before is not None and before.files == stamps(path, below=below):
            return before, before
        now = self._looks[name] = look(path, below=below)
        return now, before

    def _finished(
        self,
        steps: Mapping[str, int],
        measured: Iterable[int],
        ready: dict[str, Place],
        waiting: dict[str, str],
    ) -> bool:
        """Whether the folder itself holds the finished model; one that is new joins `ready`.

        A model that is older than a checkpoint is what the training began with, or an earlier one.
        It stands at the step its Trainer wrote beside it, else at that of the last checkpoint.
        """
        now, before = self._see(FINAL, self.folder, below=False)
        newest = max((self._looks[name].written for name in steps), default=0)
        if not now.lengths or now.written < newest:
            return False
        if reason := lacking(now, before, final=True):
            waiting[FINAL] = reason
            return False
        if self._done.get(FINAL) != now.files:
            known = trained_steps(now)
            step = max([*steps.values(), *measured], default=1) if known is None else known
            ready[FINAL] = Place(FINAL, step, self.folder, now)
        return True
