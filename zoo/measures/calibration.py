"""Whether a model is as often right as it is sure: calibration of multiple-choice answers.

Rows are those of a probe called "calibration", made from the stored items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.clustered import Floats, Part
from zoo.columns import Cell, Codes
from zoo.composites import known
from zoo.matching import Matched
from zoo.resampling import joint_draws
from zoo.stats import composite_difference, composite_mean, is_binary

Row = Mapping[str, Any]

BINS = 15
DOUBT = 1.0
"""Standard errors by which true gaps may differ from those seen, all the same way."""


@dataclass(frozen=True, eq=False)
class _Sure:
    """(n,) answers whose confidence is known, in order of `ids`.

    bins: 0 .. BINS - 1, of equal mass by confidence.
    """

    ids: Codes
    confidence: Floats
    right: Floats
    clusters: Codes
    bins: Codes

    @property
    def ece(self) -> float:
        """Expected calibration error: sum over bins of |sum of right - confidence| / n.

        Naeini, Cooper and Hauskrecht 2015, with bins of equal mass (Nguyen and O'Connor 2015).
        """
        return float(np.abs(self.gaps).sum())

    @property
    def gaps(self) -> Floats:
        """(BINS,) sum of right - confidence in each bin, over n."""
        return np.bincount(self.bins, self.right - self.confidence, BINS) / self.right.size

    @property
    def brier(self) -> Floats:
        """(n,) squared error of the confidence in the chosen option."""
        return np.square(self.confidence - self.right)


def calibration(cells: Sequence[Cell], edges: Sequence[Matched]) -> Iterator[Row]:
    """ECE and Brier score of each benchmark and of all, with bins of all, and their changes.

    cells: scored. The limits of the ECE are those of the basic bootstrap, since both the ECE and
    its bootstrap are biased upward by noise; changes are drawn jointly, on the items they share.
    """
    sure = {place: found for cell in cells if (found := _sure(cell)) for place in [_place(cell)]}
    for protocol in dict.fromkeys(place[1] for place in sure):
        names = dict.fromkeys(place[2] for place in sure if place[1] == protocol)
        models = list(dict.fromkeys(place[0] for place in sure if place[1] == protocol))
        groups = {
            name: {m: sure[m, protocol, name] for m in models if (m, protocol, name) in sure}
            for name in names
        }
        pooled = {
            model: _pool([groups[name][model] for name in groups if model in groups[name]])
            for model in models
        }
        edges_here = [edge for edge in edges if edge.protocol == protocol]
        for key, group in [*groups.items(), (None, pooled)]:
            yield from _rows(protocol, None if key is None else key[0], group, edges_here)


def _rows(
    protocol: str, benchmark: str | None, group: Mapping[str, _Sure], edges: Sequence[Matched]
) -> Iterator[Row]:
    drawn = _ece_draws(group)
    place = {"probe": "calibration", "protocol": protocol, "benchmark": benchmark}
    for model, own in group.items():
        low, high = _basic(own.ece, [drawn[model]])
        brier = composite_mean([Part(own.brier, own.clusters)])
        yield {
            **place,
            "model": model,
            "kind": "summary",
            "n": int(own.right.size),
            "ece": own.ece,
            "ece_low": max(low, 0.0),
            "ece_high": high,
            "brier": brier.value,
            "brier_low": known(brier.low),
            "brier_high": known(brier.high),
        }
        if benchmark is None:
            for number in np.unique(own.bins).tolist():
                inside = own.bins == number
                yield {
                    **place,
                    "model": model,
                    "kind": "bin",
                    "confidence": float(own.confidence[inside].mean()),
                    "accuracy": float(own.right[inside].mean()),
                    "n": int(inside.sum()),
                }
    for edge in edges:
        base, other = group.get(edge.base.id), group.get(edge.other.id)
        if edge.mixed or base is None or other is None or not np.array_equal(base.ids, other.ids):
            continue
        change = other.ece - base.ece
        ends = [drawn[edge.other.id], drawn[edge.base.id]]
        low, high = _basic(change, ends)
        difference = other.brier - base.brier
        shift = composite_difference([Part(difference, base.clusters, 1.0, -1.0, 1.0)])
        yield {
            **place,
            "model": edge.other.id,
            "kind": "change",
            "base": edge.base.id,
            "n": int(base.right.size),
            "ece": change,
            "ece_low": low,
            "ece_high": high,
            "brier": shift.value,
            "brier_low": known(shift.low),
            "brier_high": known(shift.high),
        }


def _place(cell: Cell) -> tuple[str, str, tuple[Any, ...]]:
    spec = cell.result.spec
    return spec.model.id, spec.protocol, spec.benchmark.key


def _sure(cell: Cell) -> _Sure | None:
    stated = ~np.isnan(cell.confidence)
    if not stated.any() or not is_binary(cell.scores[stated]):
        return None
    return _binned(
        cell.answers[stated], cell.confidence[stated], cell.scores[stated], cell.clusters[stated]
    )


def _pool(several: Sequence[_Sure]) -> _Sure:
    return _binned(
        *(
            np.concatenate([getattr(each, name) for each in several])
            for name in ("ids", "confidence", "right", "clusters")
        )
    )


def _binned(ids: Codes, confidence: Floats, right: Floats, clusters: Codes) -> _Sure:
    bins = np.empty(confidence.size, dtype=np.int64)
    order = np.argsort(confidence, kind="stable")
    bins[order] = np.arange(confidence.size) * BINS // confidence.size
    return _Sure(ids, confidence, right, clusters, bins)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """(draws,) of a model's ECE; too_little, too_much: see `_bias`."""

    ece: Floats
    too_little: float
    too_much: float


def _basic(value: float, ends: Sequence[_Drawn]) -> tuple[float, float]:
    """95 % limits of the ECE of the first, or of its change from the second, to hold the value.

    2 value - quantiles of the draws, moved outward by the bias that may be left.
    """
    first, *second = ends
    draws = first.ece - (second[0].ece if second else 0.0)
    low, high = 2 * value - np.quantile(draws, [0.975, 0.025])
    below, over = first.too_little, first.too_much
    if second:
        below, over = below + second[0].too_much, over + second[0].too_little
    return min(float(low) - below, value), max(float(high) + over, value)


def _bias(gaps: Floats, errors: Floats) -> tuple[float, float]:
    """By how much the bootstrap may take away too little, and too much, of the ECE's upward bias.

    A gap is normal around its true size, so |gap| is too large by a folded normal's mean minus that
    size (Leone, Nelson and Nottingham 1961). The bootstrap takes it away for true gaps as large as
    those seen; they may be smaller or larger by DOUBT standard errors.
    """
    from scipy.special import ndtr

    def bias(size: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(errors > 0, size / errors, np.inf)
        density = np.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
        return 2 * errors * density - 2 * size * ndtr(-ratio)

    seen = np.abs(gaps)
    taken = bias(seen)
    too_little = bias(np.maximum(seen - DOUBT * errors, 0.0)) - taken
    too_much = taken - bias(seen + DOUBT * errors)
    return float(too_little.sum()), float(too_much.sum())


def _ece_draws(group: Mapping[str, _Sure]) -> Mapping[str, _Drawn]:
    """Draws of every model's ECE, drawn jointly over clusters of items; bins stay as they are.

    A cluster's influence on a bin's gap is (its items' gaps - its items * the mean gap) / n.
    """
    from scipy.sparse import coo_matrix

    members = list(group.values())
    _, codes = np.unique(np.concatenate([each.clusters for each in members]), return_inverse=True)
    owner = np.repeat(np.arange(len(members)), [each.right.size for each in members])
    sizes = np.array([each.right.size for each in members], dtype=float)
    column = owner * BINS + np.concatenate([each.bins for each in members])
    gaps = np.concatenate([each.right - each.confidence for each in members]) / sizes[owner]
    shape = int(codes.max()) + 1, len(members)
    sums = coo_matrix((gaps, (codes, column)), (shape[0], shape[1] * BINS)).tocsr()
    counts = coo_matrix((1 / sizes[owner], (codes, owner)), shape).tocsr()
    centre = np.concatenate([each.gaps for each in members])
    mine = np.repeat(np.arange(len(members)), BINS)
    crossed = (counts.T @ sums).toarray()[mine].T * centre
    both = (counts.T @ counts).toarray()[np.ix_(mine, mine)] * np.outer(centre, centre)
    spread = (sums.T @ sums).toarray() - crossed - crossed.T + both
    draws = np.abs(joint_draws(centre, spread, draws=8000)).reshape(-1, len(members), BINS)
    errors = np.sqrt(np.maximum(np.diag(spread), 0.0)).reshape(-1, BINS)
    return {
        model: _Drawn(draws[:, at].sum(axis=-1), *_bias(own.gaps, errors[at]))
        for at, (model, own) in enumerate(group.items())
    }
