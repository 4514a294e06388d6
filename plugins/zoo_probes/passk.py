"""pass@k: how many items a stage solves in k tries, and from which k on its parent is ahead.

Chen et al. 2021, "Evaluating Large Language Models Trained on Code" (the estimate); Yue et al.
2025, "Does Reinforcement Learning Really Incentivize Reasoning Capacity ..." (the crossing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.clustered import Part
from zoo.composites import known as finite
from zoo.contrasts import Tradeoff
from zoo.measures.draws import Draws, solved
from zoo.probes import Known, sampled
from zoo.results import RunSpec
from zoo.stats import composite_difference, composite_mean
from zoo_probes.draws import PURPOSE, doubling, draws_of, pairs

Row = Mapping[str, Any]
TEMPERATURE = 0.8


def wants(
    known: Known, *, samples: int = 16, items: int = 40, temperature: float | None = None
) -> Iterator[RunSpec]:
    """Drawn answers to the first items of every benchmark that is answered in writing, under the
    native protocol where it is asked.

    temperature: None means the cell's own where it samples, else .8.
    """
    protocol = "native" if any(each.protocol == "native" for each in known.specs) else "uniform"
    for spec in known.written():
        if spec.benchmark.repeats > 1 or spec.protocol != protocol:
            continue  # what the suite draws several of itself is not asked again
        own = spec.prompting.gen_kwargs.get("temperature") or TEMPERATURE
        heat = own if temperature is None else temperature
        yield sampled(spec, PURPOSE, samples=samples, items=items, temperature=heat)


def rows(known: Known, tradeoff: Tradeoff) -> Iterator[Row]:  # noqa: ARG001
    """Curves of pass@k with their limits over items, and crossings along edges."""
    tables = draws_of(known)
    for table in tables:
        n, samples = table.right.shape
        for k in doubling(samples):
            found = composite_mean([Part(solved(table, k), table.clusters)])
            yield {
                **table.place,
                "kind": "curve",
                "k": k,
                "value": found.value,
                "low": finite(found.low),
                "high": finite(found.high),
                "n": n,
                "samples": samples,
            }
    for base, before, after in pairs(known, tables):
        if (star := crossing(before, after)) is not None:
            yield {**after.place, "kind": "crossing", "base": base.id, "k_star": star}


def crossing(base: Draws, other: Draws) -> int | None:
    """The first k where the 95 % interval of base minus other lies above 0, on the same items."""
    most = min(base.right.shape[1], other.right.shape[1])
    for k in doubling(most):
        ahead = solved(base, k) - solved(other, k)
        low = composite_difference([Part(ahead, base.clusters, 1.0, -1.0, 1.0)]).low
        if low > 0:
            return k
    return None
