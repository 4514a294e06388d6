"""What stands where a stage is begun anew: kept aside until the new one is finished.

It lies beside its folder as `<out>.before` (`.before-2` and so on where that is taken), marked as
ours, so that a folder which somebody has called so is not touched.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Container
from contextlib import suppress
from fnmatch import fnmatch
from glob import escape
from itertools import count
from pathlib import Path

from zoo.errors import ConfigError
from zoo.fingerprints import PROCESSOR, SETTINGS, TOKENIZER, WEIGHTS, file_digest
from zoo.manifests import CHECKPOINT, NAME, read_manifest
from zoo.store.atomic import UNFINISHED
from zoo.training.checkpoints import RESUMING
from zoo.training.folder import CARD, LOCK, WORKING

MARK = ".zoo-set-aside"

_NAMED = re.compile(r"\.before(?:-(\d+))?$")

OWN = (
    *WEIGHTS, *SETTINGS, *TOKENIZER, *PROCESSOR, *RESUMING, "trainer_state.json",
    "chat_template.jinja", "README.md", f"{UNFINISHED}*",
)  # fmt: skip
"""Files that recipes write; a finished stage's manifest says itself which they are."""


def asides(out: Path) -> list[Path]:
    """Folders in which lies what stood in `out`, the oldest first."""
    found = [(_NAMED.search(path.name), path) for path in out.parent.glob(f"{escape(out.name)}.*")]
    ours = [
        (int(match[1] or 1), path)
        for match, path in found
        if match and path.name[: match.start()] == out.name and (path / MARK).is_file()
    ]
    return [path for _, path in sorted(ours)]


def set_aside(out: Path) -> Path | None:
    """Moves what stands in a folder of ours beside it; where to, None where nothing stands.

    The manifest goes last: what was moved in part is moved to the same place the next time.
    """
    left = [path for path in out.iterdir() if path.name not in (NAME, LOCK)]
    moved = [*left, *(path for path in (out / NAME,) if path.exists())]
    if not moved:
        return None
    half = [path for path in asides(out) if not (path / NAME).exists()]
    place = half[-1] if half else _free(out)
    if any((place / path.name).exists() for path in moved):
        place = _free(out)
    try:
        place.mkdir(exist_ok=True)
        (place / MARK).touch()
        for path in moved:
            path.rename(place / path.name)
    except OSError as problem:
        with suppress(OSError):
            put_back(place, out)
        raise ConfigError(f"{out} cannot be moved to {place}, and stays: {problem}") from None
    return place


def put_back(place: Path, out: Path) -> None:
    """Moves into `out` what was set aside, as far as nothing of that name stands there."""
    for path in sorted(place.iterdir(), key=lambda path: path.name == NAME):
        if path.name != MARK and not (out / path.name).exists():
            path.rename(out / path.name)
    if not any(path.name != MARK for path in place.iterdir()):
        (place / MARK).unlink()
        place.rmdir()


def let_go(out: Path) -> list[str]:
    """Deletes what was set aside of a stage that is finished anew; sentences on what was not.

    What no training has written is moved back into `out`.
    """
    said = []
    for place in asides(out):
        delete_own(place)
        strangers = sorted(path.name for path in place.iterdir() if path.name != MARK)
        put_back(place, out)
        (place / MARK).unlink(missing_ok=True)  # what is still in it is the user's
        if strangers:
            where = f"{out}, or {place} where that has one" if place.exists() else str(out)
            named = ", ".join(strangers[:3]) + (" and more" if len(strangers) > 3 else "")
            said.append(f"{named} was not written by zoo train and stays in {where}")
    return said


def delete_own(folder: Path) -> None:
    """Deletes what a training wrote into a folder, and nothing else: what its manifest lists, or
    the names that recipes use where it is not finished; checkpoints on the way; the manifest."""
    try:
        manifest = read_manifest(folder)
    except ConfigError:
        manifest = None
    finished = manifest is not None and manifest.status == "finished"
    for path in list(folder.iterdir()):
        on_the_way = CHECKPOINT.fullmatch(path.name) or (not finished and path.name in WORKING)
        if on_the_way and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    listed = set(manifest.files) if manifest and finished else None
    if listed and manifest and _is_rewritten(folder / CARD, manifest.files.get(CARD)):
        listed.remove(CARD)
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            path = Path(parent, name)
            if _is_own(path.relative_to(folder).as_posix(), listed):
                path.unlink()
        for name in folders:
            with suppress(OSError):  # a link, or not empty
                Path(parent, name).rmdir()
    (folder / NAME).unlink(missing_ok=True)


def _is_rewritten(card: Path, made: str | None) -> bool:
    """Whether somebody has made a stage's card his own."""
    return made is not None and card.is_file() and file_digest(card) != made


def _is_own(name: str, listed: Container[str] | None) -> bool:
    if listed is not None:
        return name in listed
    return "/" not in name and any(fnmatch(name, pattern) for pattern in OWN)


def _free(out: Path) -> Path:
    """The first of `<out>.before`, `<out>.before-2` and so on where nothing stands."""
    names = (f"{out.name}.before" + (f"-{n}" if n > 1 else "") for n in count(1))
    return next(path for path in map(out.with_name, names) if not path.exists())
