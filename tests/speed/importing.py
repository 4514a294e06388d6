"""What it costs to import thousands of results files, beside peers that only read them.

python tests/speed/importing.py --files 1800 --json

The files are made here, in the shape of lm-eval's own: a model each, tasks with their
configurations, no items. Peers: json.load of each file and a pandas DataFrame of every number; and
json.load of each and lm-eval's own table of it, which is what people look at.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ORGS = 120
KINDS = ("", "-Instruct", "-SFT", "-DPO", "-RLVR", "-finetuned")
PROMPT = "The following are questions (with answers) about {{subject}}.\n\n{{question}}\nAnswer:"
SUBJECTS = ("abstract_algebra", "anatomy", "astronomy", "business_ethics", "virology")


def model_name(number: int) -> str:
    """Models of 120 organisations: six stages of each lineage."""
    lineage, kind = divmod(number, len(KINDS))
    return f"org-{lineage % ORGS}/Model-{lineage}-7B{KINDS[kind]}"


def results_table(number: int, tasks: int) -> dict[str, Any]:
    """What lm-eval writes of one model."""
    draw = random.Random(number)
    names = [f"benchmark_{place}_{SUBJECTS[place % len(SUBJECTS)]}" for place in range(tasks)]
    name = model_name(number)
    numbers = {
        task: {
            "alias": task,
            "acc,none": round(draw.uniform(0.2, 0.9), 16),
            "acc_stderr,none": round(draw.uniform(0.005, 0.02), 16),
            "acc_norm,none": round(draw.uniform(0.2, 0.9), 16),
            "acc_norm_stderr,none": round(draw.uniform(0.005, 0.02), 16),
        }
        for task in names
    }
    config = {
        "dataset_path": "org/data",
        "test_split": "test",
        "fewshot_split": "dev",
        "doc_to_text": PROMPT,
        "doc_to_target": "answer",
        "doc_to_choice": "{{choices}}",
        "description": "Questions of one subject.\n\n",
        "target_delimiter": " ",
        "fewshot_delimiter": "\n\n",
        "num_fewshot": 5,
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": True}
            for metric in ("acc", "acc_norm")
        ],
        "output_type": "multiple_choice",
        "repeats": 1,
        "should_decontaminate": False,
        "metadata": {"version": 1.0, "pretrained": name, "dtype": "bfloat16"},
    }
    return {
        "results": numbers,
        "group_subtasks": {task: [] for task in names},
        "configs": {task: {"task": task, **config} for task in names},
        "versions": dict.fromkeys(names, 1.0),
        "n-shot": dict.fromkeys(names, 5),
        "higher_is_better": {task: {"acc": True, "acc_norm": True} for task in names},
        "n-samples": {task: {"original": 1000, "effective": 1000} for task in names},
        "config": {
            "model": "hf",
            "model_args": f"pretrained={name},dtype=bfloat16",
            "model_num_parameters": 7_000_000_000,
            "model_dtype": "torch.bfloat16",
            "model_revision": "main",
            "model_sha": f"{draw.getrandbits(160):040x}",
            "batch_size": "auto",
            "device": "cuda",
            "limit": None,
            "bootstrap_iters": 100000,
            "gen_kwargs": None,
            "random_seed": 0,
            "numpy_seed": 1234,
            "torch_seed": 1234,
            "fewshot_seed": 1234,
        },
        "git_hash": "a1b2c3d",
        "date": 1.7e9 + 60 * number,
        "pretty_env_info": "PyTorch version: 2.5.1\nIs debug build: False\n" * 40,
        "transformers_version": "4.48.1",
        "lm_eval_version": "0.4.7",
        "tokenizer_pad_token": ["<pad>", "0"],
        "max_length": 4096,
        "task_hashes": {},
        "model_source": "hf",
        "model_name": name,
        "model_name_sanitized": name.replace("/", "__"),
        "system_instruction": None,
        "chat_template": None,
        "chat_template_sha": None,
        "total_evaluation_time_seconds": "1234.5",
    }


def make_files(folder: Path, files: int, tasks: int) -> int:
    """Writes the files where lm-eval would; returns their bytes."""
    size = 0
    for number in range(files):
        table = results_table(number, tasks)
        place = folder / table["model_name_sanitized"] / "results_2025-01-01T00-00-00.000000.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(table, indent=2), encoding="utf-8")
        size += place.stat().st_size
    return size


def loaded(folder: Path) -> Iterator[dict[str, Any]]:
    """Every file, one after another."""
    for path in sorted(folder.rglob("results_*.json")):
        with path.open(encoding="utf-8") as file:
            yield json.load(file)


def as_frame(folder: Path) -> int:
    """json.load and a DataFrame of every number."""
    import pandas as pd

    rows = [
        {"model": table["model_name"], "task": task, "measure": measure, "value": value}
        for table in loaded(folder)
        for task, numbers in table["results"].items()
        for measure, value in numbers.items()
    ]
    return len(pd.DataFrame(rows))


def as_tables(folder: Path) -> int:
    """json.load and lm-eval's table."""
    from lm_eval.utils import make_table

    return sum(len(make_table(table)) for table in loaded(folder))


def imported(folder: Path, store: Path) -> dict[str, int]:
    """As `zoo import` does it, into a store of its own."""
    from zoo.api import open_zoo
    from zoo.importing.runs import import_files

    host = open_zoo(None, store=store)
    done = import_files(host, [folder])
    return {
        "runs": len(done.runs),
        "families": len({run.family for run in done.runs}),
        "cells": sum(run.cells for run in done.runs),
        "indexed": len(host.store.indexed()),
    }


def seconds(act: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Seconds of a call, by the clock and of the processor, and what it gave."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = act()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": round(wall, 2), "cpu": round(cpu, 2)}, found


def main() -> None:
    """Times all sides over the same files; the one that imports comes last, with cold modules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1800)
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        size = make_files(root / "files", args.files, args.tasks)
        frame, _ = seconds(lambda: as_frame(root / "files"))
        tables, _ = seconds(lambda: as_tables(root / "files"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours, found = seconds(lambda: imported(root / "files", root / "store"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kept = sum(path.stat().st_size for path in (root / "store").rglob("*") if path.is_file())
    told = {
        "files": args.files,
        "tasks": args.tasks,
        "megabytes": round(size / 1e6, 1),
        **found,
        "seconds": {"import": ours, "json + DataFrame": frame, "json + lm-eval table": tables},
        "times as long as": {
            "json + DataFrame": round(ours["cpu"] / frame["cpu"], 1),
            "json + lm-eval table": round(ours["cpu"] / tables["cpu"], 2),
        },
        "peak_memory_mb": round(peak / 1e3),
        "memory_before_mb": round(before / 1e3),
        "store_megabytes": round(kept / 1e6, 1),
    }
    if args.json:
        print(json.dumps(told, indent=2))
    else:
        for name, value in told.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    sys.exit(main())
