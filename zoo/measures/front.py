"""S and G of all stages as points with a joint uncertainty, the Pareto front and who is on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.clustered import Floats, covariance, pseudo_scores
from zoo.composites import BenchmarkKey, Composition, known, score_parts
from zoo.contrasts import Joint, Stage
from zoo.pairing import Aligned
from zoo.resampling import joint_draws
from zoo.results import Protocol

Row = Mapping[str, Any]


GRID = 48
"""Values of S at which the band of the front is given."""


def joint(
    stages: Sequence[Stage],
    cells: Sequence[Mapping[BenchmarkKey, Aligned]],
    parts: Composition,
    targets: tuple[str, ...],
    protocol: Protocol,
) -> tuple[list[Joint], list[Row]]:
    """A row for every stage whose G and S are known, for one set of targets, and the front's band.

    cells: of each stage, in the same order. Stages are drawn together, so that what they have in
    common (the items) is no reason to doubt their order.
    """
    placed, composites = [], []
    for stage, cell in zip(stages, cells, strict=True):
        special, general = score_parts(parts.special, cell), score_parts(parts.general, cell)
        if special is not None and general is not None:
            placed.append(stage)
            composites += [special, general]
    if not placed:
        return [], []
    spread = covariance(composites, pseudo_scores)
    if not np.isfinite(spread).all():
        return [], []
    values = [sum(part.weight * part.values.mean() for part in each) for each in composites]
    draws = joint_draws(values, spread).reshape(-1, len(placed), 2)
    front = non_dominated(draws).mean(axis=0)
    rows = []
    for place, stage in enumerate(placed):
        own = spread[2 * place : 2 * place + 2, 2 * place : 2 * place + 2]
        (ss, sg), (gs, gg) = own.tolist()
        rows.append(
            Joint(
                stage.model,
                protocol,
                targets,
                stage.special[protocol],
                stage.general[protocol],
                ((ss, sg), (gs, gg)),
                float(front[place]),
            )
        )
    where = {"probe": "front", "model": "", "protocol": protocol, "benchmark": None, "kind": "band"}
    # the front of one stage is that stage
    return rows, [{**where, **row} for row in (band(draws) if len(placed) > 1 else ())]


def band(draws: Floats) -> list[Row]:
    """The front of (draws, k, 2) points (S, G): the best G of those with at least so much S.

    Median and 95 % limits over the draws at GRID values of S: the attainment surface of Fonseca and
    Fleming 1996, "On the performance assessment and comparison of stochastic multiobjective
    optimizers". None where no stage has so much S in so many draws: there the front lies below
    everything.
    """
    special, general = draws[..., 0], draws[..., 1]
    ends = np.quantile(special.min(axis=1), 0.01), np.quantile(special.max(axis=1), 0.97)
    found: list[Row] = []
    for at in np.linspace(*ends, GRID):
        best = np.where(special >= at, general, -np.inf).max(axis=1)
        limits = np.quantile(best, [0.025, 0.5, 0.975], method="nearest")
        named = zip(("low", "general", "high"), map(known, limits), strict=True)
        found.append({"special": float(at), **dict(named)})
    return found


def non_dominated(points: Floats) -> NDArray[np.bool_]:
    """(draws, k) whether each of k points of (draws, k, 2) is on the Pareto front of its draw.

    A point is dominated by one that is at least as good in both numbers and better in one.

    >>> non_dominated(np.array([[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])).tolist()
    [[True, True, False]]
    """
    one, other = points[:, :, None, :], points[:, None, :, :]
    dominated = (other >= one).all(axis=-1) & (other > one).any(axis=-1)
    return np.logical_not(dominated.any(axis=-1))
