"""The Python that may score a task, by its bytes."""

from __future__ import annotations

import ast
import contextlib
import inspect
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.fingerprints import file_digest


def code_of(path: Path, config: Mapping[str, Any]) -> list[list[str]]:
    """Name and hash of every Python file in a task's own folder, since any of them may score it, of
    the files of the functions it names, and of what these import from beside them."""
    folder = path.parent.resolve()
    waiting = list(folder.glob("*.py"))
    for function in _functions(config):
        with contextlib.suppress(TypeError):
            if (file := inspect.getsourcefile(inspect.unwrap(function))) is not None:
                waiting.append(Path(file).resolve())
    files: set[Path] = set()
    while waiting:
        if (here := waiting.pop()) not in files:
            files.add(here)
            if here.is_relative_to(folder):
                waiting.extend(_imported(here, folder))
    return sorted([file.name, file_digest(file)] for file in files)


def _imported(file: Path, folder: Path) -> Iterator[Path]:
    """Files that a Python file imports from beside itself or from the task's folder; a folder
    below is followed only where it is named, since a whole virtual environment may lie there."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # lm-eval says so where it is asked to run it
    for node in ast.walk(tree):
        names: list[str] = []
        places = [file.parent, folder]
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [".".join(filter(None, (node.module, each.name))) for each in node.names]
            if node.level:
                places = list(file.parents[node.level - 1 : node.level])
        for place, name in itertools.product(places, names):
            here = place
            for part in name.split("."):
                here = here / part
                for found in (here.with_suffix(".py"), here / "__init__.py"):
                    if found.is_file():
                        yield found.resolve()


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
