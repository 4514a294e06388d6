"""`zoo trust`: which task files from outside may run their Python."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError


def register(verbs: Any) -> None:
    """Adds `trust`."""
    parser = verbs.add("trust", "let a task file from outside run the Python it names", run)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a task file or folder")
    parser.add_argument("--revoke", action="store_true", help="take the trust back")
    parser.add_argument("--json", action="store_true", help="a list of objects")


def run(args: argparse.Namespace) -> int:
    """Trusts what is named as it is now, or lists what is trusted."""
    from zoo.trust import distrust, trust, trusted

    if not args.files:
        _print([{"name": row["task"], "hash": key, **row} for key, row in trusted().items()], args)
        return 0
    tasks = [task for path in args.files for task in _tasks(path)]
    if args.revoke:
        print(f"{distrust(tasks)} contents are trusted no longer", file=sys.stderr)
        return 0
    from zoo.task_code import code_files, runs_code

    coded = [task for task in tasks if runs_code(task)]
    for task in tasks:
        if task not in coded:
            print(f"{task.name} ({task.path}) runs no Python: nothing to trust", file=sys.stderr)
    rows = [
        {
            "name": task.name,
            "hash": key,
            "path": str(task.path),
            "files": [str(path) for path in code_files(task)],
        }
        for task, key in zip(coded, trust(coded) if coded else [], strict=True)
    ]
    _print(rows, args)
    return 0


def _tasks(path: Path) -> list[Any]:
    from zoo.tasks import Problem, Task, read_task, task_files

    if not path.exists():
        raise ConfigError(f"there is no {path}; name a task file or a folder of them")
    found = []
    for file in task_files(path) if path.is_dir() else [path]:
        task = read_task(file)
        if isinstance(task, Problem):
            raise ConfigError(f"nothing was trusted: {task}")
        if isinstance(task, Task):
            found.append(task)
    if not found:
        raise ConfigError(f"{path} holds no task; name a file that ends in .yaml")
    return found


def _print(rows: list[dict[str, Any]], args: argparse.Namespace) -> None:
    from zoo.reporting.text import clean

    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        print(clean(f"trusted {row['name']} {row['hash'][:12]} {row['path']}"))
        for file in row.get("files", ()):
            print(clean(f"  runs {file}"))
