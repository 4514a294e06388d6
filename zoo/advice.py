"""What a reader asks last, answered from measured cells only: one sentence each, with its numbers.

Where the cells that a question needs were not measured, the answer says what they would be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoo.composites import capability_mean
from zoo.contrasts import Change, EdgeTradeoff, FrontierPoint, Stage, Tradeoff, Transfer
from zoo.findings import regime_of, stage_of
from zoo.results import Protocol

Row = Mapping[str, Any]
NATIVE_FIRST: tuple[Protocol, ...] = ("native", "uniform")
OVER_SEEDS = "true of these settings and data, by their training seeds"
CAUTION = "intervals are over items: true of these checkpoints, not of the methods"


def advise(tradeoff: Tradeoff) -> tuple[Row, ...]:
    """A row for each question: question, answer, measured, evidence."""
    return (
        *(_which_stage(tradeoff, target) for target in tradeoff.targets),
        _which_in_general(tradeoff),
        _which_start(tradeoff),
        _adapter_or_full(tradeoff),
        _retrieval_or_tuning(tradeoff),
    )


def _which_stage(tradeoff: Tradeoff, target: str) -> Row:
    """The stage with the highest mean score on a capability, and what it paid."""
    question = f"Which stage should I use for {target}?"
    for protocol in NATIVE_FIRST:
        scores = {
            stage.model: score
            for stage in tradeoff.stages
            if (score := _capability(stage, target, protocol)) is not None
        }
        if len(scores) == len(tradeoff.stages) and len(scores) > 1:
            return _best(tradeoff, question, scores, target, protocol)
    return _unmeasured(question, f"every stage on every benchmark of {target}, and two stages")


def _best(
    tradeoff: Tradeoff, question: str, scores: Mapping[str, float], target: str, protocol: Protocol
) -> Row:
    first, second = sorted(scores, key=lambda model: -scores[model])[:2]
    if scores[first] <= 0:
        return _row(
            question, f"none: no stage scores better than a guesser on {target} ({protocol})", []
        )
    answer = (
        f"{first} has the highest score of {target}, {_points(scores[first])} of 100 normalised "
        f"points ({protocol}); the next is {second} with {_points(scores[second])}"
    )
    changes = [
        row
        for row in tradeoff.transfer
        if (row.other, row.capability, row.protocol) == (first, target, protocol)
    ]
    evidence = [_said(row) for row in changes]
    paid = [e for e in tradeoff.tradeoffs if (e.other, e.protocol) == (first, protocol)]
    costs = [f"ΔG {_interval(e.general)} against {e.base}" for e in paid if _known(e.general)]
    if costs:
        answer += f"; in general ability it has {', '.join(costs)}"
    return _row(
        question,
        f"{answer}; {_told_apart(tradeoff, first, second, target, protocol)}",
        [*evidence, *costs],
    )


def _told_apart(tradeoff: Tradeoff, one: str, two: str, target: str, protocol: Protocol) -> str:
    """What the two were found to differ by, where they were compared on the same items."""
    limits = [
        (row.low, row.high)
        for row in tradeoff.transfer
        if {row.base, row.other} == {one, two}
        and (row.capability, row.protocol) == (target, protocol)
    ]
    limits += [
        (row.special.low, row.special.high)
        for row in tradeoff.siblings
        if {row.base, row.other} == {one, two}
        and (row.targets, row.protocol) == ((target,), protocol)
    ]
    for low, high in limits:
        if low is not None and high is not None:
            apart = "" if low > 0 or high < 0 else "not "
            return f"the two are {apart}told apart by the items they share"
    return "the two were not compared on the same items"


def _which_in_general(tradeoff: Tradeoff) -> Row:
    question = "Which stage gives up nothing for what it gained?"
    for protocol in NATIVE_FIRST:
        front = [row for row in tradeoff.joint if row.protocol == protocol]
        if len(front) > 1 and len(front) == len(tradeoff.stages):
            best = sorted(front, key=lambda row: -row.pareto)
            shares = [f"{row.model} {row.pareto:.2f}" for row in best]
            kept = [row.model for row in best if row.pareto >= 0.5]
            named = ", ".join(kept) or "none with a probability of a half or more"
            answer = (
                f"on the front of G and S over {', '.join(tradeoff.targets)} ({protocol}): "
                f"{named}; "
                f"probabilities: {', '.join(shares)}"
            )
            return _row(question, answer, shares)
    return _unmeasured(question, "G and S of every stage under one protocol")


def _which_start(tradeoff: Tradeoff) -> Row:
    question = "Should I fine-tune from the base or from the instruct model?"
    if ways := _by_ways(tradeoff, question, lambda p: f"from {regime_of(tradeoff, p.base)}"):
        return ways
    for protocol in NATIVE_FIRST[::-1]:
        for row in tradeoff.siblings:
            starts = [_regime_of_parent(tradeoff, name) for name in (row.base, row.other)]
            tuned = {regime_of(tradeoff, row.base), regime_of(tradeoff, row.other)}
            apart = set(starts) == {"pretrained", "instruction-tuned"}
            if apart and tuned == {"fine-tuned"} and row.protocol == protocol:
                return _row(question, _compared(row, "the start"), [_changes(row)])
    return _unmeasured(
        question, "one fine-tuning made alike from a base and from its instruct model"
    )


def _adapter_or_full(tradeoff: Tradeoff) -> Row:
    question = "An adapter or full fine-tuning?"
    kinds = {False: "full fine-tuning", True: "an adapter"}
    if ways := _by_ways(tradeoff, question, lambda point: kinds[point.adapter]):
        return ways
    adapters = {each.model for each in tradeoff.training if each.adapter}
    for row in tradeoff.siblings:
        ends = [stage_of(tradeoff, name) for name in (row.base, row.other)]
        same = ends[0] and ends[1] and ends[0].targets == ends[1].targets
        if same and row.protocol == "uniform" and len({row.base, row.other} & adapters) == 1:
            return _row(question, _compared(row, "the kind of training"), [_changes(row)])
    return _unmeasured(
        question, "a stage tuned in full and an adapter of one parent and for one target"
    )


def _by_ways(tradeoff: Tradeoff, question: str, kind: Callable[[FrontierPoint], str]) -> Row | None:
    """Which kinds of ways to fine-tune are on the front over their seeds; None of one kind."""
    ways = [
        point
        for point in tradeoff.frontier
        if point.last and point.seeds and point.front is not None
        if regime_of(tradeoff, point.models[0]) == "fine-tuned"
    ]
    found: dict[str, list[FrontierPoint]] = {}
    for point in ways:
        found.setdefault(kind(point), []).append(point)
    if len(found) < 2:
        return None
    parts = []
    for name, points in found.items():
        front = [_way(point) for point in points if (point.front or 0) >= 0.5]
        parts.append(f"{name}: {', '.join(front) or 'none'} ({len(front)} of {len(points)} ways)")
    return _row(
        question, f"on the front of ΔS and ΔG over seeds, {'; '.join(parts)}", parts, OVER_SEEDS
    )


def _way(point: FrontierPoint) -> str:
    rate = point.settings.get("learning_rate")
    name = f"{point.recipe} at {rate}" if rate is not None else point.recipe
    changes = [f"{100 * (each.value or 0):+.1f}" for each in (point.special, point.general)]
    return f"{name} (ΔS {changes[0]}, ΔG {changes[1]})"


def _retrieval_or_tuning(tradeoff: Tradeoff) -> Row:
    question = "Retrieval or fine-tuning for new facts?"
    for row in tradeoff.siblings:
        regimes = [regime_of(tradeoff, name).lower() for name in (row.base, row.other)]
        if "fine-tuned" in regimes and any("retriev" in name for name in regimes):
            return _row(question, _compared(row, "the way to the facts"), [_changes(row)])
    return _unmeasured(question, "a stage that answers with retrieval beside a fine-tuned one")


def _compared(row: EdgeTradeoff, what: str) -> str:
    """Two stages that differ in one decision, in a sentence."""
    general, special = row.general, row.special
    if not _known(general) or not _known(special):
        return f"{row.base} and {row.other} differ in {what}, and their ΔG or ΔS is not known"
    ahead = [
        f"{row.other if change.low > 0 else row.base} is ahead in {name}"  # type: ignore[operator]
        for name, change in (("G", general), ("S", special))
        if change.low > 0 or change.high < 0  # type: ignore[operator]
    ]
    verdict = " and ".join(ahead) or "neither is told apart from the other in G or S"
    return (
        f"{row.other} minus {row.base}: ΔG {_interval(general)}, ΔS {_interval(special)} "
        f"({row.protocol}): {verdict}"
    )


def _changes(row: EdgeTradeoff) -> str:
    return f"{row.base} → {row.other}: ΔG {_interval(row.general)}, ΔS {_interval(row.special)}"


def _capability(stage: Stage, capability: str, protocol: Protocol) -> float | None:
    """The mean normalised score of a capability, None where a benchmark of it is missing."""
    asked = [s for s in stage.scores if (s.capability, s.protocol) == (capability, protocol)]
    return capability_mean(asked)


def _regime_of_parent(tradeoff: Tradeoff, model: str) -> str:
    stage = stage_of(tradeoff, model)
    parents = stage.base_model if stage else None
    first = parents if isinstance(parents, str) else next(iter(parents or ()), "")
    return regime_of(tradeoff, first)


def _said(row: Transfer) -> str:
    change = Change(row.delta, row.low, row.high)
    return f"{row.capability} {_interval(change)} against {row.base} ({row.protocol})"


def _known(change: Change) -> bool:
    return None not in (change.delta, change.low, change.high)


def _interval(change: Change) -> str:
    if change.delta is None:
        return "not known"
    if change.low is None or change.high is None:
        return f"{100 * change.delta:+.1f}"
    return f"{100 * change.delta:+.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _row(question: str, answer: str, evidence: Sequence[str], caution: str = CAUTION) -> Row:
    return {
        "question": question,
        "answer": f"{answer} ({caution}).",
        "measured": True,
        "evidence": list(evidence),
    }


def _unmeasured(question: str, needed: str) -> Row:
    answer = f"Not measured: it needs {needed}."
    return {"question": question, "answer": answer, "measured": False, "evidence": []}
