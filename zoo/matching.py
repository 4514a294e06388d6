"""Two stages on the same items: what changed from one to the other, and what else differs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo import stats
from zoo.benchmarks import Benchmark
from zoo.clustered import Floats
from zoo.columns import Cell, read_cells
from zoo.composites import BenchmarkKey, changes, composition, known
from zoo.contrasts import Change, Contrast, EdgeTradeoff
from zoo.errors import CellError
from zoo.models import Model
from zoo.pairing import (
    Aligned,
    align,
    higher_is_better,
    item_differences,
    settled,
    setup_differences,
)
from zoo.results import PROTOCOLS, Protocol, Result

UNPAIRED = "unpaired: the items of an end were not imported, only its aggregate"
"""What is said of a contrast whose limits are those of two independent means."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Two stages under one protocol, on the benchmarks that both have scored.

    targets: what S stands for. cells: base and other of each benchmark. pairs: the same, aligned,
    base first. contrasts: the change of each benchmark, in the same order.
    """

    base: Model
    other: Model
    protocol: Protocol
    targets: tuple[str, ...]
    cells: Mapping[BenchmarkKey, tuple[Cell, Cell]]
    pairs: Mapping[BenchmarkKey, Aligned]
    contrasts: Mapping[BenchmarkKey, Contrast]

    @property
    def mixed(self) -> bool:
        """Whether the two differ in more than the model on any benchmark."""
        return any(contrast.mixed for contrast in self.contrasts.values())

    def clean(self, fit: Sequence[Benchmark]) -> list[tuple[Benchmark, Aligned]]:
        """The benchmarks whose two ends differ in nothing but the model, with their pairs."""
        return [
            (benchmark, self.pairs[benchmark.key])
            for benchmark in fit
            if benchmark.key in self.pairs
            and not self.contrasts[benchmark.key].mixed
            and self.pairs[benchmark.key].n
        ]


def match(
    base: Model,
    other: Model,
    protocol: Protocol,
    targets: tuple[str, ...],
    ends: tuple[Mapping[BenchmarkKey, Cell], Mapping[BenchmarkKey, Cell]],
) -> Matched:
    """Lay two stages' cells of one protocol side by side."""
    ours, theirs = ends
    cells = {
        key: (ours[key], cell)
        for key, cell in theirs.items()
        if key in ours and ours[key].status == cell.status == "scored"
    }
    pairs = {key: align(*both) for key, both in cells.items()}
    contrasts = {key: _contrast(*cells[key], pairs[key]) for key in cells}
    return Matched(base, other, protocol, targets, cells, pairs, contrasts)


def traded(match: Matched, fit: Sequence[Benchmark]) -> EdgeTradeoff:
    """The changes of G, S and other special ability; unknown where the edge is mixed."""
    parts = composition(fit, match.targets)
    triple = (Change(None),) * 3 if match.mixed else changes(parts, match.pairs)
    return EdgeTradeoff(match.base.id, match.other.id, match.protocol, match.targets, *triple)


def contrast(base: Result, other: Result) -> Contrast:
    """The change from base to other, two scored cells of one benchmark under one protocol.

    p_adjusted is None: there is nothing to adjust for. Raises CellError where a cell has no score,
    and ValueError where the two were not asked the same benchmark under the same protocol.
    """
    for result in map(settled, (base, other)):
        if result.status != "scored":
            reason = result.error or result.status.replace("_", " ")
            raise CellError(f"{result.spec.name} cannot be compared: {reason}")
    asked = [(each.spec.benchmark.key, each.spec.protocol) for each in (base, other)]
    if asked[0] != asked[1]:
        raise ValueError(f"a contrast needs one benchmark and protocol, not {asked[0]}, {asked[1]}")
    ours, theirs = read_cells([base, other])
    return _contrast(ours, theirs, align(ours, theirs))


def adjusted(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """With Benjamini-Hochberg's p over all contrasts of a protocol."""
    ps = adjusted_by_protocol([(each.protocol, each.p) for each in contrasts])
    return [replace(each, p_adjusted=p) for each, p in zip(contrasts, ps, strict=True)]


def adjusted_by_protocol(ps: Sequence[tuple[Protocol, float | None]]) -> list[float | None]:
    """Benjamini-Hochberg's p of (protocol, p) pairs, over each protocol."""
    found = np.full(len(ps), math.nan)
    for protocol in PROTOCOLS:
        rows = [row for row, (each, _) in enumerate(ps) if each == protocol]
        found[rows] = stats.benjamini_hochberg([_number(ps[row][1]) for row in rows])
    return [known(p) for p in found]


def _contrast(base: Cell, other: Cell, pair: Aligned) -> Contrast:
    spec = other.result.spec
    benchmark = spec.benchmark
    change = gained = lost = mde = None
    n, differing = pair.n, item_differences(pair)
    if summaries := _summaries(base.result, other.result):
        change = stats.unpaired_difference(*summaries)
        mde = stats.minimum_detectable_effect(change.stderr**2, 1)
        n, differing = min(each.n for each in summaries), [UNPAIRED]
    elif pair.n:
        before, after = pair.scores
        change = stats.paired_difference(before, after, pair.clusters, span=_span(pair.scores))
        mde = stats.minimum_detectable_effect(change.stderr**2, 1)
        if stats.is_binary(pair.scores):
            ends = (before, after) if higher_is_better(other.result) else (after, before)
            gained, lost = stats.flips(*ends)
            if not stats.is_clustered(pair.clusters):
                # Churn of 0 was seen, not proved: one flip is the least that could be missed.
                mde = stats.minimum_detectable_effect(max(gained + lost, 1) / pair.n, pair.n)
    return Contrast(
        base=base.result.spec.model.id,
        other=spec.model.id,
        protocol=spec.protocol,
        benchmark=benchmark.name,
        metric=benchmark.metric,
        filter=benchmark.filter,
        axis=benchmark.axis,
        n=n,
        delta=known(change.value) if change else None,
        low=known(change.low) if change else None,
        high=known(change.high) if change else None,
        p=known(change.p) if change else None,
        p_adjusted=None,
        gained=gained,
        lost=lost,
        mde=known(mde),
        mixed="; ".join(setup_differences(base, other) + differing),
    )


def _summaries(base: Result, other: Result) -> tuple[stats.Summary, stats.Summary] | None:
    """Both ends as their aggregates where the items of an imported one are missing, else None."""
    bare = [not each.items and bool(each.provenance.imported) for each in (base, other)]
    if not any(bare) or base.score is None or other.score is None:
        return None
    ours, theirs = (
        stats.Summary(score.value, score.stderr, score.n) for score in (base.score, other.score)
    )
    return ours, theirs


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _span(scores: Floats) -> float:
    """The most by which one item can change, as far as is known."""
    low, high = float(scores.min()), float(scores.max())
    return 1.0 if low >= 0 and high <= 1 else high - low
