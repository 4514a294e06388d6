"""Cells with several answers to each item, as a run leaves them, and what probes are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tradeoff.lineage import FLOAT32

from zoo.benchmarks import Benchmark
from zoo.models import Model, Prompting
from zoo.probes import Known
from zoo.results import Item, Result, RunSpec, Score

BASE = Model("base", regime="pretrained")
CHILD = Model("child", regime="RL-tuned", base_model="base", targets=("math",))
SUMS = Benchmark("sums", "exact_match", capability="math", axis="special")


def item(number: int, sample: int = 0, score: float = 0.0, **more: Any) -> Item:
    """An answer to item `number`."""
    return Item(
        **{
            "item_id": f"i{number:04}",
            "cluster_id": f"i{number:04}",
            "sample": sample,
            "score": score,
            "parsed": True,
            "n_tokens": 5,
            "truncated": False,
            "chance": 0.0,
            "confidence": None,
            "response": "",
            "prompt_hash": str(number),
            **more,
        }
    )


def cell(model: Model, items: Sequence[Item], benchmark: Benchmark = SUMS, **spec: Any) -> Result:
    """A scored cell."""
    asked = RunSpec(
        model, benchmark, spec.pop("protocol", "native"), spec.pop("prompting", Prompting()), **spec
    )
    value = float(np.mean([each.score for each in items]))
    score = Score(benchmark.metric, value, None, len(items))
    return Result(asked, "scored", (score,), provenance=FLOAT32, items=tuple(items))


def draws(model: Model, right: np.ndarray, answers: Sequence[Sequence[str]] = ()) -> Result:
    """A cell of samples. right: (items, samples)."""
    from dataclasses import replace

    n, samples = right.shape
    return cell(
        model,
        [
            item(i, k, float(right[i, k]), answer=answers[i][k] if answers else "x")
            for k in range(samples)
            for i in range(n)
        ],
        replace(SUMS, repeats=samples),
        purpose="samples",
    )


def known(*results: Result, **more: Any) -> Known:
    """What probes are told of a parent and its child."""
    return Known((BASE, CHILD), (), results, {"child": ("math",)}, frozenset({"sums"}), **more)
