"""A family on one worker and on several: wall time, loads, cores at work, the store's share.

    python tests/speed/executors.py [--models 8] [--size 25m] [--subjects 6] [--docs 40]
        [--workers 1 2 4] [--rounds 1] [--threads N] [--embedded] [--json]

Random fp32 Llama models of one tokenizer on multiple choice with five examples, both protocols:
eight models are asked twelve cells each. Each run is a process of its own with a store of its own,
from start to end, table and report included. One worker is the process itself, with all cores;
several are processes with a share of the cores each. Scores must be equal up to rounding: another
number of threads sums in another order. --embedded: the family `nano` instead.

busy: the processor's seconds from a worker's first load to its last finished cell, of the cores
that all workers had from the first load to the last cell. store: the seconds that a run would be
shorter at most if calls of the store took none: those of its own process, and of its workers on
average, as a share of its wall time; the time that they waited for the disk is in it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

import lineage
import material
from guesthouse import Guests
from tabulate import tabulate


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


def install_clock(root: Path) -> None:
    """The plugin that measures is found by every process from here on."""
    guests = Guests(root / "guests")
    guests.add("zoo-clock", Path(__file__).with_name("clock.py").read_text())
    paths = [str(guests.folder), os.environ.get("PYTHONPATH", "")]
    os.environ.update(
        PYTHONPATH=os.pathsep.join(filter(None, paths)), XDG_CACHE_HOME=str(root / "cache")
    )


def measured(folder: Path, wall: float, workers: int) -> dict[str, Any]:
    """What the clocks of a run's processes say; wall: its seconds."""
    clocks = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    at_work = [clock for clock in clocks if clock["loads"]]
    drivers = [clock for clock in clocks if not clock["loads"]] if workers > 1 else []
    span = max(each["last"] for each in at_work) - min(each["first"] for each in at_work)
    store = sum(each["store"] for each in drivers)
    store += sum(each["store"] for each in at_work) / len(at_work)
    loads = [model for each in at_work for model in each["loads"]]
    return {
        "loads": len(loads),
        "models": len(set(loads)),
        "busy": round(sum(each["cpu"] for each in at_work) / span / workers, 2),
        "store_s": round(store, 2),
        "store_share": round(store / wall, 4),
    }


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
    parser.add_argument("--size", choices=material.SHAPES, default="25m")
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--docs", type=int, default=40)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, help="of torch, at most, in each process")
    parser.add_argument("--embedded", action="store_true", help="the family nano instead")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    runs: dict[int, list[dict[str, Any]]] = {workers: [] for workers in args.workers}
    scores = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        install_clock(root)
        command = [sys.executable, "-m", "zoo", "run", "--progress", "none", "--device", "cpu"]
        if args.embedded:
            command += ["nano"]
        else:
            write_models(root, args.models, args.size)
            write_zoo(
                root, args.models, lineage.write_tasks(root / "tasks", args.subjects, args.docs)
            )
            command += ["speed", "--include-path", "tasks"]
        for number in range(args.rounds):
            for workers in args.workers:
                store = f"store-{workers}-{number}"
                clocks = root / f"clocks-{workers}-{number}"
                clocks.mkdir()
                os.environ["CLOCK"] = str(clocks)
                before = cpu_seconds()
                given = ["--store", store, "--executor-args", f"workers={workers}"]
                wall, _ = lineage.timed([*command, *given], root, args.threads)
                cpu = cpu_seconds() - before
                facts = {"wall_s": round(wall, 1), "cores": round(cpu / wall, 2)}
                runs[workers].append(facts | measured(clocks, wall, workers))
                if not args.embedded:
                    scores[workers] = lineage.accuracies(root, store)
    found: dict[str, Any] = {
        "machine": material.machine() | {"threads": args.threads or "default"},
        "runs": runs,
    }
    if not args.embedded:
        first = scores[args.workers[0]]
        found["cells"] = args.models * args.subjects * 2
        found["largest difference of an accuracy"] = max(
            largest_difference(first, each) for each in scores.values()
        )
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print("nano" if args.embedded else f"{args.models} models ({args.size})")
    rows = [{"workers": workers, **each} for workers, taken in runs.items() for each in taken]
    print(tabulate(rows, headers="keys"))
    print({name: value for name, value in found.items() if name != "runs"})


if __name__ == "__main__":
    main()
