"""The razor: how far a stage moved from its parent on what it was trained for.

KL(parent || child) as the mean of log p_parent(y) - log p_child(y) over answers y that the parent
writes to the child's target prompts, in nats. Shenfeld, Pari and Agrawal 2025, "RL's Razor".

y is drawn at temperature 1 from all tokens, without stop strings, up to a cap or the token that
ends a text, which counts: the sum over its tokens then is the divergence of the distributions over
such texts. It is asked as text, so an answer that is spelled by other tokens than it was drawn by,
or by other tokens for the child, is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.clustered import Floats, Part
from zoo.composites import known as finite
from zoo.contrasts import Tradeoff
from zoo.models import Model
from zoo.probes import Known, likelihoods, sampled
from zoo.results import Item, Result, RunSpec
from zoo.stats import composite_difference

Row = Mapping[str, Any]
WRITTEN = "own words"
ASKED = "likelihood of the parent's words"
ENOUGH = 0.5
"""Share of the answers that both must read by the same tokens."""

Sample = tuple[str, int]
"""Item and number of the sample."""


def wants(
    known: Known, *, samples: int = 8, items: int = 40, tokens: int = 32
) -> Iterator[RunSpec]:
    """Parents' answers to the targets of their children, and how likely both find them.

    tokens: cap of an answer.
    """
    for base, other in known.edges:
        for spec in known.written():
            own = spec.benchmark.capability in known.targets.get(other.id, ())
            if spec.protocol == "uniform" and spec.model.id == base.id and own:
                yield sampled(
                    spec,
                    WRITTEN,
                    samples=samples,
                    items=items,
                    temperature=1.0,
                    top_k=0,
                    top_p=1.0,
                    until=[],
                    max_gen_toks=tokens,
                )
        for written in _written(known, base, other):
            for model in (base, other):
                yield likelihoods(written, model, ASKED)


def rows(known: Known, tradeoff: Tradeoff) -> Iterator[Row]:  # noqa: ARG001
    """For each edge the divergence over all targets, nats a text and nats a token."""
    asked = {
        (result.spec.model.id, result.spec.likelihood_of): result for result in known.scored(ASKED)
    }
    for base, other in known.edges:
        place = {"model": other.id, "base": base.id, "protocol": "uniform", "kind": "summary"}
        measured = []
        for written in _written(known, base, other):
            key = written.provenance.response_key
            ends = [asked.get((model.id, key)) for model in (base, other)]
            if ends[0] is not None and ends[1] is not None:
                measured.append((written, ends[0], ends[1]))
        if measured:
            yield {**place, **_divergence(measured)}


def _written(known: Known, base: Model, other: Model) -> list[Result]:
    """A parent's answers to what a child of it was trained for."""
    targets = known.targets.get(other.id, ())
    return [
        result
        for result in known.scored(WRITTEN)
        if result.spec.model.id == base.id and result.spec.benchmark.capability in targets
    ]


def _divergence(measured: Sequence[tuple[Result, Result, Result]]) -> Row:
    """measured: for each benchmark the answers, and what parent and child say to them."""
    gaps: dict[str, list[float]] = {}
    clusters: dict[str, str] = {}
    tokens = kept = drawn = 0
    for written, *ends in measured:
        parent, child = ({(i.item_id, i.sample): i for i in end.items} for end in ends)
        for item in written.items:
            place = item.item_id, item.sample
            drawn += 1
            if not _alike(item, parent.get(place), child.get(place)):
                continue
            kept += 1
            tokens += parent[place].n_tokens or 0
            gaps.setdefault(item.item_id, []).append(parent[place].score - child[place].score)
            clusters[item.item_id] = item.cluster_id
    counts = {"n": len(gaps), "samples": kept, "left_out": drawn - kept}
    if kept < ENOUGH * drawn:
        return {
            **counts,
            "kind": "not_applicable",
            "reason": "parent and child read most answers by other tokens than they were drawn by, "
            "so that their likelihoods cannot be compared",
        }
    values: Floats = np.array([float(np.mean(each)) for each in gaps.values()])
    total = float(sum(sum(each) for each in gaps.values()))
    if not np.isfinite(values).all():
        return {**counts, "kind": "not_applicable", "reason": "the child finds a text impossible"}
    most = float(np.abs(values).max())
    found = composite_difference([Part(values, list(clusters.values()), 1.0, -most, most)])
    return {
        **counts,
        "kl": found.value,
        "low": finite(found.low),
        "high": finite(found.high),
        "kl_per_token": total / tokens,
    }


def _alike(written: Item, parent: Item | None, child: Item | None) -> bool:
    """Whether both read the tokens that were drawn."""
    if parent is None or child is None or written.n_tokens is None:
        return False
    drawn = written.n_tokens + (not written.truncated)
    return bool(parent.response) and parent.response == child.response and parent.n_tokens == drawn
