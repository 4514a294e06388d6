"""Whose task files may run Python: a person's list of contents, kept in their own configuration.

A task file that names Python (`!function`) is code. One that came with stagezoo, with lm-eval or
with a plugin was installed as code; one from a folder that is merely named (`--include-path`) runs
only once somebody has read it and said so, and only as long as no byte of it changes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from zoo.errors import ConfigError
from zoo.task_code import code_hash
from zoo.tasks import Task

OUTSIDE = "include-path"
"""The origin of tasks that nobody installed."""

FORMAT = 1


def list_path() -> Path:
    """Where the list is kept."""
    import platformdirs

    return Path(platformdirs.user_config_dir("stagezoo")) / "trusted-tasks.json"


def trusted() -> Mapping[str, Mapping[str, str]]:
    """What is trusted: by hash, the task and its file as they were called, and since when.

    Raises ConfigError where the list cannot be read.
    """
    path = list_path()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise ConfigError(f"the list of trusted tasks {path} cannot be read: {problem}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ConfigError(f"{path} is no list of trusted tasks of this version; remove it")
    entries: Mapping[str, Mapping[str, str]] = found.get("tasks") or {}
    return entries


def trust(tasks: list[Task]) -> list[str]:
    """Adds tasks as they are now; their hashes. Earlier contents of a file are taken out."""
    paths = {str(task.path.resolve()) for task in tasks}
    kept = {key: row for key, row in trusted().items() if row.get("path") not in paths}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    added = {
        code_hash(task): {"task": task.name, "path": str(task.path.resolve()), "since": when}
        for task in tasks
    }
    _write({**kept, **added})
    return list(added)


def distrust(tasks: list[Task]) -> int:
    """Takes tasks out, whatever content of theirs was trusted; how many there were."""
    paths = {str(task.path.resolve()) for task in tasks}
    entries = trusted()
    kept = {key: row for key, row in entries.items() if row.get("path") not in paths}
    _write(kept)
    return len(entries) - len(kept)


def _write(entries: Mapping[str, Mapping[str, str]]) -> None:
    """Replaces the list in one step: another command may be reading it."""
    path = list_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "tasks": entries}, file, indent=1)
    os.replace(temporary, path)
