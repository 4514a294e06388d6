"""What is seen of a checkpoint's folder at one moment; nothing is judged here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.weights import stated_length

Stamp = tuple[int, int, int]
"""Size, time of the last change in nanoseconds, and inode of a file."""

_NUMBERED = re.compile(r"(?!\.|_|tmp)[^\s]*?(\d{1,15})", re.IGNORECASE)


@dataclass(frozen=True)
class Look:
    """A folder as it was.

    files: stamps by path from the folder. tables: what the JSON files at its top hold, those that
    can be read. lengths: bytes that each safetensors file at its top states; None where its header
    is not whole.
    """

    files: Mapping[str, Stamp]
    tables: Mapping[str, Any] = field(default_factory=dict)
    lengths: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def top(self) -> list[str]:
        """Names of the files at its top."""
        return [name for name in self.files if "/" not in name]

    @property
    def written(self) -> int:
        """When the last of its weights was written, in nanoseconds; 0 without any."""
        return max((self.files[name][1] for name in self.lengths), default=0)


def step_of(name: str) -> int | None:
    """The step that a checkpoint's folder is named after; None for another folder.

    >>> step_of("checkpoint-200"), step_of("global_step20"), step_of("7"), step_of("tmp-step-3")
    (200, 20, 7, None)
    """
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found else None


def checkpoints_in(folder: Path) -> dict[str, int]:
    """Folders that are named after a step, and their steps."""
    try:
        names = [each.name for each in os.scandir(folder) if each.is_dir()]
    except FileNotFoundError:
        return {}
    return {name: step for name in sorted(names) if (step := step_of(name)) is not None}


def stamps(folder: Path, *, below: bool = True) -> dict[str, Stamp]:
    """The files of a folder. What goes away meanwhile is not there.

    below: whether those of folders in it count too.
    """
    found = {}
    for place, folders, names in os.walk(folder):
        if not below:
            folders.clear()
        for path in (Path(place, name) for name in sorted(names)):
            with suppress(OSError):
                stat = path.stat()
                name = path.relative_to(folder).as_posix()
                found[name] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def look(folder: Path, *, below: bool = True) -> Look:
    """Looks at a folder, and reads what is small. below: as `stamps`."""
    files = stamps(folder, below=below)
    tables, lengths = dict[str, Any](), dict[str, int | None]()
    for name in files:
        if "/" not in name and name.endswith(".safetensors"):
            lengths[name] = None
            with suppress(OSError):
                lengths[name] = stated_length(folder / name)
        elif "/" not in name and name.endswith(".json"):
            with suppress(OSError, ValueError, RecursionError):
                tables[name] = json.loads((folder / name).read_text(encoding="utf-8"))
    return Look(files, tables, lengths)
