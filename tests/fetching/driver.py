"""Commands of `zoo` in one process, with damage done to the caches between them.

Reads a JSON list of steps from stdin: {"folder", "argv"} runs a command, {"damage", "how"} changes
every file that matches a pattern below HF_HOME (flip: a byte in its middle; cut: half of it), and
{"free"} is how many bytes every disk has free from then on.
Prints a JSON list with [status, stdout, stderr] of each command.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from pathlib import Path

from zoo.cli import main

DISK = shutil.disk_usage("/")


def damage(pattern: str, how: str) -> None:
    found = [path for path in Path(os.environ["HF_HOME"]).glob(pattern) if path.is_file()]
    assert found, f"nothing is at {pattern}: {said[-2:]}"
    for path in found:
        data = bytearray(path.read_bytes())
        if how == "flip":
            data[len(data) // 2] ^= 1
        path.resolve().write_bytes(data if how == "flip" else data[: len(data) // 2])


def say(folder: str, argv: list[str]) -> tuple[object, str, str]:
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status: object = main(argv)
        except SystemExit as end:
            status = end.code
    return status, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    said = []
    for step in json.load(sys.stdin):
        if "free" in step:
            shutil.disk_usage = lambda _, free=step["free"]: DISK._replace(free=free)
        elif "damage" in step:
            damage(step["damage"], step["how"])
        else:
            said.append(say(step["folder"], step["argv"]))
    print(json.dumps(said), file=sys.__stdout__)
