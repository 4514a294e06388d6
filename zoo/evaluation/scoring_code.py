"""The Python that may score a task, by its bytes."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.fingerprints import file_digest
from zoo.task_code import followed


def code_of(path: Path, config: Mapping[str, Any]) -> list[list[str]]:
    """Name and hash of every Python file in a task's own folder, since any of them may score it, of
    the files of the functions it names, and of what these import from beside them."""
    begin = []
    for function in _functions(config):
        with contextlib.suppress(TypeError):
            if (file := inspect.getsourcefile(inspect.unwrap(function))) is not None:
                begin.append(Path(file).resolve())
    files = followed(begin, path.parent.resolve())
    return sorted([file.name, file_digest(file)] for file in files)


def _functions(value: Any) -> Iterator[Any]:
    """Every function or class inside a task's configuration."""
    if callable(value):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _functions(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _functions(each)
