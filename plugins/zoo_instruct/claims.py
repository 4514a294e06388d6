"""What people say about instruction and preference tuning, as tests."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from zoo.claims import Case, Condition, NotTestable, Rule, above, below, case, declare
from zoo.contrasts import EdgeTradeoff, Stage, StageScore, Tradeoff
from zoo.findings import (
    composite_cases,
    composite_condition,
    edges_into,
    estimate_condition,
    items_of,
    probe_rows,
    regime_of,
    siblings_of,
    stage_of,
    stages_into,
    two_shares,
)
from zoo.hookspecs import Claim
from zoo.repetitions import alike, over_seeds, repeated
from zoo.stats import Z

NAME = "instruction-tuned"
MARGIN = 0.02
PREFERENCE = re.compile(r"(?<![a-z])(dpo|ipo|kto|orpo|simpo|cpo|apo|rlhf|rlaif)(?![a-z])", re.I)
"""How the id of a stage shows that it was tuned on preferences."""


def claims() -> list[Claim]:
    """H1, H2, H6 to H9, H17, H20 and H21."""
    return [
        declare("H1", "a base model continues instead of answering", _answers, 0.30),
        declare("H2", "a base model knows what it does not answer", _knows, 0.10),
        declare("H6", "instruction tuning keeps general ability", _keeps),
        declare("H7", "instruction tuning changes the manner of answers", _manner),
        declare("H8", 'instruction tuning teaches "I don\'t know"', _abstains, 0.05),
        declare("H9", "instruction tuning reduces hallucination", _hallucinates),
        declare("H17", "preference tuning hurts calibration", _calibration, 0.0),
        declare("H20", "preference tuning trades safety", _safety),
        declare("H21", "an instruct model is the better start to tune", _start),
    ]


def _answers(tradeoff: Tradeoff) -> Iterator[Case]:
    """The share of bare questions that get an answer, against that of the base."""
    edges = edges_into(tradeoff, NAME, "native")
    bare = {
        (stage.model, score.protocol, score.benchmark, score.metric)
        for stage in tradeoff.stages
        for score in stage.scores
        if score.num_fewshot == 0 and score.axis == "general"
    }
    rows = {(r.model, r.protocol, r.benchmark, r.metric): r for r in tradeoff.parsing}
    for edge in edges:
        if regime_of(tradeoff, edge.base) != "pretrained":
            continue
        for place, row in rows.items():
            model, protocol, benchmark, metric = place
            base = rows.get((edge.base, protocol, benchmark, metric))
            if (model, protocol) != (edge.other, edge.protocol) or place not in bare or not base:
                continue
            found = two_shares(base.parsed, base.n, row.parsed, row.n)
            what = f"share of answers, {benchmark} {protocol}"
            yield case(
                edge.base,
                edge.other,
                Condition(what, found.value, found.low, found.high, above(0.30), row.n),
            )


def _knows(tradeoff: Tradeoff) -> Iterator[Case]:
    """Accuracy after examples minus accuracy without, of one capability and metric."""
    for stage in stages_into(tradeoff, "pretrained"):
        scores = [s for s in stage.scores if s.protocol == "uniform" and s.value is not None]
        generated = {(r.benchmark, r.metric) for r in tradeoff.parsing if r.model == stage.model}
        for bare in scores:
            if bare.num_fewshot != 0 or (bare.benchmark, bare.metric) not in generated:
                continue
            for shown in scores:
                alike = (shown.capability, shown.metric) == (bare.capability, bare.metric)
                if alike and shown.num_fewshot:
                    yield case(None, stage.model, _gap(bare, shown))


def _gap(bare: StageScore, shown: StageScore) -> Condition:
    """Errors are added as independent, which is careful where the two ask the same."""
    assert bare.value is not None
    assert shown.value is not None
    delta = shown.value - bare.value
    half = Z * math.hypot(bare.stderr or 0.0, shown.stderr or 0.0)
    what = f"{shown.benchmark} minus {bare.benchmark}"
    n = min(bare.n, shown.n)
    return Condition(what, delta, delta - half, delta + half, above(0.10), n)


def _keeps(tradeoff: Tradeoff) -> list[Case]:
    return composite_cases(tradeoff, NAME, "general", above(-MARGIN))


def _manner(tradeoff: Tradeoff) -> Iterator[Case]:
    stages_into(tradeoff, NAME)
    for row in tradeoff.splits:
        if row.composite != "general" or regime_of(tradeoff, row.other) != NAME:
            continue
        n = items_of(tradeoff, row.base, row.other, "uniform")
        manner = estimate_condition("format share of ΔG", row.format, above(MARGIN), n)
        ability = estimate_condition("ability share of ΔG", row.ability, above(-MARGIN), n)
        if manner and ability:
            yield case(row.base, row.other, manner, ability)


def _changes(
    tradeoff: Tradeoff, fields: dict[str, tuple[str, Rule]], same_correct: bool
) -> Iterator[Case]:
    """Cases from the probe "abstention": shares of the child minus those of its parent."""
    rows = {
        (row["model"], row["protocol"], row["benchmark"]): row
        for row in probe_rows(tradeoff, "abstention", "summary")
    }
    unmatched = unknown = ""
    tried = False
    for edge in edges_into(tradeoff, NAME, "native"):
        for (model, protocol, benchmark), child in rows.items():
            base = rows.get((edge.base, protocol, benchmark))
            if (model, protocol) != (edge.other, edge.protocol) or base is None:
                continue
            if same_correct:
                correct = [
                    each["attempted"] * (each["accuracy_attempted"] or 0.0)
                    for each in (base, child)
                ]
                if abs(correct[1] - correct[0]) > MARGIN:
                    unmatched = f"(it differs by {100 * (correct[1] - correct[0]):+.1f})"
                    continue
            if any(each[field] is None for each in (base, child) for field in fields):
                unknown = "(it is not known what their root knows, or there is no such item)"
                continue
            conditions = []
            for field, (count, rule) in fields.items():
                sizes = [int(each.get(count) or each["n"]) for each in (base, child)]
                found = two_shares(base[field], sizes[0], child[field], sizes[1])
                name = field.replace("_", " ")
                conditions.append(
                    Condition(name, found.value, found.low, found.high, rule, min(sizes))
                )
            tried = True
            yield case(edge.base, edge.other, *conditions)
    if tried:
        return
    if unmatched:
        raise NotTestable(
            f"it needs two stages whose share of correct answers is the same within "
            f"{100 * MARGIN:.0f} points {unmatched}"
        )
    if unknown:
        raise NotTestable(f"it needs items that a stage could have abstained on {unknown}")


def _abstains(tradeoff: Tradeoff) -> list[Case]:
    fields = {
        "abstain_unknown": ("n_unknown", above(0.05)),
        "abstain_known": ("n_known", below(0.02)),
    }
    return list(_changes(tradeoff, fields, same_correct=False))


def _hallucinates(tradeoff: Tradeoff) -> list[Case]:
    fields = {"hallucination": ("n_hallucination", below(-MARGIN))}
    return list(_changes(tradeoff, fields, same_correct=True))


def _preference_edges(tradeoff: Tradeoff) -> list[EdgeTradeoff]:
    found = [
        edge
        for edge in tradeoff.tradeoffs
        if PREFERENCE.search(edge.other) and not PREFERENCE.search(edge.base)
    ]
    if not found:
        raise NotTestable(
            "it needs a stage that its id shows to be tuned on preferences (DPO, say)"
        )
    return found


def _calibration(tradeoff: Tradeoff) -> Iterator[Case]:
    edges = {(e.base, e.other, e.protocol) for e in _preference_edges(tradeoff)}
    for row in probe_rows(tradeoff, "calibration", "change"):
        place = row["base"], row["model"], row["protocol"]
        if row["benchmark"] is not None or place not in edges or place[2] != "uniform":
            continue
        if row["brier_low"] is None:
            continue
        yield case(
            row["base"],
            row["model"],
            *(
                Condition(
                    f"change of {name}",
                    row[name],
                    row[f"{name}_low"],
                    row[f"{name}_high"],
                    above(0.0),
                    row["n"],
                )
                for name in ("ece", "brier")
            ),
        )


def _safety(tradeoff: Tradeoff) -> Iterator[Case]:
    edges = {(e.base, e.other) for e in _preference_edges(tradeoff)}
    rows = [row for row in tradeoff.transfer if row.capability == "safety"]
    if not rows:
        raise NotTestable('it needs a capability "safety" in the suite')
    for row in rows:
        limits = row.low, row.high
        if (row.base, row.other) in edges and row.against == "parent" and None not in limits:
            yield case(
                row.base,
                row.other,
                Condition(
                    f"safety {row.protocol}",
                    row.delta,
                    row.low or 0.0,
                    row.high or 0.0,
                    below(-MARGIN),
                    items_of(tradeoff, row.base, row.other, row.protocol),
                ),
                note="over-refusal is not measured",
            )


def _start(tradeoff: Tradeoff) -> Iterator[Case]:
    """Over training seeds where both starts have them, else of each pair of stages."""
    points = repeated(tradeoff, "fine-tuned")
    starts = {point.base: regime_of(tradeoff, point.base) for point in points}
    pairs = [
        (base, chat)
        for base in points
        for chat in points
        if (starts[base.base], starts[chat.base]) == ("pretrained", NAME)
        if alike(base, chat, "base")
    ]
    for pair in pairs:
        either = (
            (
                over_seeds(*pair, "special", above(MARGIN)),
                over_seeds(*pair, "general", above(-MARGIN)),
            ),
            (
                over_seeds(*pair, "general", above(MARGIN)),
                over_seeds(*pair, "special", above(-MARGIN)),
            ),
        )
        yield Case(pair[0].models[0], pair[1].models[0], either)
    if not pairs:
        yield from _start_by_stage(tradeoff)


def _start_by_stage(tradeoff: Tradeoff) -> Iterator[Case]:
    """Fine-tuned from an instruct model minus fine-tuned alike from its base."""
    starts = {
        stage.model: _start_of(tradeoff, stage)
        for stage in tradeoff.stages
        if stage.regime == "fine-tuned"
    }
    for edge, one, two in siblings_of(tradeoff, "fine-tuned", "fine-tuned"):
        if (starts.get(one), starts.get(two)) != ("pretrained", NAME):
            continue
        ahead = {
            name: composite_condition(tradeoff, edge, name, above(MARGIN))
            for name in ("general", "special")
        }
        level = {
            name: composite_condition(tradeoff, edge, name, above(-MARGIN))
            for name in ("general", "special")
        }
        if ahead["general"] and ahead["special"] and level["general"] and level["special"]:
            either = (
                (ahead["special"], level["general"]),
                (ahead["general"], level["special"]),
            )
            yield Case(one, two, either)
            continue
    if NAME not in starts.values():
        raise NotTestable(
            "it needs one fine-tuning made from a base and from its instruct model alike"
        )


def _start_of(tradeoff: Tradeoff, stage: Stage) -> str:
    parents = [stage.base_model] if isinstance(stage.base_model, str) else stage.base_model or []
    found = stage_of(tradeoff, parents[0]) if parents else None
    return found.regime if found else ""
