"""What a claim changed against its parents: paired where a run held both, else from both errors.

A paired change is taken where it is the difference of what both claims have, in G, S and every
capability: else it is of other benchmarks or weights than the numbers that it would stand beside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.effects import Mean, Shift
from zoo.ranking.claims import Material
from zoo.ranking.composing import Composed, is_same
from zoo.ranking.nouns import GENERAL, SPECIAL, Delta, Entry
from zoo.stats import Summary, holm, unpaired_difference

SAME = ("protocol", "dtype", "loader", "engine", "limit_n", "seed")
"""What two claims must share for a difference between them to be the model's."""

Look = tuple[str, str, str]
"""What a change is of: the child's cells, the parent's id and its cells."""


def deltas_of(
    one: Composed, by_model: Mapping[str, Sequence[Composed]], material: Material
) -> Iterator[Delta]:
    """A delta for each parent that one of the claims is about.

    by_model: all claims, by id. A paired change is of exactly the cells that both claims have, and
    of their source; of several claims about a parent, one of that source comes first.
    """
    facts = one.claim.facts
    edges = material.edges.get(one.claim.place, ())
    for parent in facts["parents"]:
        known = by_model.get(parent, ())
        bases = {each.claim.place: each for each in known}
        paired = [
            edge
            for edge in edges
            if edge["base"] == parent
            and (base := bases.get((facts["source"], edge["base_cells"], facts["protocol"])))
            and _is_of(edge, base, one)
        ]
        if paired:
            yield _paired(parent, paired[0])
            continue
        alike = [
            each
            for each in known
            if all(each.claim.facts[name] == facts[name] for name in SAME)
            and each.claim.cells.keys() == one.claim.cells.keys()
        ]
        own = [each for each in alike if each.claim.facts["source"] == facts["source"]]
        if alike:
            yield _unpaired(parent, (own or alike)[-1], one)


def adjusted(entries: Sequence[Entry], measure: str) -> list[Entry]:
    """With Holm's p over all deltas of the measure under each protocol.

    What several sources say of one change, the same cells at both ends, is looked at once: its p is
    that of one's own entry, else the greatest.
    """
    looks: dict[str, dict[Look, tuple[bool, float]]] = {}
    for entry in entries:
        for delta in entry.deltas:
            p = _p(delta.of(measure))
            if not math.isnan(p):
                own = looks.setdefault(entry.protocol, {})
                look, said = _look(entry, delta), (not entry.source, p)
                own[look] = max(own.get(look, said), said)
    found: dict[tuple[str, Look], float] = {
        (protocol, look): p
        for protocol, own in looks.items()
        for look, p in zip(own, holm([p for _, p in own.values()]).tolist(), strict=True)
    }

    def told(entry: Entry, delta: Delta) -> Delta:
        p = _p(delta.of(measure))
        if math.isnan(p):
            return replace(delta, p_adjusted=None)
        return replace(delta, p_adjusted=max(p, found[entry.protocol, _look(entry, delta)]))

    return [replace(e, deltas=tuple(told(e, delta) for delta in e.deltas)) for e in entries]


def _look(entry: Entry, delta: Delta) -> Look:
    return entry.cells, delta.parent, delta.cells


def _p(shift: Shift | None) -> float:
    return math.nan if shift is None or shift.p is None else shift.p


def _is_of(edge: Mapping[str, Any], base: Composed, other: Composed) -> bool:
    """Whether an edge's changes are the differences of the composites of both its ends."""
    said = {**edge["capabilities"], GENERAL: edge["general"], SPECIAL: edge["special"]}
    before, after = base.means, other.means
    for name in before.keys() | after.keys() | said.keys():
        ends, shift = (before.get(name), after.get(name)), said.get(name)
        if ends[0] is None or ends[1] is None or shift is None:
            if shift is not None or None not in ends:
                return False
        elif not is_same(ends[1].value - ends[0].value, shift["delta"]):
            return False
    return True


def _paired(parent: str, edge: Mapping[str, Any]) -> Delta:
    def shift(table: Mapping[str, Any] | None) -> Shift | None:
        return Shift(**table) if table else None

    capabilities = {name: Shift(**each) for name, each in edge["capabilities"].items()}
    return Delta(
        parent,
        edge["base_cells"],
        True,
        shift(edge["general"]),
        shift(edge["special"]),
        capabilities,
    )


def _unpaired(parent: str, base: Composed, other: Composed) -> Delta:
    def shift(before: Mean | None, after: Mean | None) -> Shift | None:
        if before is None or after is None or before.stderr is None or after.stderr is None:
            return None
        # the counts matter only where an error is not known
        change = unpaired_difference(
            *(Summary(mean.value, mean.stderr, 0) for mean in (before, after))
        )
        return Shift(change.value, change.stderr, change.low, change.high, change.p)

    shifts = {
        name: shift(base.capabilities.get(name), mean) for name, mean in other.capabilities.items()
    }
    return Delta(
        parent,
        base.claim.digest,
        False,
        shift(base.general, other.general),
        shift(base.special, other.special),
        {name: each for name, each in shifts.items() if each},
    )
