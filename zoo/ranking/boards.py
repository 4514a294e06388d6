"""Claims to a leaderboard: filtered, composed, ranked, held against their parents."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from zoo.benchmarks import Suite
from zoo.clustered import Floats
from zoo.composites import BenchmarkKey, sized
from zoo.errors import UnknownNameError
from zoo.ranking.claims import Claim, Material
from zoo.ranking.composing import Composed, compose, measures_of
from zoo.ranking.deltas import adjusted, deltas_of
from zoo.ranking.nouns import GENERAL, SPECIAL, Column, Delta, Entry, Identity, Leaderboard, Ranks
from zoo.ranking.ranks import rank_bounds
from zoo.results import PROTOCOLS
from zoo.uncollected import uncollected

SIGNIFICANT = 0.05
ALIKE = 9
"""Digits in which two means of the same cells agree that say the same."""


@dataclass(frozen=True)
class Wanted:
    """Which claims a leaderboard is of, and what it is sorted by.

    families, licence: patterns as of file names. min_size, max_size: parameters; a model whose size
    is not known is left out where either is given. protocol: None for both. sort: "G", "S" or a
    capability.
    """

    families: tuple[str, ...] = ("*",)
    regime: str | None = None
    min_size: int | None = None
    max_size: int | None = None
    licence: str | None = None
    protocol: str | None = None
    sort: str = GENERAL


def leaderboard_of(material: Material, wanted: Wanted = Wanted(), name: str = "") -> Leaderboard:
    """The leaderboard of what is wanted. Raises UnknownNameError for a sort that is not measured.

    Ranks are among the complete entries of one protocol, all asked the same number of items.
    """
    fit = sized(
        (b for b in material.suite.benchmarks if b.key in material.fit), _sizes(material.claims)
    )
    measures = measures_of(fit)
    sort = wanted.sort
    if sort == GENERAL and GENERAL not in measures:
        sort = SPECIAL
    if sort not in measures:
        raise UnknownNameError("capability", sort, measures)
    with uncollected():
        return _board(material, measures, wanted, sort, name)


def _sizes(claims: Iterable[Claim]) -> dict[BenchmarkKey, int]:
    """The most items that any claim has of each benchmark, of one's own claims where there are."""
    own, others = Counter[BenchmarkKey](), Counter[BenchmarkKey]()
    for claim in claims:
        sizes = own if claim.is_own else others
        sizes |= {key: cell.n for key, cell in claim.cells.items()}
    return {**others, **own}


def _board(
    material: Material, measures: Mapping[str, Floats], wanted: Wanted, sort: str, name: str
) -> Leaderboard:
    known, benchmarks = compose(material, measures), material.suite.benchmarks
    by_model: dict[str, list[Composed]] = {}
    for each in known:
        by_model.setdefault(each.claim.facts["model"], []).append(each)
    chosen = {e.claim.facts["entry"]: e for e in known if _is_wanted(e.claim.facts, wanted)}
    limit = _usual_limit(chosen.values(), material.suite)
    entries = [
        _entry(each, by_model, material, _gap(each.claim, material, limit))
        for each in chosen.values()
    ]
    entries = [
        entry
        for protocol in PROTOCOLS
        for entry in _ranked([e for e in entries if e.protocol == protocol], sort)
    ]
    return Leaderboard(
        name=name,
        suite=material.suite.name,
        sort=sort,
        columns=tuple(
            Column(b.task, b.metric, b.filter, b.num_fewshot, b.axis, b.capability)
            for b in benchmarks
        ),
        capabilities={b.capability: b.axis for b in benchmarks if b.key in material.fit},
        entries=tuple(adjusted(entries, sort)),
        limit=limit,
        notes=tuple(_notes(entries, material, limit)),
    )


def significant(board: Leaderboard) -> Leaderboard:
    """Only the entries that are significantly better than a parent of theirs (Holm, p <= .05)."""

    kept = (e for e in board.entries if any(is_better(d, board.sort) for d in e.deltas))
    return replace(board, entries=tuple(kept))


def is_sure(delta: Delta) -> bool:
    """Whether what the leaderboard is sorted by has changed significantly."""
    return delta.p_adjusted is not None and delta.p_adjusted <= SIGNIFICANT


def is_better(delta: Delta, sort: str) -> bool:
    """Whether that has become significantly better."""
    shift = delta.of(sort)
    return is_sure(delta) and shift is not None and shift.delta > 0


def top(board: Leaderboard, n: int) -> Leaderboard:
    """Only the first n entries under each protocol; their ranks are still among all."""
    seen = Counter[str]()
    kept = []
    for entry in board.entries:
        seen[entry.protocol] += 1
        if seen[entry.protocol] <= n:
            kept.append(entry)
    return replace(board, entries=tuple(kept))


def _is_wanted(facts: Mapping[str, Any], wanted: Wanted) -> bool:
    size = facts["parameters"]
    sized = wanted.min_size is not None or wanted.max_size is not None
    return (
        any(fnmatchcase(facts["family"], pattern) for pattern in wanted.families)
        and wanted.regime in (None, facts["regime"])
        and wanted.protocol in (None, facts["protocol"])
        and (
            wanted.licence is None
            or fnmatchcase(facts["licence"].casefold(), wanted.licence.casefold())
        )
        and (
            not sized
            or (
                size is not None and (wanted.min_size or 0) <= size <= (wanted.max_size or math.inf)
            )
        )
    )


