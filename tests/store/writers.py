"""Programs for other processes: `python writers.py killed|together FOLDER`.

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
from zoo.store import SCORES, Store

ROWS = 500


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


if __name__ == "__main__":
    {"killed": killed, "together": together}[sys.argv[1]](Path(sys.argv[2]))
