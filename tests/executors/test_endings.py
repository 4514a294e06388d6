"""However a run ends, no process of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.zoos import TinyZoo

MARK = "ZOO_TEST_MARK"


def marked(mark: str) -> set[int]:
    """Processes that were started with a mark in their environment, and live."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            state = path.with_name("stat").read_text().rpartition(")")[2].split()[0]
            if f"{MARK}={mark}".encode() in path.read_bytes().split(b"\0") and state != "Z":
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def none_left(mark: str, seconds: float) -> bool:
    """Whether all of them end within some time."""
    until = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.05)
    return not marked(mark)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")
@pytest.mark.parametrize(
    ("with_signal", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_run_that_is_ended_leaves_no_worker_and_goes_on_later(
    tiny_zoo: TinyZoo, with_signal: signal.Signals, status: int
) -> None:
    tiny_zoo.extra = "[prompting.instruction-tuned.gen_kwargs]\nmax_gen_toks = 40"
    words = ["run", "--progress", "json", "--device", "cpu", "--batch-size", "1"]
    command = tiny_zoo.command(*words, "--executor-args", "workers=2")
    with subprocess.Popen(
        [sys.executable, "-m", "zoo", *command],
        cwd=tiny_zoo.root,
        env={**os.environ, "OMP_NUM_THREADS": "1", MARK: str(tiny_zoo.root)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("{") and json.loads(line)["event"] == "requests":
                break
        before = marked(str(tiny_zoo.root))
        assert len(before) >= 4, "the run, the server and two workers"
        run.send_signal(with_signal)
        said = run.communicate(timeout=60)[1]
        assert run.returncode == status, said
    assert "Traceback" not in said
    assert none_left(str(tiny_zoo.root), 10)
    outcome, _ = tiny_zoo.run(batch_size=1)
    assert not outcome.failed