def _usual_limit(claims: Iterable[Composed], suite: Suite) -> int | None:
    """How many items the most claims of the whole suite were asked; of equals the more."""
    whole = [each.claim for each in claims if len(each.claim.cells) == len(suite.benchmarks)]
    limits = Counter(claim.facts["limit_n"] for claim in whole)
    return max(limits, key=lambda n: (limits[n], math.inf if n is None else n), default=None)


def _gap(claim: Claim, material: Material, limit: int | None) -> str:
    """Why a claim is incomplete, "" where it is complete."""
    suite = material.suite
    if len(claim.cells) < len(suite.benchmarks):
        missing = [b.name for b in suite.benchmarks if b.key not in claim.cells]
        named = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        return f"lacks {len(missing)} of {len(suite.benchmarks)} benchmarks: {named}"
    if claim.facts["limit_n"] != limit:
        own, others = (
            "all items" if n is None else f"the first {n} items"
            for n in (claim.facts["limit_n"], limit)
        )
        return f"it was asked {own} of each benchmark, the others {others}"
    cells = claim.cells.items()
    unfit = [key[0] for key, cell in cells if cell.is_unfit and key in material.fit]
    if unfit:
        named = ", ".join(unfit[:3])
        return f"its value is on no scale from a guesser to perfection: {named}"
    unknown = [key[0] for key, cell in cells if cell.normalised is None and not cell.is_unfit]
    if unknown:
        return f"what a guesser scores is not known: {', '.join(unknown[:3])}"
    return ""


def _entry(
    one: Composed, by_model: Mapping[str, Sequence[Composed]], material: Material, gap: str
) -> Entry:
    facts, cells = one.claim.facts, one.claim.cells
    return Entry(
        rank=None,
        model=facts["model"],
        revision=facts["revision"],
        family=facts["family"],
        regime=facts["regime"],
        parents=facts["parents"],
        protocol=facts["protocol"],
        general=one.general,
        special=one.special,
        capabilities=one.capabilities,
        scores=tuple(map(cells.get, material.keys)),
        deltas=tuple(deltas_of(one, by_model, material)),
        parameters=facts["parameters"],
        licence=facts["licence"],
        step=facts["step"],
        training_seed=facts["training_seed"],
        source=facts["source"],
        identity=Identity(
            dtype=facts["dtype"],
            loader=facts["loader"],
            engine=facts["engine"],
            limit=facts["limit_n"],
            seed=facts["seed"],
            weights=facts["weights"],
            versions=facts["versions"],
            finished=facts["finished"],
        ),
        measured=len(cells),
        from_items=one.is_from_items,
        cells=one.claim.digest,
        gap=gap,
    )


def _ranked(entries: Sequence[Entry], sort: str) -> list[Entry]:
    """The complete ones from the best down with their ranks, then the others.

    What several sources say alike of the same cells is one among those that are ranked.
    """

    def value(entry: Entry) -> float:
        mean = entry.of(sort)
        return -math.inf if mean is None else mean.value

    def told(entry: Entry) -> tuple[str, float]:
        return entry.cells, round(value(entry), ALIKE)

    ordered = sorted(entries, key=lambda e: (not e.is_complete, -value(e), e.model, e.source != ""))
    complete = [e for e in ordered if e.is_complete and e.of(sort)]
    one_each: dict[tuple[str, float], Entry] = {}
    for entry in sorted(complete, key=lambda e: e.source != ""):  # one's own first
        one_each.setdefault(told(entry), entry)
    distinct = list(one_each.values())
    means = [mean for e in distinct if (mean := e.of(sort))]
    errors = [math.nan if mean.stderr is None else mean.stderr for mean in means]
    paired = _paired_errors(distinct, sort)
    bounds = rank_bounds([mean.value for mean in means], errors, paired=paired).tolist()
    ranks = {each: Ranks(*b) for each, b in zip(one_each, bounds, strict=True)}
    ranked = [replace(e, rank=ranks[told(e)]) for e in complete]
    return [*ranked, *ordered[len(ranked) :]]


def _paired_errors(entries: Sequence[Entry], sort: str) -> dict[tuple[int, int], float]:
    """The errors of differences that are known from the items: those along edges, by place."""
    places = {(entry.source, entry.cells): place for place, entry in enumerate(entries)}
    return {
        (places[entry.source, delta.cells], place): shift.stderr
        for place, entry in enumerate(entries)
        for delta in entry.deltas
        if delta.paired
        and (entry.source, delta.cells) in places
        and (shift := delta.of(sort)) is not None
        and shift.stderr is not None
    }


def _notes(entries: Sequence[Entry], material: Material, limit: int | None) -> Iterator[str]:
    if not entries:
        yield f"the filters choose none of {len(material.claims)} entries"
    if limit is not None:
        yield f"ranked on the first {limit} items of each benchmark"
    if left_out := [b.name for b in material.suite.benchmarks if b.key not in material.fit]:
        yield f"in no mean, being on no scale from a guesser to perfection: {', '.join(left_out)}"
    if incomplete := sum(not entry.is_complete for entry in entries):
        yield f"{incomplete} of {len(entries)} entries are incomplete and stand apart, without rank"
    ranked = [entry for entry in entries if entry.is_complete]
    if coarse := sum(not entry.from_items for entry in ranked):
        yield (
            f"{coarse} of {len(ranked)} ranked entries have errors from aggregates, as if their "
            "benchmarks shared nothing; `zoo store rebuild` sums up what has items here"
        )
