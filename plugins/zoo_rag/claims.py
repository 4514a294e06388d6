"""What people say about retrieval, as a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.claims import Case, Condition, above, below, case, declare
from zoo.contrasts import Tradeoff
from zoo.findings import (
    composite_condition,
    probe_rows,
    siblings_of,
    stages_into,
    two_shares,
)
from zoo.hookspecs import Claim
from zoo_rag import NAME

MARGIN = 0.02


def claims() -> list[Claim]:
    """H18."""
    return [declare("H18", "retrieval beats fine-tuning for new facts", _beats, MARGIN)]


def _beats(tradeoff: Tradeoff) -> Iterator[Case]:
    """The retrieving stage minus its fine-tuned sibling: S, and answers that are made up."""
    stages_into(tradeoff, NAME)
    rows = {
        (row["model"], row["protocol"], row["benchmark"]): row
        for row in probe_rows(tradeoff, "abstention", "summary")
    }
    benchmarks = dict.fromkeys(benchmark for _, _, benchmark in rows)
    for edge, tuned, retrieving in siblings_of(tradeoff, "fine-tuned", NAME):
        skill = composite_condition(tradeoff, edge, "special", above(MARGIN))
        ends = [
            [rows.get((model, edge.protocol, benchmark)) for model in (tuned, retrieving)]
            for benchmark in benchmarks
        ]
        made_up = [_fewer(*pair) for pair in ends if all(pair)]
        known = [condition for condition in made_up if condition is not None]
        if skill is not None and known:
            yield case(tuned, retrieving, skill, *known)


def _fewer(tuned: Any, retrieving: Any) -> Condition | None:
    """The share of wrong answers among those that are not right, of one benchmark."""
    if tuned["hallucination"] is None or retrieving["hallucination"] is None:
        return None
    found = two_shares(
        tuned["hallucination"],
        tuned["n_hallucination"],
        retrieving["hallucination"],
        retrieving["n_hallucination"],
    )
    what = f"hallucination, {tuned['benchmark']}"
    n = min(tuned["n_hallucination"], retrieving["n_hallucination"])
    return Condition(what, found.value, found.low, found.high, below(0.0), n)
