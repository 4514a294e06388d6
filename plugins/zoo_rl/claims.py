"""What people say about reinforcement, as tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from zoo.claims import Case, Condition, NotTestable, above, below, case, declare
from zoo.contrasts import Tradeoff
from zoo.findings import (
    composite_cases,
    estimate_condition,
    independent,
    probe_rows,
    regime_of,
    stages_into,
)
from zoo.hookspecs import Claim
from zoo.repetitions import courses
from zoo.stats import Interval

NAME = "RL-tuned"
MARGIN = 0.02
FEW_CHECKPOINTS = 5
FEW_MODELS = 8


def claims() -> list[Claim]:
    """H10 to H14 and H16."""
    return [
        declare("H10", "verifiable-reward RL raises the rewarded skill", _raises),
        declare("H11", "RL goes beyond what sampling already finds", _beyond_sampling),
        declare("H12", "RL makes answers longer", _longer, margin=0.10),
        declare("H13", "the length causes the gain of RL", _by_length),
        declare("H14", "too much RL degrades", _too_much, margin=0.0),
        declare("H16", "the KL divergence predicts forgetting", _predicts, margin=0.5),
    ]


def _raises(tradeoff: Tradeoff) -> Iterator[Case]:
    rewards = {
        each.model: f"rewarded by {each.settings['reward']}"
        for each in tradeoff.training
        if "reward" in each.settings
    }
    for found in composite_cases(tradeoff, NAME, "special", above(MARGIN)):
        yield replace(found, note=rewards.get(found.other or "", ""))


def _beyond_sampling(tradeoff: Tradeoff) -> Iterator[Case]:
    stages_into(tradeoff, NAME)
    curves: dict[tuple[str, str, str | None], dict[int, Interval]] = {}
    for row in probe_rows(tradeoff, "passk", "curve"):
        place = row["model"], row["protocol"], row["benchmark"]
        curves.setdefault(place, {})[row["k"]] = Interval(row["value"], row["low"], row["high"])
    crossed = {
        (row["base"], row["model"], row["protocol"], row["benchmark"]): row["k_star"]
        for row in tradeoff.probes
        if (row["probe"], row["kind"]) == ("passk", "crossing")
    }
    for edge in tradeoff.tradeoffs:
        for model, protocol, benchmark in curves:
            ends = [curves.get((name, protocol, benchmark)) for name in (edge.base, edge.other)]
            if (model, protocol) != (edge.other, edge.protocol) or ends[0] is None:
                continue
            if regime_of(tradeoff, model) != NAME or ends[1] is None:
                continue
            k = max(ends[0].keys() & ends[1].keys(), default=None)
            if k is None:
                continue
            found = independent(ends[0][k], ends[1][k])
            star = crossed.get((edge.base, edge.other, protocol, benchmark))
            rule = above(-MARGIN, refutes=0.0) if star is None else above(1.0)
            note = "" if star is None else f"the parent is ahead from k = {star} on"
            yield case(
                edge.base,
                edge.other,
                Condition(f"pass@{k}, {benchmark}", found.value, found.low, found.high, rule),
                note=note,
            )


def _length_rows(tradeoff: Tradeoff) -> list[dict[str, object]]:
    """Changes of length along edges into RL-tuned stages, under the native protocol if asked."""
    stages_into(tradeoff, NAME)
    rows = [
        dict(row)
        for row in probe_rows(tradeoff, "length", "change")
        if row["benchmark"] is None and regime_of(tradeoff, row["model"]) == NAME
    ]
    return [row for row in rows if row["protocol"] == "native"] or rows


def _longer(tradeoff: Tradeoff) -> Iterator[Case]:
    for row in _length_rows(tradeoff):
        if row["ratio"] is not None:
            yield case(
                str(row["base"]),
                str(row["model"]),
                Condition(
                    f"growth of median tokens {row['protocol']}",
                    # as a share that is added, so that it is a fraction as other claims are
                    row["ratio"] - 1,  # type: ignore[operator]
                    row["low"] - 1,  # type: ignore[operator]
                    row["high"] - 1,  # type: ignore[operator]
                    above(0.10),
                    row["n"],  # type: ignore[arg-type]
                ),
            )


def _by_length(tradeoff: Tradeoff) -> Iterator[Case]:
    rows = [
        dict(row)
        for row in probe_rows(tradeoff, "length", "change")
        if row["benchmark"] is not None and regime_of(tradeoff, row["model"]) == NAME
    ]
    trained = {
        (edge.other, score.benchmark)
        for edge in tradeoff.tradeoffs
        for stage in tradeoff.stages
        if stage.model == edge.other
        for score in stage.scores
        if score.capability in edge.targets
    }
    found = [
        row
        for row in rows
        if (row["model"], row["benchmark"]) in trained and row["gain_all"] > MARGIN
    ]
    if not found:
        raise NotTestable(
            "it needs a generated benchmark that an RL-tuned stage was trained for and gained"
        )
    for row in [r for r in found if r["protocol"] == "native"] or found:
        what = f"gain within the parent's budget, {row['benchmark']} {row['protocol']}"
        gain = row["gain"], row["gain_low"], row["gain_high"]
        yield case(
            row["base"],
            row["model"],
            Condition(what, *gain, below(MARGIN), row["n"]),
            note="an association only",
        )


def _too_much(tradeoff: Tradeoff) -> Iterator[Case]:
    """Over training seeds where ways of training have them, else of each training."""
    tried = False
    for first, last, fall, seeds in courses(tradeoff, NAME, FEW_CHECKPOINTS):
        what = "S of the last minus the best, over seeds"
        condition = estimate_condition(what, fall, below(0.0), seeds)
        if condition:
            tried = True
            yield case(first, last, condition, note="by step, not by KL")
    if not tried:
        yield from _too_much_by_training(tradeoff)


def _too_much_by_training(tradeoff: Tradeoff) -> Iterator[Case]:
    own = {stage.model for stage in stages_into(tradeoff, NAME)}
    series = [s for s in tradeoff.series if own.issuperset(s.models) and s.protocol == "uniform"]
    long = [each for each in series if len(each.models) >= FEW_CHECKPOINTS]
    if not long:
        raise NotTestable(
            f"it needs a series of {FEW_CHECKPOINTS} or more checkpoints of one RL training"
        )
    for each in long:
        condition = estimate_condition("S of the last minus the best", each.after_peak, below(0.0))
        if condition:
            yield case(each.models[0], each.models[-1], condition, note="by step, not by KL")


def _predicts(tradeoff: Tradeoff) -> Iterator[Case]:
    known = {
        (edge.base, edge.other): -edge.general.delta
        for edge in (*tradeoff.root_tradeoffs, *tradeoff.tradeoffs)
        if edge.protocol == "uniform" and edge.general.delta is not None
    }
    pairs = [
        (row["kl"], known[row["base"], row["model"]])
        for row in probe_rows(tradeoff, "razor", "summary")
        if (row["base"], row["model"]) in known
    ]
    if len(pairs) < FEW_MODELS:
        raise NotTestable(
            f"it needs KL and forgetting of {FEW_MODELS} or more models (there are {len(pairs)})"
        )
    share = leave_one_out(*np.array(pairs, dtype=float).T)
    yield case(
        None,
        None,
        Condition("leave-one-out R²", share, share, share, above(0.5, refutes=0.2), len(pairs)),
    )


def leave_one_out(x: np.ndarray, y: np.ndarray) -> float:
    """R² of a quadratic fit where each point is predicted from the others.

    1 - PRESS / total: the residuals of the fit over 1 - leverage (Allen 1974).

    >>> bool(leave_one_out(np.arange(8.0), np.arange(8.0) ** 2) > 0.999)
    True
    """
    design = np.vander(x, 3)
    hat = design @ np.linalg.pinv(design)
    left = (y - hat @ y) / np.clip(1 - np.diag(hat), 1e-12, None)
    n = y.size
    others = (y.sum() - y) / (n - 1)
    total = float(np.square(y - others).sum())
    return 1 - float(np.square(left).sum()) / total if total > 0 else 0.0
