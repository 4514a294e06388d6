"""What people say about fine-tuning, as tests."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.claims import Case, Condition, NotTestable, above, below, case, declare
from zoo.contrasts import Change, EdgeTradeoff, FrontierPoint, Tradeoff
from zoo.findings import (
    composite_cases,
    composite_condition,
    edges_into,
    estimate_condition,
    independent,
    matched,
    probe_rows,
    siblings_of,
    stages_into,
    turned,
)
from zoo.hookspecs import Claim
from zoo.repetitions import alike, over_seeds, repeated, time_share
from zoo.seeds import FEW
from zoo.stats import Interval

NAME = "fine-tuned"
MARGIN = 0.02
FEW_CHECKPOINTS = 3


def claims() -> list[Claim]:
    """H3, H4, H5, H15, H19 and H22."""
    return [
        declare("H3", "domain fine-tuning raises the domain skill", _raises),
        declare("H4", "domain fine-tuning makes a fool at the rest", _forgets),
        declare("H5", "the loss of fine-tuning is over-fitting", _overfits),
        declare("H15", "reinforcement forgets less than fine-tuning", _less_than_tuning),
        declare("H19", "adapters are cheaper and forget less", _adapters),
        declare("H22", "fine-tuning needs little data", _little_data, margin=0.0),
    ]


def _raises(tradeoff: Tradeoff) -> list[Case]:
    return composite_cases(tradeoff, NAME, "special", above(MARGIN))


def _forgets(tradeoff: Tradeoff) -> Iterator[Case]:
    native = {
        (edge.base, edge.other): edge.general
        for edge in edges_into(tradeoff, NAME, "native")
        if edge.protocol == "native"
    }
    for found in composite_cases(tradeoff, NAME, "general", below(-MARGIN)):
        ((uniform,),) = found.alternatives
        change = native.get((found.base or "", found.other or ""))
        lost = change is not None and change.high is not None and change.high < -MARGIN
        note = "native only: format loss" if lost and uniform.high >= -MARGIN else ""
        yield case(found.base, found.other, uniform, note=note)


def _overfits(tradeoff: Tradeoff) -> Iterator[Case]:
    stages_into(tradeoff, NAME)
    own = {stage.model for stage in tradeoff.stages if stage.regime == NAME}
    series = [s for s in tradeoff.series if own.issuperset(s.models) and s.protocol == "uniform"]
    long = [each for each in series if len(each.models) >= FEW_CHECKPOINTS]
    if not long:
        raise NotTestable(
            f"it needs a series of {FEW_CHECKPOINTS} or more checkpoints of one fine-tuning"
        )
    for each in long:
        peak = estimate_condition("S of the last minus the best", each.after_peak, below(0.0))
        fall = estimate_condition("G of the last minus the first", each.general_change, below(0.0))
        if peak and fall:
            note = "by held-out benchmarks; the loss on training data is not measured"
            yield case(each.models[0], each.models[-1], peak, fall, note=note)


def _less_than_tuning(tradeoff: Tradeoff) -> Iterator[Case]:
    pairs = list(siblings_of(tradeoff, NAME, "RL-tuned"))
    if not pairs:
        raise NotTestable(
            "it needs a fine-tuned and an RL-tuned stage of one parent and for one target"
        )
    yield from _at_matched_skill(tradeoff, [row for row, _, _ in pairs], MARGIN)


def _adapters(tradeoff: Tradeoff) -> Iterator[Case]:
    """Over training seeds: one training of each says too little of how long each takes."""
    points = repeated(tradeoff, NAME)
    pairs = [
        (full, adapter)
        for full in points
        for adapter in points
        if not full.adapter and adapter.adapter and _same_work(full, adapter)
    ]
    if not pairs:
        raise NotTestable(
            f"it needs a full fine-tuning and an adapter from one parent, on the same data with as "
            f"many steps of one batch, {FEW} training seeds of each"
        )
    gaps = [abs((full.special.value or 0.0) - (own.special.value or 0.0)) for full, own in pairs]
    near = [pair for pair, gap in zip(pairs, gaps, strict=True) if gap <= MARGIN]
    if not near:
        raise NotTestable(
            f"it needs an adapter and a full fine-tuning whose S is the same within "
            f"{100 * MARGIN:.0f} points over their seeds (the nearest differ by "
            f"{100 * min(gaps):.1f})"
        )
    for full, adapter in near:
        kept = over_seeds(full, adapter, "general", above(0.0))
        cheaper = time_share(full, adapter, below(-1.0))
        yield case(full.models[0], adapter.models[0], kept, cheaper)


def _same_work(full: FrontierPoint, adapter: FrontierPoint) -> bool:
    """Whether both learned from the same rows in as many steps of one batch."""
    names = ("batch",) if full.step is not None else ("batch", "steps")
    same = {*full.rows} == {*adapter.rows} and "" not in full.rows
    told = all(full.settings.get(name) == adapter.settings.get(name) for name in names)
    return same and told and alike(full, adapter, "recipe", "settings", "source")


def _at_matched_skill(
    tradeoff: Tradeoff, pairs: list[EdgeTradeoff], threshold: float
) -> Iterator[Case]:
    """ΔG between siblings whose S is the same within the margin."""
    fit = [row for row in pairs if matched(row.special, MARGIN)]
    if not fit:
        deltas = ", ".join(
            f"{100 * row.special.delta:+.1f}" for row in pairs if row.special.delta is not None
        )
        raise NotTestable(
            f"it needs two such stages whose S is the same within {100 * MARGIN:.0f} points "
            f"(it differs by {deltas or 'an unknown amount'})"
        )
    for row in fit:
        condition = composite_condition(tradeoff, row, "general", above(threshold))
        if condition:
            yield case(row.base, row.other, condition)


def _little_data(tradeoff: Tradeoff) -> Iterator[Case]:
    """Over training seeds where amounts of data have them, else of each pair of stages."""
    points = [point for point in repeated(tradeoff, NAME) if point.examples]
    tried = False
    for many in points:
        amounts = [point for point in points if alike(point, many, "examples", "step")]
        most = max(point.examples or 0 for point in amounts)
        fit = [point for point in amounts if 10 * (point.examples or 0) <= most]
        if many.examples != most or not fit:
            continue
        few = max(fit, key=lambda point: point.examples or 0)
        what = f"with {few.examples} examples minus .9 of ΔS with {most}, over seeds"
        tried = True
        _learned(many.special.low)
        condition = over_seeds(many, few, "special", above(0.0), what, 0.9)
        yield case(many.models[0], few.models[0], condition)
    if not tried:
        yield from _little_data_by_stage(tradeoff)


def _little_data_by_stage(tradeoff: Tradeoff) -> Iterator[Case]:
    """The gain with a tenth of the data minus .9 of the gain with all of it, from one parent.

    That is the difference of the two stages, on the same items, plus a tenth of the full gain.
    """
    rows = [row for row in probe_rows(tradeoff, "training", "data") if row.get("examples")]
    examples = {row["model"]: row["examples"] for row in rows}
    source = {row["model"]: row.get("source") for row in rows}
    gains = {edge.other: edge.special for edge in edges_into(tradeoff, NAME)}
    for row in tradeoff.siblings:
        if row.protocol != "uniform" or not {row.base, row.other} <= examples.keys():
            continue
        pair = row if examples[row.base] >= examples[row.other] else turned(row)
        if source[pair.base] != source[pair.other]:
            continue
        few, many = examples[pair.other], examples[pair.base]
        behind = _interval(pair.special)
        whole = _interval(gains[pair.base]) if pair.base in gains else None
        if few > many / 10 or behind is None or whole is None:
            continue
        _learned(whole.low)
        tenth = Interval(-whole.value / 10, -whole.high / 10, -whole.low / 10)
        found = independent(tenth, behind)
        what = f"ΔS with {few} examples minus .9 of ΔS with {many}"
        yield case(
            pair.base,
            pair.other,
            Condition(what, found.value, found.low, found.high, above(0.0)),
            note="one training seed for each amount",
        )


def _learned(low: float | None) -> None:
    """Raises NotTestable where the gain with all data is not above the margin: there is nothing of
    which a tenth of the data could give nine tenths."""
    if low is None or low <= MARGIN:
        raise NotTestable(
            f"it needs a gain with all of the data that is surely above {100 * MARGIN:.0f} points"
        )


def _interval(change: Change) -> Interval | None:
    if change.delta is None or change.low is None or change.high is None:
        return None
    return Interval(change.delta, change.low, change.high)
