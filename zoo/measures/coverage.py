"""Accuracy against coverage: how right a model is where it is surest.

Rows are those of a probe called "coverage", made from the stored items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.clustered import Part
from zoo.columns import Cell
from zoo.composites import known
from zoo.stats import composite_mean, is_binary

Row = Mapping[str, Any]

LEVELS = tuple(tenth / 10 for tenth in range(1, 11))
"""Shares of the items at which the curve is read."""

SEED = 20240601


def coverage(cells: Sequence[Cell]) -> Iterator[Row]:
    """For each model and protocol the accuracy of its surest items, over all multiple choice.

    cells: scored. A level's limits are those of the mean of the items it holds. `area` is the area
    under the risk-coverage curve, the mean over k of the error of the k surest (Geifman, Uziel and
    El-Yaniv 2019, "Bias-reduced uncertainty estimation"): 0 for a model that is never wrong. Equal
    confidences stand in an order that is drawn once.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        stated = ~np.isnan(cell.confidence)
        if stated.any() and is_binary(cell.scores[stated]):
            spec = cell.result.spec
            groups.setdefault((spec.model.id, spec.protocol), []).append(cell)
    for (model, protocol), group in groups.items():
        confidence, right, clusters = (
            np.concatenate([getattr(cell, name)[~np.isnan(cell.confidence)] for cell in group])
            for name in ("confidence", "scores", "clusters")
        )
        n = right.size
        shuffled = np.random.default_rng(SEED).permutation(n)
        order = np.lexsort((shuffled, -confidence))
        ranked = right[order]
        risk = 1 - np.cumsum(ranked) / np.arange(1, n + 1)
        place = {"probe": "coverage", "model": model, "protocol": protocol, "benchmark": None}
        yield {**place, "kind": "summary", "n": n, "area": float(risk.mean())}
        for level in LEVELS:
            taken = order[: math.ceil(level * n)]
            mean = composite_mean([Part(right[taken], clusters[taken])])
            yield {
                **place,
                "kind": "curve",
                "coverage": level,
                "confidence": float(confidence[taken[-1]]),
                "accuracy": mean.value,
                "low": known(mean.low),
                "high": known(mean.high),
                "n": int(taken.size),
            }
