"""Runs the programs of writers.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def writers(program: str, root: Path) -> list[list[str]]:
    """The lines a program of writers.py prints, as words."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("writers.py")), program, str(root)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return [line.split() for line in done.stdout.splitlines()]
