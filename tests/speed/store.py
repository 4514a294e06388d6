"""What the store costs: a journal's records, and verify, rebuild and query over many cells.

python tests/speed/store.py --cells 100000 --json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from store.recorded import MODEL, SUITE, keep, record

from zoo.fingerprints import digest
from zoo.maintenance import rebuild_index
from zoo.store import SCORES, Store
from zoo.store.journal import decode

RECORDS = 20_000
RUN = 1000
"""Cells of one run record."""


def seconds(act: Callable[[], Any]) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def journal(root: Path) -> dict[str, float]:
    """Records a second, flushed one by one, in batches of 32, once at the end; and read back."""
    store, rates = Store(root), {}
    value = {"text": "an answer of some forty characters or so", "n_tokens": 9}
    for name, every, count in (
        ("one by one", 1, RECORDS // 20),
        ("in batches of 32", 32, RECORDS),
        ("in one batch", RECORDS, RECORDS),
    ):
        key = digest(name)
        attempt = store.claim(key, count)
        assert attempt is not None
        with attempt:

            def write(attempt: Any = attempt, count: int = count, every: int = every) -> None:
                for number in range(count):
                    attempt.add(number, 0, value)
                    if number % every == every - 1:
                        attempt.flush()
                attempt.flush()

            rates[f"journal, {name}"] = count / seconds(write)
    (path,) = (root / "attempts").glob(f"*/{key}/*/journal")
    data = path.read_bytes()
    rates["journal, read"] = RECORDS / seconds(lambda: decode(data, key))
    return rates


def many(root: Path, cells: int) -> dict[str, float]:
    """Seconds for a store of many scored cells of four items, and what one cell costs."""
    store, found = Store(root), {}

    def fill() -> None:
        for run in range(0, cells, RUN):
            family = f"family-{run // RUN}"
            numbers = range(run, min(run + RUN, cells))
            models = [replace(MODEL, id=f"org/{number}", family=family) for number in numbers]
            kept = [keep(store, model=model) for model in models]
            store.add_run(record(f"{run:08}", *kept, suite=SUITE, family=family))

    found["write, each"] = seconds(lambda: [keep(store, value=n) for n in range(50)]) / 50
    together = [(digest(["together", n]), {"n": [n] * 4}, {}) for n in range(200)]
    found["write, each of many at once"] = seconds(lambda: store.put_all(SCORES, together)) / 200
    synced, os.fsync = os.fsync, lambda _: None  # the material is not what is measured
    try:
        fill()
    finally:
        os.fsync = synced
    for name, act in {
        "verify": store.verify,
        "rebuild": lambda: rebuild_index(store),
        "query, all cells": store.indexed,
        "query, one family": lambda: store.indexed(family="family-0"),
        "heads of all runs": store.heads,
        "read the newest run": lambda: next(store.records()),
        "read all runs": lambda: list(store.records()),
    }.items():
        before = time.process_time()
        found[name] = seconds(act)
        found[f"{name}, processor"] = time.process_time() - before
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: temporary)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rates = journal(Path(folder) / "journal")
        times = many(Path(folder) / "cells", args.cells)
    found = {"cpus": os.cpu_count(), "records/s": rates, "cells": args.cells, "seconds": times}
    if args.json:
        print(json.dumps(found, indent=1))
        return
    for name, rate in rates.items():
        print(f"{name:32} {rate:12,.0f} records/s")
    for name, each in times.items():
        print(f"{name:32} {each:12.4f} s ({args.cells:,} cells)")


if __name__ == "__main__":
    main()
