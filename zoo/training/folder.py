"""The folder of a stage: whose it is, whether it is finished, and who is at work in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError
from zoo.fingerprints import file_digest, remembered_digest
from zoo.manifests import CHECKPOINT, NAME, Manifest, Parent, read_manifest
from zoo.store.atomic import make_folder

LOCK = ".zoo-training.lock"
CARD = "README.md"
WEIGHTS = ("config.json", "adapter_config.json")
"""Files of which a finished stage has one."""


WORKING = ("merged-parent", "reward-model", "reward-model-unfinished")
"""Folders that recipes keep while they are at work."""


@contextmanager
def held(out: Path) -> Iterator[None]:
    """The folder, made where it is missing, for one training alone.

    The system gives the lock back when its holder dies; where a file system has no locks, nobody is
    kept out. Raises ConfigError where somebody has it.
    """
    from filelock import FileLock, Timeout

    lock = None
    try:
        make_folder(out)
        lock = FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"another training is at work in {out}; wait for it, or name another folder with --out"
        ) from None
    except NotImplementedError:
        lock = None
    except OSError as problem:
        raise ConfigError(f"{out} cannot be written: {problem}") from None
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):
                (out / LOCK).unlink()  # nobody waits for it: who finds it held gives up
            lock.release()


def check_folder(out: Path) -> None:
    """Raises ConfigError where a folder holds what no training of ours has put there."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file; name a folder with --out")
    strangers = out.is_dir() and any(path.name != LOCK for path in out.iterdir())
    if strangers and not (out / NAME).is_file():
        raise ConfigError(
            f"{out} holds files and no {NAME}, so that it is somebody else's; name another folder "
            "with --out"
        )


def standing(out: Path, wanted: Manifest) -> Manifest | None:
    """What stands of the wanted stage; None where nothing does.

    Raises ConfigError where the folder is somebody else's, or of another training.
    """
    check_folder(out)
    found = read_manifest(out)
    if found is None:
        return None
    if changes := differences(found, wanted):
        if found.status == "unfinished" and not holds_weights(out):
            return None  # nothing would be lost
        made = "begun" if found.status == "unfinished" else "made"
        raise ConfigError(
            f"{out} was {made} with {' and '.join(changes)}; --restart begins anew, --out names "
            "another folder"
        )
    if found.status == "finished":
        missing = [name for name in found.files if not (out / name).is_file()]
        if missing:
            raise ConfigError(f"{out} is finished and lacks {missing[0]}; --restart makes it again")
        if changed := changed_files(out, found):
            raise ConfigError(
                f"{out} is finished, and {changed[0]} was changed since; --restart makes it again"
            )
    return found


def holds_weights(out: Path) -> bool:
    """Whether a training has come to anything that could be gone on with."""
    found = (path.relative_to(out) for path in out.rglob("*.safetensors"))
    return any(WORKING[0] not in path.parts for path in found)


def changed_files(out: Path, finished: Manifest) -> list[str]:
    """Names of a stage's files that are others than the manifest says; a card is its reader's."""
    hashes = ((n, made) for n, made in finished.files.items() if n != CARD)
    return [name for name, made in hashes if remembered_digest(out / name) != made]


def differences(found: Manifest, wanted: Manifest) -> list[str]:
    """What two trainings differ in that decides their weights, as "seed 1 instead of 2"."""
    pairs: list[tuple[str, Any, Any]] = [
        (name, getattr(found, name), getattr(wanted, name))
        for name in ("recipe", "of", "regime", "seed", "steps", "save_every")
    ]
    if not _same_parent(found.parent, wanted.parent):
        pairs.append(("the parent", _named(found.parent), _named(wanted.parent)))
    names = [*found.options, *(name for name in wanted.options if name not in found.options)]
    pairs += [(name, found.options.get(name), wanted.options.get(name)) for name in names]
    one, two = (each.data.sha256 if each.data else None for each in (found, wanted))
    pairs.append(("data", one and one[:12], two and two[:12]))
    return [
        f"{name} {'unset' if was is None else was} instead of {'unset' if now is None else now}"
        for name, was, now in pairs
        if was != now
    ]


def _same_parent(one: Parent | None, two: Parent | None) -> bool:
    """Equal weights are one parent, whatever it is called."""
    if one is None or two is None:
        return one is two
    if one.weights or two.weights:
        return one.weights == two.weights
    return (one.id, one.revision) == (two.id, two.revision)


def _named(parent: Parent | None) -> str:
    if parent is None:
        return "none"
    pinned = parent.weights or parent.revision or ""
    return f"{parent.id} ({pinned[:12]})" if pinned else parent.id


def hashes(out: Path) -> dict[str, str]:
    """SHA-256 of the stage's files by name, checkpoints on the way left out."""
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out)
        if path.is_file() and path.name not in (NAME, LOCK) and not CHECKPOINT.match(name.parts[0]):
            found[name.as_posix()] = file_digest(path)
    return found
