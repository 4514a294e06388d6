"""The composites of all claims at once: G, S and every capability, from their cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.clustered import Floats
from zoo.composites import composition, shares
from zoo.effects import Mean
from zoo.ranking.claims import Claim, Material
from zoo.ranking.nouns import GENERAL, SPECIAL
from zoo.stats import Z

SAME_VALUE = 1e-9


@dataclass(frozen=True)
class Composed:
    """A claim with its composites. is_from_items: whether the errors of all of them are."""

    claim: Claim
    general: Mean | None
    special: Mean | None
    capabilities: Mapping[str, Mean]
    is_from_items: bool

    @property
    def means(self) -> dict[str, Mean | None]:
        """All composites by name, capabilities only where they are known."""
        return {**self.capabilities, GENERAL: self.general, SPECIAL: self.special}


def measures_of(fit: Sequence[Benchmark]) -> dict[str, Floats]:
    """What can be composed of b benchmarks: (b,) weights of "G", "S" and every capability."""
    parts, counted = composition(fit, ()), shares(fit)
    found = {GENERAL: parts.general, SPECIAL: parts.other_special}
    for name in dict.fromkeys(benchmark.capability for benchmark in fit):
        keys = [benchmark.key for benchmark in fit if benchmark.capability == name]
        found[name] = {key: counted[key] for key in keys}
    return {
        name: np.array([weights.get(benchmark.key, 0.0) for benchmark in fit])
        for name, weights in found.items()
        if weights
    }


def compose(material: Material, measures: Mapping[str, Floats]) -> list[Composed]:
    """Every claim's composites; unknown where a benchmark is missing.

    Their errors come from the claim's standing, where that is of the same cells and comes to the
    same value; else they are the root of the sum of squares, as if benchmarks were independent.
    """
    keys = [key for key in material.keys if key in material.fit]
    rows = [[claim.cells.get(key) for key in keys] for claim in material.claims]
    scores = _table(rows, "normalised")
    errors = _table(rows, "normalised_stderr")
    missing = np.isnan(scores)
    values, spreads = {}, {}
    for name, weights in measures.items():
        used = weights > 0
        value = np.nan_to_num(scores[:, used]) @ weights[used]
        value[missing[:, used].any(axis=1)] = math.nan
        values[name] = value.tolist()
        spreads[name] = np.sqrt(np.square(errors[:, used] * weights[used]).sum(axis=1)).tolist()
    return [
        _composed(
            claim,
            {name: (values[name][row], spreads[name][row]) for name in measures},
            material.stages.get(claim.place),
        )
        for row, claim in enumerate(material.claims)
    ]


def _composed(
    claim: Claim, found: Mapping[str, tuple[float, float]], standing: Mapping[str, Any] | None
) -> Composed:
    said = standing or {"general": None, "special": None, "capabilities": {}}
    told = {**said["capabilities"], GENERAL: said["general"], SPECIAL: said["special"]}
    means = {
        name: _mean(value, error, told.get(name))
        for name, (value, error) in found.items()
        if not math.isnan(value)
    }
    is_from_items = all(_is_same(mean.value, told.get(name)) for name, mean in means.items())
    general, special = means.pop(GENERAL, None), means.pop(SPECIAL, None)
    return Composed(claim, general, special, means, standing is not None and is_from_items)


def _mean(value: float, error: float, told: Mapping[str, Any] | None) -> Mean:
    if told and _is_same(value, told):
        return Mean(**told)
    if math.isnan(error):
        return Mean(value, None, None, None)
    return Mean(value, error, value - Z * error, value + Z * error)


def _is_same(value: float, told: Mapping[str, Any] | None) -> bool:
    """Whether a standing says this of a composite: it may be of other benchmarks or weights."""
    return told is not None and is_same(value, told["value"])


def is_same(one: float, other: float) -> bool:
    """Whether two composites are of the same parts: all but their rounding is equal."""
    return math.isclose(one, other, abs_tol=SAME_VALUE)


def _table(rows: Sequence[Sequence[Any]], name: str) -> Floats:
    """(claims, benchmarks); nan where there is nothing."""
    found = [[math.nan if cell is None else getattr(cell, name) for cell in row] for row in rows]
    return np.array(found, dtype=float).reshape(len(rows), -1)
