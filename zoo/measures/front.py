"""S and G of all stages as points with a joint uncertainty, and who is on the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.clustered import Floats, covariance, pseudo_scores
from zoo.composites import BenchmarkKey, Composition, score_parts
from zoo.contrasts import Joint, Stage
from zoo.pairing import Aligned
from zoo.resampling import joint_draws
from zoo.results import Protocol


def joint(
    stages: Sequence[Stage],
    cells: Sequence[Mapping[BenchmarkKey, Aligned]],
    parts: Composition,
    targets: tuple[str, ...],
    protocol: Protocol,
) -> list[Joint]:
    """A row for every stage whose G and S are known, for one set of targets.

    cells: of each stage, in the same order. Stages are drawn together, so that what they have in
    common (the items) is no reason to doubt their order.
    """
    known, composites = [], []
    for stage, cell in zip(stages, cells, strict=True):
        special, general = score_parts(parts.special, cell), score_parts(parts.general, cell)
        if special is not None and general is not None:
            known.append(stage)
            composites += [special, general]
    if not known:
        return []
    spread = covariance(composites, pseudo_scores)
    if not np.isfinite(spread).all():
        return []
    values = [sum(part.weight * part.values.mean() for part in each) for each in composites]
    draws = joint_draws(values, spread).reshape(-1, len(known), 2)
    front = non_dominated(draws).mean(axis=0)
    rows = []
    for place, stage in enumerate(known):
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
    return rows


def non_dominated(points: Floats) -> NDArray[np.bool_]:
    """(draws, k) whether each of k points of (draws, k, 2) is on the Pareto front of its draw.

    A point is dominated by one that is at least as good in both numbers and better in one.

    >>> non_dominated(np.array([[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])).tolist()
    [[True, True, False]]
    """
    one, other = points[:, :, None, :], points[:, None, :, :]
    dominated = (other >= one).all(axis=-1) & (other > one).any(axis=-1)
    return np.logical_not(dominated.any(axis=-1))
