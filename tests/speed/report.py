"""How long it takes from stored items to a written page: `zoo report --output page.html`.

    python tests/speed/report.py [--stages 5] [--benchmarks 20] [--items 10000] [--protocols 1]
        [--profile FILE] [--json]

A store is filled with cells whose items are made up, half multiple choice and half written, with
answers and prompts as texts. Filling it is not timed. The command is the one that people type, in
a process of its own; what is measured is that process: processor time of all its threads, wall
time, peak memory. For "on 2 cores": OMP_NUM_THREADS=2 taskset -c 0,1 python tests/speed/report.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from analysis import lineage, result_of, suite_of

from zoo.evaluation.scoring import prompt_hash
from zoo.models import Model
from zoo.questions import Question, keep_questions
from zoo.results import PROTOCOLS, Item, RecordedCell, Result, RunRecord
from zoo.store import SCORES, Store
from zoo.structuring import plain

WORDS = "the of a model answers question because stage gained lost seven river grammar".split()


def fill(root: Path, stages: int, benchmarks: int, items: int, protocols: int) -> int:
    """A store with one run of a made-up family; returns how many items it holds."""
    store, suite = Store(root), suite_of(benchmarks)
    cells, total = [], 0
    for place, model in enumerate(lineage(stages)):
        for benchmark in suite.benchmarks:
            for protocol in PROTOCOLS[:protocols]:
                made = result_of(model, place, benchmark, protocol, items, clustered=False)
                worded = _worded(made, place, protocol)
                total += len(worded.items)
                cells.append(_keep(store, worded, model, protocol))
    store.add_run(
        RunRecord(
            "20260101T000000.000000Z-000000", "made-up", plain(suite), "2026-01-01T00:00:00",
            {"dtype": "float32", "loader": "torch", "seed": 1234, "limit": None}, tuple(cells),
        )
    )  # fmt: skip
    return total


def _worded(result: Result, place: int, protocol: str) -> Result:
    """The same cell with a text for each answer, and the hash of each prompt."""
    task = result.spec.benchmark.task
    items = tuple(
        replace(
            item,
            response=" ".join(WORDS[(at * 7 + place + step) % len(WORDS)] for step in range(9)),
            prompt_hash=prompt_hash([_prompt(task, protocol, at)]),
        )
        for at, item in enumerate(result.items)
    )
    return replace(result, items=items)


def _prompt(task: str, protocol: str, at: int) -> str:
    return f"{protocol}: {WORDS[at % len(WORDS)]}, question {at} of {task}?\nAnswer:"


def _keep(store: Store, result: Result, model: Model, protocol: str) -> RecordedCell:
    task = result.spec.benchmark.task
    key = prompt_hash([model.id, task, protocol]) * 4
    asked = prompt_hash([task, protocol]) * 4
    columns = {
        name: [getattr(item, name) for item in result.items] for name in Item.__dataclass_fields__
    }
    summary = {"scores": plain(result.scores), "provenance": plain(result.provenance)}
    store.put(SCORES, key, columns, summary)
    prompts = (_prompt(task, protocol, at) for at in range(len(result.items)))
    questions = ((prompt_hash([p]), Question((p,))) for p in prompts)
    keep_questions(store, [(asked, questions)])
    return RecordedCell(result.spec, "scored", key, key, questions=asked)


def main() -> None:
    """Prints what the command took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, default=5)
    parser.add_argument("--benchmarks", type=int, default=20)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--protocols", type=int, default=1, choices=(1, 2))
    parser.add_argument("--store", type=Path, help="a store that an earlier call filled")
    parser.add_argument("--profile", type=Path, help="write cProfile's statistics there")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stagezoo-") as scratch:
        root = args.store or Path(scratch) / "store"
        if not (root / "FORMAT").is_file():
            fill(root, args.stages, args.benchmarks, args.items, args.protocols)
        page = Path(scratch) / "page.html"
        profiled = ["-m", "cProfile", "-o", str(args.profile)] if args.profile else []
        words = [
            sys.executable, *profiled, "-m", "zoo", "report", "--no-plugins",
            "--store", str(root), "--output", str(page),
        ]  # fmt: skip
        started = time.monotonic()
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL, cwd=scratch)
        seconds = time.monotonic() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = {
            "items": args.stages * args.benchmarks * args.items * args.protocols,
            "seconds": round(seconds, 1),
            "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
            "peak_mebibytes": used.ru_maxrss // 1024,
            "page_megabytes": round(page.stat().st_size / 1e6, 1),
            "cores": len(os.sched_getaffinity(0)),
            "machine": platform.processor() or platform.machine(),
        }
    print(json.dumps(found) if args.json else "\n".join(f"{k}: {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
