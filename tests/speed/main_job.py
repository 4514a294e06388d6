"""How long the main job takes beside lm-eval alone, on the same models, tasks and machine.

    python tests/speed/main_job.py [--pairs 3] [--json]

Both evaluate the embedded family on the suite `core`. lm-eval (`simple_evaluate` with HFLM, no
bootstrap) runs the seven combinations that differ: five stages by plain completion, two of them
under their chat template too, one after another in one process, and keeps nothing. `zoo run` keeps
every answer, computes intervals and writes the report; its second run is timed as well. Each is a
process of its own, in turn, so that a machine whose speed drifts slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEER = """
import os, sys
import zoo_benchmarks
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from zoo.api import open_zoo

folder = os.path.join(os.path.dirname(zoo_benchmarks.__file__), "tasks", "core")
os.chdir(folder)  # lm-eval finds a task's data files from the working folder
host = open_zoo()
(family,) = host.discovery.resolve(["nano"])
tasks = [benchmark.task for benchmark in host.catalogue.suite("core").benchmarks]
for model in family.models:
    lm = HFLM(device="cpu", dtype="float32", batch_size=64, logits_cache=False, **model.loader_args)
    for chat in (False, True):
        if chat and lm.tokenizer.chat_template is None:
            continue
        simple_evaluate(
            lm,
            tasks=tasks,
            task_manager=TaskManager(include_path=folder, include_defaults=False),
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            bootstrap_iters=0,
        )
"""


def seconds(command: list[str], folder: Path) -> float:
    """Wall seconds of a command that must succeed."""
    started = time.monotonic()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hf")}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.monotonic() - started


def main() -> None:
    """Times the pairs and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows: dict[str, list[float]] = {"lm-eval": [], "zoo run": [], "zoo run again": []}
    for _ in range(args.pairs):
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            rows["lm-eval"].append(seconds([sys.executable, "-c", PEER], here))
            zoo = [sys.executable, "-m", "zoo", "run", "--progress", "none"]
            rows["zoo run"].append(seconds(zoo, here))
            rows["zoo run again"].append(seconds(zoo, here))
    ratios = {
        name: [ours / peer for ours, peer in zip(times, rows["lm-eval"], strict=True)]
        for name, times in rows.items()
    }
    found = {
        "machine": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "rows": {
            name: {
                "seconds": [round(each, 1) for each in times],
                "median": round(statistics.median(times), 1),
                "ratio": round(statistics.median(ratios[name]), 2),
            }
            for name, times in rows.items()
        },
    }
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{found['machine']}, {found['cores']} cores, OMP_NUM_THREADS {found['threads']}")
    for name, row in found["rows"].items():
        print(f"{name:14} median {row['median']:6.1f} s   {row['ratio']:.2f} x lm-eval")


if __name__ == "__main__":
    main()
