"""Many commands of `zoo` in one process of their own, as a client of some Hub."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = """
import contextlib, io, json, os, sys
from zoo.cli import main
said = []
for folder, argv in json.load(sys.stdin):
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(argv)
        except SystemExit as end:
            status = end.code
    said.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(said), file=sys.__stdout__)
"""


@dataclass(frozen=True)
class Said:
    """What one command ended with."""

    status: int
    out: str
    err: str


def say(
    commands: Sequence[tuple[Path, Sequence[str]]], environment: Mapping[str, str]
) -> list[Said]:
    """Runs commands one after another, each in its folder, under an environment."""
    given = json.dumps([[str(folder), list(argv)] for folder, argv in commands])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=given,
        env={**environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Said(*each) for each in json.loads(done.stdout.splitlines()[-1])]
