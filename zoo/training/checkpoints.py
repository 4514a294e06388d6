"""Checkpoints on the way: which a training can go on from, which stay, which are cleared away.

They follow the convention of transformers: `checkpoint-STEP` holds a model that can be loaded, what
a resumption needs beside it, and `trainer_state.json`, which is written last.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

STATE = "trainer_state.json"

RESUMING = (
    "optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "optimizer.state"
)  # fmt: skip
"""Files of a checkpoint that only a resumption needs: those of a Trainer, and `optimizer.state` of
recipes with a loop of their own."""

_NAME = re.compile(r"checkpoint-(\d+)")


def checkpoints(out: Path) -> Iterator[tuple[int, Path]]:
    """(step, folder) of those in a folder, in order of steps, half ones too."""
    found = ((_NAME.fullmatch(path.name), path) for path in out.glob("checkpoint-*"))
    yield from sorted((int(match[1]), path) for match, path in found if match and path.is_dir())


def state_of(checkpoint: Path) -> dict[str, Any]:
    """What the Trainer noted of itself; empty where that cannot be read."""
    try:
        found = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_complete(checkpoint: Path) -> bool:
    """Whether it was written to its end: the Trainer's state can be read, and each file of weights
    is as long as its header says."""
    weights = list(checkpoint.glob("*.safetensors"))
    return bool(weights and state_of(checkpoint)) and all(map(_is_whole, weights))


def _is_whole(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            return True
    except (OSError, SafetensorError):
        return False


def latest(out: Path, needed: Collection[str]) -> Path | None:
    """The checkpoint to go on from: the last that is complete and holds the files that needs.

    Half ones, left by a process that was killed while it wrote, are deleted.
    """
    found = None
    for _, path in checkpoints(out):
        if not is_complete(path):
            shutil.rmtree(path)
        elif all((path / name).is_file() for name in needed):
            found = path
    return found


def stays(step: int, save_every: int) -> bool:
    """Whether a checkpoint at this step was asked for.

    >>> [stays(step, 20) for step in (10, 20)], stays(20, 0)
    ([False, True], False)
    """
    return save_every > 0 and step % save_every == 0


def clear(out: Path, save_every: int, before: int) -> None:
    """Deletes the checkpoints of earlier steps that nobody asked for."""
    for step, path in checkpoints(out):
        if step < before and not stays(step, save_every):
            # the state goes first, so that one half deleted is not taken for a whole one
            (path / STATE).unlink(missing_ok=True)
            shutil.rmtree(path)


def finish(out: Path, save_every: int) -> None:
    """What a finished training leaves: checkpoints that were asked for, as models alone."""
    for step, path in checkpoints(out):
        if not stays(step, save_every):
            clear(out, save_every, before=step + 1)
            continue
        for name in RESUMING:
            (path / name).unlink(missing_ok=True)
