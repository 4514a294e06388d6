"""Which life of a folder a measured checkpoint belongs to: folders are used again.

A training is begun anew from an earlier step, or another one writes into the same folder. What a
watch finds out about that stands in the store, so that a later watch knows it too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from zoo.errors import ConfigError
from zoo.fingerprints import digest, fingerprint, read_json
from zoo.manifests import read_manifest
from zoo.store.atomic import write_file
from zoo.structuring import plain
from zoo.watching.looking import checkpoints_in, look
from zoo.watching.remembering import Measured
from zoo.watching.rounds import FINAL

LAST = 2**62
"""The step of a finished model: no step is later."""


@dataclass(frozen=True)
class Present:
    """A checkpoint that stands in the folder, whole or not. revision: of its weights, as the
    model's is; None where they cannot be read. written: UTC, ISO 8601."""

    name: str
    step: int
    revision: str | None
    written: str


@dataclass(frozen=True)
class Life:
    """What is known of the training that writes now.

    mark: what tells it from others, "" where nothing does. earlier: runs that measured other
    trainings. dropped: runs whose checkpoints this training went back behind.
    """

    mark: str = ""
    earlier: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()

    def other(self, mark: str) -> bool:
        """Whether a mark is that of another training: both are known and of one kind."""
        mine, its = self.mark.partition(" "), mark.partition(" ")
        return bool(self.mark and mark) and mine[0] == its[0] and mine != its


def read_life(path: Path) -> Life:
    """What an earlier watch wrote; nothing is known where there is none that can be read."""
    table = read_json(path)
    runs = {name: table.get(name) for name in ("earlier", "dropped")}
    named = {n: frozenset(map(str, v)) for n, v in runs.items() if isinstance(v, list)}
    return Life(str(table.get("mark") or ""), **named)


def write_life(path: Path, life: Life) -> None:
    """Writes it whole or not at all."""
    table = plain(replace(life, earlier=frozenset(), dropped=frozenset()))
    table |= {"earlier": sorted(life.earlier), "dropped": sorted(life.dropped)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(table, indent=1).encode() + b"\n")


def moment(nanoseconds: int) -> str:
    """A file's time as records spell theirs."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="seconds")


def present(folder: Path) -> tuple[Present, ...]:
    """The checkpoints of a folder by step; a finished model that is not older is the last."""
    found = []
    for name, step in checkpoints_in(folder).items():
        seen = look(folder / name)
        if seen.files:
            written = seen.written or max(stamp[1] for stamp in seen.files.values())
            found.append((Present(name, step, _revision(folder / name), moment(written)), written))
    top = look(folder, below=False)
    if top.written and top.written >= max((written for _, written in found), default=0):
        final = Present(FINAL, LAST, _revision(folder), moment(top.written))
        found.append((final, top.written))
    return tuple(sorted((each for each, _ in found), key=lambda each: each.step))


def mark_of(folder: Path) -> str:
    """What tells a training from others in its folder: what `zoo train` says of it, else the first
    entry of its Trainer's log, which every later checkpoint repeats; "" where neither is there."""
    try:
        manifest = read_manifest(folder)
    except ConfigError:
        manifest = None
    if manifest is not None:
        said = (manifest.recipe, manifest.of, manifest.seed, dict(manifest.options))
        return f"manifest {digest(plain([*said, manifest.parent, manifest.data]))}"
    states = [folder / name / "trainer_state.json" for name in checkpoints_in(folder)]
    for state in sorted(filter(Path.is_file, states), key=_changed, reverse=True):
        log = read_json(state).get("log_history")
        if isinstance(log, list) and log:
            return f"log {digest(log[0])}"
    return ""


def gone_behind(here: Sequence[Present], measured: Iterable[Measured]) -> frozenset[str]:
    """Runs whose checkpoints are not of the life that wrote what is here.

    One was written again with other weights; or an earlier step was written after it was measured.
    """
    every = list(measured)
    revisions = {each.revision for each in here}
    known = {(each.model.revision, each.record.started) for each in every}

    def is_new(place: Present) -> bool:
        """Whether its bytes, and not only its files, are later than they were measured."""
        return not any(r == place.revision and at < place.written for r, at in known)

    def against(place: Present, each: Measured) -> bool:
        began = each.record.started
        if place.name == each.name:
            if place.revision is None:
                return began < place.written
            return place.revision != each.model.revision
        later = place.step < (each.model.step or 0) and began < place.written
        return later and (is_new(place) or each.model.revision not in revisions)

    return frozenset(m.record.id for m in every if any(against(place, m) for place in here))


def is_another(
    life: Life, mark: str, here: Sequence[Present], measured: Collection[Measured]
) -> bool:
    """Whether another training writes now than the one whose checkpoints were measured.

    Its mark says so; or nothing is here; or what is here goes against a point, is none of what was
    measured, and bears no mark that says it is the same.
    """
    if life.other(mark):
        return True
    left = [each for each in measured if each.record.id not in life.dropped]
    if not left:
        return False
    behind = gone_behind(here, left)
    revisions = {each.revision for each in here}
    same = any(m.model.revision in revisions and m.record.id not in behind for m in left)
    return not here or bool(behind and not same and not (mark and mark == life.mark))


def is_unsure(life: Life, mark: str, here: Sequence[Present], measured: Iterable[Measured]) -> bool:
    """Whether nothing shows that what was measured is of the training that writes now."""
    revisions = {each.revision for each in here}
    return not (mark and mark == life.mark) and all(
        each.model.revision not in revisions for each in measured
    )


def _revision(folder: Path) -> str | None:
    try:
        return fingerprint(folder).weights[:12] or None
    except OSError:
        return None


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
