"""How long the analysis takes: stages x benchmarks x items, made up, in memory.

    python tests/speed/analysis.py [--stages 5] [--benchmarks 20] [--items 10000] [--protocols 1]
        [--clustered] [--json]

One root, a chain of two below it, and siblings; half of the benchmarks are multiple choice with a
confidence, half are generated with a count of tokens. Making the items is not timed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time

import numpy as np

from zoo.benchmarks import Benchmark, Suite
from zoo.models import Family, Model, Prompting, Regime
from zoo.results import PROTOCOLS, Item, Provenance, Result, RunSpec, Score
from zoo.tradeoff import analyse


def lineage(stages: int) -> list[Model]:
    """A root, its child, the child's child, and further children of the root."""
    models = [Model("root", regime="pretrained")]
    for number in range(1, stages):
        parent = "stage1" if number == 2 else "root"
        targets = (f"skill{number % 3}",)
        models.append(
            Model(f"stage{number}", regime="fine-tuned", base_model=parent, targets=targets)
        )
    return models


def suite_of(benchmarks: int) -> Suite:
    """Three in four measure general capabilities, the rest the skills that stages have."""
    return Suite(
        "made-up",
        tuple(
            Benchmark(
                f"task{number}",
                "acc",
                num_fewshot=0,
                axis="special" if number % 4 == 0 else "general",
                capability=f"skill{number // 4 % 3}" if number % 4 == 0 else f"area{number % 5}",
                chance=0.25 if number % 2 else 0.0,
            )
            for number in range(benchmarks)
        ),
    )


def result_of(
    model: Model, place: int, benchmark: Benchmark, protocol: str, items: int, clustered: bool
) -> Result:
    """A cell whose scores depend on the stage a little and on the item a lot."""
    rng = np.random.default_rng([place, items, len(benchmark.task)])
    difficulty = np.random.default_rng(int(benchmark.task[4:])).random(items)
    scores = (difficulty + 0.1 * rng.standard_normal(items) < 0.5 + 0.02 * place).astype(float)
    chosen = benchmark.chance != 0.0
    confidence = np.clip(0.5 * scores + 0.5 * rng.random(items), 0, 1).tolist()
    tokens = rng.integers(5, 400, items).tolist()
    name = benchmark.task
    made = tuple(
        Item(
            f"{name}-{at}",
            f"{name}-{at // 5}" if clustered else f"{name}-{at}",
            0,
            score,
            None if chosen else True,
            None if chosen else tokens[at],
            None if chosen else False,
            benchmark.chance or 0.0,
            confidence[at] if chosen else None,
            "",
            f"{at}",
        )
        for at, score in enumerate(scores.tolist())
    )
    spec = RunSpec(model, benchmark, protocol, Prompting())  # type: ignore[arg-type]
    score = Score("acc", float(scores.mean()), None, items)
    return Result(spec, "scored", (score,), provenance=Provenance(dtype="float32"), items=made)


def plain(_model: Model, _benchmark: Benchmark) -> Prompting:
    """Plain completion."""
    return Prompting()


def main() -> None:
    """Prints the time, and the peak memory of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, default=5)
    parser.add_argument("--benchmarks", type=int, default=20)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--protocols", type=int, default=1, choices=(1, 2))
    parser.add_argument("--clustered", action="store_true", help="five items share a passage")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    models, suite = lineage(args.stages), suite_of(args.benchmarks)
    results = [
        result_of(model, place, benchmark, protocol, args.items, args.clustered)
        for place, model in enumerate(models)
        for benchmark in suite.benchmarks
        for protocol in PROTOCOLS[: args.protocols]
    ]
    regimes = {
        name: Regime(name, name, order, plain)
        for order, name in enumerate(("pretrained", "fine-tuned"))
    }
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, busy = time.monotonic(), time.process_time()
    tradeoff = analyse(Family("made-up", tuple(models)), suite, results, regimes)
    seconds, busy = time.monotonic() - started, time.process_time() - busy
    tradeoff.to_dict()
    found = {
        "cells": len(results),
        "items": sum(len(result.items) for result in results),
        "seconds": round(seconds, 2),
        "processor_seconds": round(busy, 2),
        "with_json_seconds": round(time.monotonic() - started, 2),
        "peak_mebibytes_over_items": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - made)
        // 1024,
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(found) if args.json else "\n".join(f"{k}: {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
