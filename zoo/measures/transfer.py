"""The matrix of stages and capabilities, and the decomposition into ability and format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.clustered import Part
from zoo.composites import BenchmarkKey, composition, difference_parts, known
from zoo.contrasts import Decomposition, Estimate, Split, Transfer
from zoo.matching import Matched, adjusted_by_protocol
from zoo.models import Model
from zoo.pairing import Aligned
from zoo.stats import composite_difference, normalise

Against = Literal["parent", "root"]


def transfer(match: Matched, fit: Sequence[Benchmark], against: Against) -> list[Transfer]:
    """The change of every capability whose benchmarks are all asked alike at both ends.

    p_adjusted is None as yet: see `adjusted_transfer`.
    """
    rows = []
    for capability in dict.fromkeys(each.capability for each in fit):
        members = [each for each in fit if each.capability == capability]
        if any(match.contrasts[m.key].mixed for m in members if m.key in match.contrasts):
            continue
        parts = difference_parts(composition(members, (capability,)).special, match.pairs)
        if parts is None:
            continue
        change = composite_difference(parts)
        rows.append(
            Transfer(
                match.base.id,
                match.other.id,
                match.protocol,
                capability,
                members[0].axis,
                against,
                change.value,
                known(change.low),
                known(change.high),
                known(change.p),
                None,
            )
        )
    return rows


def adjusted_transfer(rows: Sequence[Transfer]) -> list[Transfer]:
    """With Benjamini-Hochberg's p over the capabilities and edges of a protocol."""
    ps = adjusted_by_protocol([(each.protocol, each.p) for each in rows])
    return [replace(each, p_adjusted=p) for each, p in zip(rows, ps, strict=True)]


def decomposition(
    base: Model, other: Model, four: Mapping[BenchmarkKey, Aligned], fit: Sequence[Benchmark]
) -> list[Decomposition]:
    """native = ability + format of raw scores, on the items that all four cells share.

    four: scores of base and other under the uniform protocol, then under the native one.
    ability is the change under the uniform protocol, format what the native one adds to it.
    """
    rows = []
    for benchmark in fit:
        if benchmark.key in four:
            one, two, three, last = four[benchmark.key].scores.mean(axis=1)
            ability, manner = float(two - one), float((last - two) - (three - one))
            rows.append(
                Decomposition(
                    base.id,
                    other.id,
                    benchmark.name,
                    benchmark.metric,
                    native=float(last - three),
                    ability=ability,
                    format=manner,
                )
            )
    return rows


def splits(
    base: Model,
    other: Model,
    targets: tuple[str, ...],
    four: Mapping[BenchmarkKey, Aligned],
    fit: Sequence[Benchmark],
) -> list[Split]:
    """The same for G and S, normalised and with intervals."""
    found = composition(fit, targets)
    rows = []
    for name, weights in (("general", found.general), ("special", found.special)):
        if not weights or any(key not in four for key in weights):
            continue
        terms = {
            term: [_part(four[key], weight, signs) for key, weight in weights.items()]
            for term, signs in _SIGNS.items()
        }
        if all(part.values.size for part in terms["native"]):
            estimates = {term: _estimate(parts) for term, parts in terms.items()}
            rows.append(Split(base.id, other.id, name, **estimates))  # type: ignore[arg-type]
    return rows


_SIGNS = {"native": (0, 0, -1, 1), "ability": (-1, 1, 0, 0), "format": (1, -1, -1, 1)}
"""How the four cells' scores add up to each term."""


def _part(cells: Aligned, weight: float, signs: tuple[int, int, int, int]) -> Part:
    scores = cells.normalised
    measured = ~np.isnan(scores[0])
    term = sum(sign * row[measured] for sign, row in zip(signs, scores, strict=True) if sign)
    worst = float(np.nanmean(normalise(1 - cells.perfect, cells.chance, cells.perfect)))
    most = (1 - worst) * sum(map(abs, signs)) / 2
    return Part(np.asarray(term), cells.clusters[measured], weight, -most, most)


def _estimate(parts: Sequence[Part]) -> Estimate:
    found = composite_difference(parts)
    return Estimate(found.value, known(found.low), known(found.high))
