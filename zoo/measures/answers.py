"""The answers behind the scores: their form, and how many of them change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.clustered import Part
from zoo.columns import Cell
from zoo.composites import known
from zoo.contrasts import Churn, Contrast, Estimate, Parsing
from zoo.effects import Manner
from zoo.pairing import align
from zoo.stats import composite_difference, is_binary


def parsing(cell: Cell) -> Parsing | None:
    """How many of a cell's answers were parsed, apart from how many of those were right.

    None where parsing is no question, or an unparsed answer scores, since the accuracy would then
    not be the product of the two.
    """
    asked = ~np.isnan(cell.parsed)
    if not asked.any():
        return None
    parsed, scores = cell.parsed[asked] == 1, cell.scores[asked]
    if (scores[~parsed] != 0).any():
        return None
    spec = cell.result.spec
    return Parsing(
        spec.model.id,
        spec.protocol,
        spec.benchmark.name,
        spec.benchmark.metric,
        int(asked.sum()),
        float(parsed.mean()),
        float(scores[parsed].mean()) if parsed.any() else None,
    )


def manner(base: Cell, other: Cell) -> Manner | None:
    """How two cells of one benchmark were answered, None where nothing was generated."""
    cells = base, other
    # of imported answers the tokens are not known, and whether they could be read is
    if all(np.isnan(cell.tokens).all() and np.isnan(cell.parsed).all() for cell in cells):
        return None
    parsed = [parsing(cell) for cell in cells]
    tokens = [None if np.isnan(c.tokens).all() else float(np.nanmedian(c.tokens)) for c in cells]
    spec = other.result.spec
    return Manner(
        spec.benchmark.name,
        spec.protocol,
        (parsed[0].parsed if parsed[0] else None, parsed[1].parsed if parsed[1] else None),
        (tokens[0], tokens[1]),
    )


def churn(base: Cell, other: Cell, seeds: Sequence[Cell], contrast: Contrast) -> Churn | None:
    """The share of items that changed, against the share that changes between training seeds.

    seeds: the cells of the child's stage under its other seeds. None where scores are not binary.
    Excess churn is what arXiv 2510.17776, "Mapping Post-Training Forgetting", takes away from
    churn: what retraining alone changes.
    """
    if contrast.gained is None or contrast.lost is None or not contrast.n:
        return None
    share = (contrast.gained + contrast.lost) / contrast.n
    floor, excess = None, None
    if seeds:
        line = align(base, other, *seeds)
        if line.n and is_binary(line.scores):
            before, *children = line.scores
            between = np.mean(
                [a != b for at, a in enumerate(children) for b in children[:at]], axis=0
            )
            own = (children[0] != before).astype(float)
            found = composite_difference([Part(own - between, line.clusters, 1.0, -1.0, 1.0)])
            floor = float(between.mean())
            excess = Estimate(found.value, known(found.low), known(found.high))
    return Churn(
        contrast.base,
        contrast.other,
        contrast.protocol,
        contrast.benchmark,
        contrast.metric,
        contrast.n,
        share,
        floor,
        excess,
    )
