"""The Python that a task file may run, read without running it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo.fingerprints import digest, file_digest
from zoo.tasks import FUNCTION, Task, texts


def runs_code(task: Task) -> bool:
    """Whether reading the task file as lm-eval reads it runs Python that it names."""
    return "class" in task.config or any(text.startswith(FUNCTION) for text in texts(task.config))


def code_hash(task: Task) -> str:
    """Of what the file says, its includes merged, and of each file of Python that may run."""
    return digest([task.config, [[path.name, file_digest(path)] for path in code_files(task)]])


def code_files(task: Task) -> list[Path]:
    """Python in the task's own folder, that it names elsewhere below, and what these import from
    beside them; sorted. Installed packages are not among them."""
    folder = task.path.parent.resolve()
    modules = (
        text.removeprefix(FUNCTION).rpartition(".")[0]
        for text in texts(task.config)
        if text.startswith(FUNCTION)
    )
    named = (folder / (module.replace(".", "/") + ".py") for module in modules)
    return sorted(followed([path for path in named if path.is_file()], folder))


def followed(begin: Iterable[Path], folder: Path) -> set[Path]:
    """Every Python file in a folder, those to begin with, and what they import from beside them."""
    waiting = [*folder.glob("*.py"), *begin]
    files: set[Path] = set()
    while waiting:
        if (here := waiting.pop().resolve()) not in files:
            files.add(here)
            if here.is_relative_to(folder):
                waiting.extend(_imported(here, folder))
    return files


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
