"""lm-eval's own tasks and groups: their files, what a group holds, and how it becomes one number.

Only the files that a group names are read. lm-eval's own index, which parses every one of its
14,000 files, takes six seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import BenchmarkError, did_you_mean
from zoo.tasks import Problem, Task, read_plain, read_task

ORIGIN = "lm-eval"

GROUP_KEYS = frozenset(
    "group group_alias task aggregate_metric_list metadata version include tag".split()
)
"""Keys of a group's file that say nothing of how its tasks are asked."""

_NAME = re.compile(rb"""^["']?(?:task|group)["']?\s*:\s*["']?([^\s"'#]+)["']?\s*$""", re.MULTILINE)


@lru_cache(maxsize=1)
def lm_eval_files() -> dict[str, Path]:
    """Files of lm-eval's own tasks and groups, by name; {} where lm-eval is not installed.

    Only the lines that name a task are looked at: a quarter of a second for 14,000 files, where
    lm-eval's own index takes five.
    """
    spec = find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        return {}
    found: dict[str, Path] = {}
    for path in sorted((Path(spec.submodule_search_locations[0]) / "tasks").glob("**/*.yaml")):
        for name in _NAME.findall(path.read_bytes()):
            found.setdefault(name.decode("utf-8", "replace"), path)
    return found


@dataclass(frozen=True)
class Group:
    """A group and every task below it.

    leaves: tasks in lm-eval's order, those of nested groups among them, each once.
    weight_by_size: by metric, whether lm-eval weights the tasks by their number of items.
    """

    name: str
    leaves: tuple[Task, ...]
    weight_by_size: Mapping[str, bool]


def is_group(name: str) -> bool:
    """Whether one of lm-eval's groups has this name."""
    path = lm_eval_files().get(name)
    return path is not None and _tasks_of(_config(path)) is not None


@lru_cache(maxsize=256)
def read_group(name: str) -> Group:
    """One of lm-eval's groups. Raises BenchmarkError where it is none or cannot be used whole."""
    files = lm_eval_files()
    if name not in files:
        near = did_you_mean(name, files)
        raise BenchmarkError(f"lm-eval has no group {name!r}{near}")
    config = _config(files[name])
    if _tasks_of(config) is None:
        raise BenchmarkError(f"{name!r} is a task, no group of tasks")
    leaves = {task.name: task for task in _leaves(name, {})}
    return Group(name, tuple(leaves.values()), _weighting(config))


def _leaves(name: str, overrides: Mapping[str, Any]) -> Iterator[Task]:
    """The tasks that a name of lm-eval's stands for: its own, its group's, or its tag's."""
    path = lm_eval_files().get(name)
    if path is None:
        names = tagged().get(name, ())
        if not names:
            raise BenchmarkError(f"lm-eval has no task, group or tag {name!r}")
        for each in names:
            yield from _leaves(each, overrides)
        return
    config = _config(path)
    children = _tasks_of(config)
    if children is None:
        yield _leaf(name, path, overrides)
        return
    own = {key: value for key, value in config.items() if key not in GROUP_KEYS}
    for child in children:
        if not isinstance(child, str):
            raise BenchmarkError(
                f"the group {name!r} asks its tasks in other ways than their files say; "
                "name the tasks themselves"
            )
        yield from _leaves(child, {**own, **overrides})


def _leaf(name: str, path: Path, overrides: Mapping[str, Any]) -> Task:
    found = read_task(path, ORIGIN)
    if isinstance(found, Problem) or found is None:
        raise BenchmarkError(str(found or f"{path}: no task"))
    changed = [key for key, value in overrides.items() if found.config.get(key) != value]
    if changed:
        raise BenchmarkError(
            f"a group changes {' and '.join(map(repr, changed))} of the task {name!r}; "
            "name the task itself"
        )
    return found


def _tasks_of(config: Mapping[str, Any]) -> list[Any] | None:
    """What a group holds; None for a task."""
    tasks = config.get("task")
    return tasks if "group" in config and isinstance(tasks, list) else None


def _weighting(config: Mapping[str, Any]) -> dict[str, bool]:
    """lm-eval's weight_by_size by metric, true where a group aggregates and does not say."""
    said = config.get("aggregate_metric_list") or []
    return {
        str(each["metric"]): bool(each.get("weight_by_size", True))
        for each in (said if isinstance(said, list) else [said])
    }


@lru_cache(maxsize=512)
def _config(path: Path) -> Mapping[str, Any]:
    found = read_plain(path)
    if isinstance(found, Problem):
        raise BenchmarkError(str(found))
    return found


_KEY = rb"""^["']?%s["']?[ \t]*:[ \t]*(.*(?:\n[ \t]*-[ \t].*)*)"""
_GROUP, _TAG, _INCLUDE = (
    re.compile(_KEY % name, re.MULTILINE) for name in (b"group", b"tag", b"include")
)


@lru_cache(maxsize=1)
def tagged() -> Mapping[str, tuple[str, ...]]:
    """Names of the tasks that carry each tag, sorted as lm-eval builds them.

    Only the lines of three keys are looked at; a tag may stand in a file that is included.
    """
    found: dict[str, set[str]] = {}
    for name, path in lm_eval_files().items():
        for tag in _tags(path):
            found.setdefault(tag, set()).add(name)
    return {tag: tuple(sorted(names)) for tag, names in found.items()}


@cache
def _tags(path: Path) -> tuple[str, ...]:
    """Tags of a task's file or, where it has no such key, of the last file it includes that has."""
    data = path.read_bytes() if path.is_file() else b""
    if _GROUP.search(data):
        return ()  # lm-eval gives tags to tasks alone
    if (said := _TAG.search(data)) is not None:
        return _names(said[1])
    if (included := _INCLUDE.search(data)) is None:
        return ()
    tags = [_tags((path.parent / each).resolve()) for each in _names(included[1])]
    return next((each for each in reversed(tags) if each), ())


@cache
def _names(value: bytes) -> tuple[str, ...]:
    """A name or a list of names, as YAML writes them."""
    read = yaml.safe_load(value)
    return tuple(map(str, read)) if isinstance(read, list) else (str(read),) if read else ()
