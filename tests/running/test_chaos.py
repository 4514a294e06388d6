"""Whole runs are killed at random points: nothing that was kept is lost, asked again or changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "kills", [200, pytest.param(600, marks=pytest.mark.chaos)], ids=["some", "many"]
)
def test_killed_runs_lose_nothing_that_was_kept_and_come_to_the_same_answers(
    kills: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "running.chaos", str(tmp_path), str(kills), "0"],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS / "plugins")]),
        },
        capture_output=True,
        text=True,
        timeout=180 + kills * 3,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stdout)  # where they struck, with -s
    lanes = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(lane["killed"] for lane in lanes) == kills
    struck = Counter[str]()
    for lane in lanes:
        struck.update(lane["struck"])
    assert struck.total() == kills
    assert sum(count for place, count in struck.items() if place.startswith("worker")) >= kills / 20
    assert len(struck) >= 8, "they strike at every stage of a run"
    # among so many, some fall between an answer and its keeping
    assert any(lane["asked again"] for lane in lanes)
