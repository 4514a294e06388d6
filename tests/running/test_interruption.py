"""A run that is ended at any moment goes on where it was, to the same numbers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.zoos import TinyZoo, numbers

from zoo.interruption import QUIET, Stop, Stopped, stopping
from zoo.liveness import sightings
from zoo.progress import Tally
from zoo.recall import recall
from zoo.store import Store, leases
from zoo.waves import UNASKED


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


def end_in_the_middle(zoo: TinyZoo, results: int, with_signal: signal.Signals) -> tuple[int, str]:
    """Ends a run in the middle of an answer after its nth result; its status and last words."""
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
        _, said = run.communicate()
        return run.returncode, said


def midway(tally: Tally, stop: Stop) -> None:
    """A model is asked ten requests and has answered none."""
    facts = {"family": "f", "suite": "s", "cells": 1, "reused": 0, "failed": 0, "by_model": []}
    for name, more in (("start", facts), ("cell", {"model": "a", "name": "a", "requests": 10})):
        tally(name, more)
        stop(name, more)


def answer(tally: Tally, stop: Stop, done: int) -> None:
    tally("requests", {"done": done})
    stop("requests", {"done": done})


def forward_pass() -> None:
    """Something that takes long and can be left."""
    for _ in range(400):
        time.sleep(0.01)


def test_ctrl_c_lets_the_batch_at_work_be_answered_and_leaves_the_next() -> None:
    tally, said = Tally(), []
    stop = Stop(tally, said.append)

    def ask() -> None:
        midway(tally, stop)
        signal.raise_signal(signal.SIGINT)
        time.sleep(3 * QUIET)  # the batch at work takes its time
        for _ in range(4):
            answer(tally, stop, 1)
        forward_pass()
        pytest.fail("the next batch was waited for")

    with stopping(stop), pytest.raises(Stopped):
        ask()
    assert tally.now().done == 4
    assert len(said) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_call_that_is_answered_whole_is_kept_before_the_run_ends() -> None:
    tally, kept = Tally(), []
    stop = Stop(tally)

    def ask() -> None:
        midway(tally, stop)
        signal.raise_signal(signal.SIGTERM)
        answer(tally, stop, 10)
        time.sleep(3 * QUIET)
        kept.append("all ten")
        stop("result", {"status": "scored"})

    with stopping(stop), pytest.raises(Stopped):
        ask()
    assert kept


def test_a_second_ctrl_c_stops_at_once_and_so_does_the_first_while_nothing_is_asked() -> None:
    tally = Tally()
    with stopping(Stop(tally)), pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)
    stop = Stop(tally)
    with stopping(stop):
        midway(tally, stop)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_and_a_killed_run_go_on_to_the_same_numbers(
    tiny_zoo: TinyZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what a killed run held is taken over at once, so that no test waits for it
    monkeypatch.setattr(leases, "STALE", 0.1)
    tiny_zoo.extra = "[prompting.instruction-tuned.gen_kwargs]\nmax_gen_toks = 40"
    status, said = end_in_the_middle(tiny_zoo, 2, signal.SIGTERM)
    assert status == 130, said
    assert "go on with: zoo run --progress json" in said
    store = Store(tiny_zoo.root / "results")
    assert store.verify() == []
    (record,) = store.records()
    assert len(record.cells) == 18
    unasked = [cell for cell in record.cells if cell.error == UNASKED]
    assert {cell.status for cell in record.cells} == {"scored", "failed"}
    assert [cell for cell in record.cells if cell.status == "failed"] == unasked
    assert [each.status for each in sightings(store.root)] == ["interrupted"]
    finished = len(list(store.keys("scores")))
    assert finished >= 1
    status, _ = end_in_the_middle(tiny_zoo, 2, signal.SIGKILL)
    assert status == -signal.SIGKILL
    seen = [each.status for each in sightings(store.root, patience=1.5)]
    assert seen == ["interrupted", "silent"]
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
