"""A family on one worker and on several: wall time, and how many cores are at work.

    python tests/speed/executors.py [--models 8] [--size 25m] [--subjects 6] [--docs 40]
        [--workers 1 2 4] [--rounds 1] [--threads N] [--json]

Random fp32 Llama models of one tokenizer on multiple choice with five examples, both protocols:
eight models are asked twelve cells each. Each run is a process of its own with a store of its own,
from start to end, table and report included. One worker is the process itself, with all cores;
several are processes with a share of the cores each. Scores must be equal up to rounding: another
number of threads sums in another order.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import lineage
import material


def write_models(root: Path, count: int, size: str) -> None:
    """Instruction-tuned checkpoints, so that their two protocols ask in different ways."""
    tokenizer = material.tokenizer()
    tokenizer.chat_template = lineage.CHAT_TEMPLATE
    for number in range(count):
        material.model(size, seed=number).save_pretrained(root / f"m{number}")
        tokenizer.save_pretrained(root / f"m{number}")
    tokenizer.chat_template = None


def write_zoo(root: Path, count: int, tasks: list[str]) -> None:
    """zoo.toml: the family and its suite."""
    models = [
        f'{{ id = "./m{number}", regime = "instruction-tuned", base_model = "./m0" }}'
        if number
        else '{ id = "./m0", regime = "instruction-tuned" }'
        for number in range(count)
    ]
    benchmarks = [f'{{ task = "{task}", metric = "acc", num_fewshot = 5 }}' for task in tasks]
    (root / "zoo.toml").write_text(
        '[families.speed]\nsuite = "speed"\nmodels = [\n  ' + ",\n  ".join(models) + "\n]\n"
        "[suites.speed]\nbenchmarks = [\n  " + ",\n  ".join(benchmarks) + "\n]\n"
    )


def cpu_seconds() -> float:
    """What processes that were waited for, and theirs, have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def largest_difference(one: dict[Any, Any], other: dict[Any, Any]) -> float:
    """Of two runs' accuracies."""
    assert one.keys() == other.keys()
    return max(
        abs(value - other[run][task]) for run, found in one.items() for task, value in found.items()
    )


def main() -> None:
    """Times the runs and prints them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--size", choices=material.SIZES, default="25m")
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--docs", type=int, default=40)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, help="of torch, at most, in each process")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    runs: dict[int, list[dict[str, float]]] = {workers: [] for workers in args.workers}
    scores = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_models(root, args.models, args.size)
        tasks = lineage.write_tasks(root / "tasks", args.subjects, args.docs)
        write_zoo(root, args.models, tasks)
        for number in range(args.rounds):
            for workers in args.workers:
                store = f"store-{workers}-{number}"
                command = [sys.executable, "-m", "zoo", "run", "speed", "--progress", "none"]
                command += ["--include-path", "tasks", "--device", "cpu", "--store", store]
                command += ["--executor-args", f"workers={workers}"]
                before = cpu_seconds()
                wall, _ = lineage.timed(command, root, args.threads)
                cpu = cpu_seconds() - before
                runs[workers].append({"wall_s": round(wall, 1), "cores": round(cpu / wall, 2)})
                scores[workers] = lineage.accuracies(root, store)
    first = args.workers[0]
    found = {
        "machine": material.machine() | {"threads": args.threads or "default"},
        "cells": args.models * args.subjects * 2,
        "runs": runs,
        "largest difference of an accuracy": max(
            largest_difference(scores[first], each) for each in scores.values()
        ),
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{args.models} models ({args.size}), {found['cells']} cells; {found['machine']}")
    rows = [
        (f"{workers} workers", "; ".join(f"{r['wall_s']} s on {r['cores']} cores" for r in taken))
        for workers, taken in runs.items()
    ]
    print(material.table(rows))
    print(f"accuracies differ by at most {found['largest difference of an accuracy']:.4f}")


if __name__ == "__main__":
    main()
