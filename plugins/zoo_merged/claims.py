"""What people say about merging, as a test."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.claims import Case, above, case, declare
from zoo.contrasts import Tradeoff
from zoo.findings import composite_condition, edges_into
from zoo.hookspecs import Claim

NAME = "merged"
MARGIN = 0.02


def claims() -> list[Claim]:
    """M1; its interval is widened for itself alone, since the host's claims are declared apart."""
    return [declare("M1", "a merge keeps what its parents can", _keeps, MARGIN, declared=1)]


def _keeps(tradeoff: Tradeoff) -> Iterator[Case]:
    """Against each parent: neither G nor S below by more than the margin."""
    for edge in edges_into(tradeoff, NAME, "native"):
        conditions = [
            condition
            for composite in ("general", "special")
            if (condition := composite_condition(tradeoff, edge, composite, above(-MARGIN)))
        ]
        if conditions:
            yield case(edge.base, edge.other, *conditions)
