"""Programs for other processes: `python writers.py PROGRAM FOLDER`, the programs named below.

Children are forked before pyarrow has threads, so that twenty of them cost little.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pandas  # noqa: F401 - loaded once, before the forks, as pyarrow would at its first table
import pyarrow.parquet  # noqa: F401

from zoo.fingerprints import digest
from zoo.store import RESPONSES, SCORES, Store, leases

ROWS = 500
ANSWERS = 60


def columns(number: int) -> dict[str, list[Any]]:
    """A table that is told from another by its number."""
    return {"text": [f"{number} {row}" for row in range(ROWS)], "n": [number] * ROWS}


def killed(root: Path) -> None:
    """Kills twenty writers at random points; prints every key whose `put` had returned."""
    dice = random.Random(0)
    for life in range(20):
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            store = Store(root)
            for number in range(1000):
                key = digest([life, number])
                store.put(SCORES, key, columns(number), {"number": number})
                os.write(writing, f"{key} {number}\n".encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as said:
            began = time.monotonic()
            first = said.readline()
            time.sleep(dice.uniform(0, 2) * (time.monotonic() - began))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sys.stdout.write(first + said.read())


def together(root: Path) -> None:
    """Eight writers of other content under one key at one moment; prints what each then had."""
    start = time.time() + 0.2
    children = []
    for number in range(8):
        if (child := os.fork()) == 0:
            store = Store(root)
            time.sleep(max(0.0, start - time.time()))
            table, summary = store.put(SCORES, digest("one"), columns(number), {"number": number})
            # one write for one line: the eight share the pipe
            os.write(sys.stdout.fileno(), f"{summary['number']} {digest(dict(table))}\n".encode())
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


def answer(number: int) -> dict[str, str]:
    """What a deterministic model says to a request."""
    return {"text": f"answer {number} " + "x" * (number % 50)}


def work(store: Store, key: str, pace: float, told: int) -> None:
    """Brings a cell to its end as a run does; tells what it computed and what is on the disk."""
    while store.get(RESPONSES, key) is None:
        attempt = store.claim(key, ANSWERS)
        if attempt is None:
            time.sleep(0.005)
            continue
        with attempt:
            if store.get(RESPONSES, key) is not None:
                return
            answers = {n: samples[0] for n, samples in attempt.known.answers.items()}
            for number in (n for n in range(ANSWERS) if n not in attempt.known.answers):
                time.sleep(pace)
                answers[number] = answer(number)
                attempt.add(number, 0, answers[number])
                os.write(told, f"computed {number}\n".encode())
                if number % 3 == 0:
                    attempt.flush()
                    os.write(told, f"kept {number}\n".encode())
            texts = [answers[number]["text"] for number in range(ANSWERS)]
            store.put(RESPONSES, key, {"text": texts}, {})


def attempted(root: Path) -> None:
    """Kills a hundred writers, ten on each cell; prints what each had been told. The tenth on
    every other cell is left alone."""
    leases.BEAT, leases.STALE = 0.002, 0.02
    dice = random.Random(1)
    store = Store(root)
    for life in range(100):
        key = digest(f"cell {life // 10}")
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            work(store, key, 0.0005, writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as said:
            if life % 20 != 9:
                time.sleep(dice.uniform(0, 0.04))
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            for line in said.read().splitlines():
                print(life // 10, line, flush=True)


def contend(root: Path) -> None:
    """Eight writers on one cell at one moment; prints what each of them computed."""
    leases.BEAT, leases.STALE = 0.2, 10.0
    store = Store(root)
    start = time.time() + 0.2
    children = []
    for _ in range(8):
        if (child := os.fork()) == 0:
            time.sleep(max(0.0, start - time.time()))
            work(store, digest("one"), 0.002, sys.stdout.fileno())
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    programs = {each.__name__: each for each in (killed, together, attempted, contend)}
    programs[sys.argv[1]](Path(sys.argv[2]))
