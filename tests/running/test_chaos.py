"""Whole runs are killed at random points: nothing that was kept is lost, asked again or changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "kills", [20, pytest.param(400, marks=pytest.mark.chaos)], ids=["some", "many"]
)
def test_killed_runs_lose_nothing_that_was_kept_and_come_to_the_same_answers(
    kills: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("chaos.py")), str(tmp_path), str(kills), "0"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=kills * 10,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(each["killed"] for each in rounds) == kills
    if kills > 100:  # among so many, some fall between an answer and its keeping
        assert any(each["asked again"] for each in rounds)
