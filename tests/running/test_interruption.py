"""A run that is ended at any moment goes on where it was, to the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.zoos import TinyZoo, numbers

from zoo.recall import recall
from zoo.store import Store, leases


def start(zoo: TinyZoo) -> subprocess.Popen[str]:
    """`zoo run` in a process of its own, telling its events on stderr."""
    command = zoo.command("run", "--progress", "json", "--device", "cpu", "--batch-size", "1")
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", *command],
        cwd=zoo.root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end_in_the_middle(zoo: TinyZoo, results: int, with_signal: signal.Signals) -> int:
    """Ends a run in the middle of an answer after its nth result; returns its exit status."""
    with start(zoo) as run:
        assert run.stderr is not None
        done, asked = 0, False
        for line in run.stderr:
            event = json.loads(line) if line.startswith("{") else {"event": ""}
            done += event["event"] == "result"
            asked = done >= results and event["event"] == "requests"
            if asked:
                run.send_signal(with_signal)
                break
        assert asked, "the run ended before it could be interrupted"
        run.communicate()
        return run.returncode


def test_an_interrupted_and_a_killed_run_go_on_to_the_same_numbers(
    tiny_zoo: TinyZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what a killed run held is taken over at once, so that no test waits for it
    monkeypatch.setattr(leases, "STALE", 0.1)
    tiny_zoo.extra = "[prompting.instruction-tuned.gen_kwargs]\nmax_gen_toks = 40"
    assert end_in_the_middle(tiny_zoo, 2, signal.SIGINT) == 130
    store = Store(tiny_zoo.root / "results")
    assert store.verify() == []
    finished = len(list(store.keys("scores")))
    assert finished >= 1
    assert end_in_the_middle(tiny_zoo, 2, signal.SIGKILL) == -signal.SIGKILL
    assert store.verify() == []
    kept = len(list(store.keys("scores")))
    assert kept > finished
    left = list(Store(tiny_zoo.root / "results").attempts.cells())
    assert left
    outcome, _ = tiny_zoo.run(batch_size=1)
    assert not outcome.failed
    assert list(Store(tiny_zoo.root / "results").attempts.cells()) == []
    assert sum(r.reused for r in outcome.results) >= kept
    (tiny_zoo.root / "results").rename(tmp_path / "before")
    again, _ = tiny_zoo.run(batch_size=1)
    assert numbers(again) == numbers(outcome)
    assert len(recall(Store(tmp_path / "before")).results) == len(outcome.results)


@pytest.mark.parametrize("size", [3000])
def test_a_full_disk_ends_the_command_with_one_sentence(tiny_zoo: TinyZoo, size: int) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = tiny_zoo.command("run", "--progress", "none", "--device", "cpu")
    done = subprocess.run(
        [sys.executable, "-m", "zoo", *command],
        cwd=tiny_zoo.root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr
    assert "make room and run again" in done.stderr
    assert "Traceback" not in done.stderr
    outcome, _ = tiny_zoo.run()
    assert not outcome.failed
