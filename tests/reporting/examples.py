"""Families as an analysis would report them: simulated items, honest arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.stats import norm

from zoo.contrasts import (
    Change,
    Contrast,
    Decomposition,
    EdgeTradeoff,
    Estimate,
    Stage,
    StageScore,
    Tradeoff,
)
from zoo.results import PROTOCOLS

ROOT = "allenai/OLMo-2-0425-1B"
SFT, DPO, INSTRUCT = f"{ROOT}-SFT", f"{ROOT}-DPO", f"{ROOT}-Instruct"
LAW = "somebody/OLMo-2-0425-1B-Law"
LINEAGE = (
    (ROOT, "pretrained", None, ()),
    (SFT, "instruction-tuned", ROOT, ("instruction",)),
    (DPO, "RL-tuned", SFT, ()),
    (INSTRUCT, "RL-tuned", DPO, ("math",)),
    (LAW, "fine-tuned", ROOT, ("law",)),
)
BENCHMARKS = (
    ("arc_easy", "general", "knowledge", 0, 570, 0.25),
    ("mmlu", "general", "knowledge", 5, 1404, 0.25),
    ("hellaswag", "general", "common sense", 0, 1000, 0.25),
    ("piqa", "general", "common sense", 0, 800, 0.5),
    ("winogrande", "general", "common sense", 0, 600, 0.5),
    ("kobest_hellaswag", "general", "korean", 0, 500, 0.25),
    ("truthfulqa_mc1", "general", "truthfulness", 0, 400, 0.2),
    ("gsm8k", "special", "math", 8, 300, 0.0),
    ("minerva_math", "special", "math", 4, 250, 0.0),
    ("ifeval", "special", "instruction", 0, 541, 0.0),
    ("legalbench", "special", "law", 0, 200, 0.5),
)
TARGETS = ("instruction", "math", "law")


def family(seed: int = 0) -> Tradeoff:
    """Five stages, eleven benchmarks, two protocols; one cell failed, one edge mixed."""
    rng = np.random.default_rng(seed)
    items = {}
    for model, *_ in LINEAGE:
        for name, axis, capability, _, n, chance in BENCHMARKS:
            for protocol in PROTOCOLS:
                items[model, name, protocol] = _answers(
                    rng, items, model, name, axis, capability, protocol, n, chance
                )
    stages = tuple(_stage(items, *each) for each in LINEAGE)
    edges = tuple(
        _contrast(items, base, model, benchmark, protocol)
        for model, _, base, _ in LINEAGE
        if base
        for benchmark in BENCHMARKS
        for protocol in PROTOCOLS
    )
    tradeoffs = tuple(
        EdgeTradeoff(
            base, model, protocol, targets, *_changes(items, base, model, protocol, targets)
        )
        for model, _, base, targets in LINEAGE
        if base
        for protocol in PROTOCOLS
    )
    return Tradeoff(
        family="olmo2-1b",
        suite="core",
        targets=TARGETS,
        stages=stages,
        edges=edges,
        tradeoffs=tradeoffs,
        decomposition=(Decomposition(ROOT, SFT, "gsm8k", "exact_match", 0.08, 0.05, 0.03),),
        claims=(
            {
                "id": "H10",
                "claim": "verifiable-reward RL raises the rewarded skill",
                "verdict": "supported",
                "estimate": 0.081,
                "low": 0.034,
                "high": 0.128,
                "margin": 0.02,
                "n": 550,
                "reason": None,
            },
        ),
        provenance={
            "engine": "torch",
            "dtype": "float32",
            "device": "cpu",
            "seed": 1234,
            "versions": {"stagezoo": "0.1.0", "lm_eval": "0.4.13", "torch": "2.9.0"},
            "sampling": "item intervals, one training seed",
        },
    )


def with_faults(report: Tradeoff) -> Tradeoff:
    """The same family where one cell failed, one does not apply, and one edge is mixed."""

    def broken(score: StageScore, model: str) -> StageScore:
        if (model, score.benchmark) == (DPO, "mmlu"):
            score = _unscored(score, "failed", "the dataset is gated: ask for access, then rerun")
        if (model, score.benchmark, score.protocol) == (ROOT, "ifeval", "native"):
            score = _unscored(score, "not_applicable", "no chat template")
        return score

    stages = tuple(
        replace(stage, scores=tuple(broken(score, stage.model) for score in stage.scores))
        for stage in report.stages
    )
    dead = {
        (stage.model, score.benchmark, score.protocol)
        for stage in stages
        for score in stage.scores
        if score.status != "scored"
    }
    edges = tuple(
        replace(edge, mixed="dtype float32 against bfloat16")
        if edge.other == LAW and edge.benchmark == "piqa"
        else edge
        for edge in report.edges
        if not {
            (edge.base, edge.benchmark, edge.protocol),
            (edge.other, edge.benchmark, edge.protocol),
        }
        & dead
    )
    tradeoffs = tuple(
        replace(edge, general=Change(None), special=Change(None), other_special=Change(None))
        if edge.other == LAW
        else edge
        for edge in report.tradeoffs
    )
    return replace(report, stages=stages, edges=edges, tradeoffs=tradeoffs)


def _unscored(score: StageScore, status, error: str) -> StageScore:
    return replace(score, status=status, error=error, value=None, stderr=None, normalised=None)


GAINS = {
    (SFT, "special", "instruction"): 0.25,
    (SFT, "special", "math"): 0.10,
    (SFT, "general", ""): -0.02,
    (DPO, "special", "instruction"): 0.04,
    (DPO, "general", ""): 0.005,
    (INSTRUCT, "special", "math"): 0.09,
    (LAW, "special", "law"): 0.16,
    (LAW, "special", "math"): -0.04,
    (LAW, "general", ""): -0.06,
}


def _answers(rng, items, model, name, axis, capability, protocol, n, chance):
    base = next(parent for each, _, parent, _ in LINEAGE if each == model)
    if base is None:
        solved = 0.35 if axis == "general" else 0.08
        if protocol == "native":
            return items[model, name, "uniform"]
        return rng.random(n) < chance + (1 - chance) * solved
    gain = GAINS.get((model, axis, capability), GAINS.get((model, axis, ""), 0.0))
    if protocol == "native":
        gain *= 1.3
    answers = items[base, name, protocol].copy()
    churn = rng.random(n) < 0.12
    answers[churn] = rng.random(churn.sum()) < answers.mean()
    change = rng.random(n) < abs(gain)
    answers[change] = gain > 0
    return answers


def _stage(items, model, regime, base, targets) -> Stage:
    def estimates(kind):
        return {protocol: _composite(items, model, protocol, kind) for protocol in PROTOCOLS}

    return Stage(
        model=model,
        revision="48d788ecb847d4d7",
        regime=regime,
        base_model=base,
        targets=targets,
        general=estimates("general"),
        special=estimates("special"),
        other_special=estimates("other"),
        scores=tuple(
            _score(items[model, benchmark[0], protocol], benchmark, protocol)
            for benchmark in BENCHMARKS
            for protocol in PROTOCOLS
        ),
    )


def _score(answers, benchmark, protocol) -> StageScore:
    name, axis, capability, shots, n, chance = benchmark
    value = float(answers.mean())
    return StageScore(
        name,
        "acc",
        "none",
        protocol,
        axis,
        capability,
        shots,
        n,
        value,
        float(answers.std(ddof=1) / np.sqrt(n)),
        chance,
        (value - chance) / (1 - chance),
        "scored",
    )


def _members(kind, targets=TARGETS):
    def belongs(axis, capability):
        if capability in targets:
            return kind == "special"
        return kind == ("general" if axis == "general" else "other")

    return [each for each in BENCHMARKS if belongs(each[1], each[2])]


def _composite(items, model, protocol, kind) -> Estimate:
    parts = [(items[model, each[0], protocol], each[5]) for each in _members(kind)]
    if not parts:
        return Estimate(None)
    value = np.mean([(answers.mean() - chance) / (1 - chance) for answers, chance in parts])
    variance = [answers.var(ddof=1) / len(answers) / (1 - chance) ** 2 for answers, chance in parts]
    half = 1.96 * np.sqrt(np.sum(variance)) / len(parts)
    return Estimate(float(value), float(value - half), float(value + half))


def _paired(items, base, other, name, protocol):
    return items[other, name, protocol].astype(float) - items[base, name, protocol]


def _changes(items, base, other, protocol, targets):
    for kind in ("general", "special", "other"):
        parts = [
            (_paired(items, base, other, each[0], protocol), each[5])
            for each in _members(kind, targets)
        ]
        if not parts:
            yield Change(None)
            continue
        delta = np.mean([d.mean() / (1 - chance) for d, chance in parts])
        variance = [d.var(ddof=1) / len(d) / (1 - chance) ** 2 for d, chance in parts]
        error = np.sqrt(np.sum(variance)) / len(parts)
        p = 2 * norm.sf(abs(delta) / error)
        yield Change(
            float(delta),
            float(delta - 1.96 * error),
            float(delta + 1.96 * error),
            float(min(1, 2 * p)),
        )


def _contrast(items, base, other, benchmark, protocol) -> Contrast:
    name, axis, _, _, n, _ = benchmark
    d = _paired(items, base, other, name, protocol)
    delta, error = float(d.mean()), float(d.std(ddof=1) / np.sqrt(n))
    p = float(2 * norm.sf(abs(delta) / error))
    return Contrast(
        base,
        other,
        name,
        "acc",
        "none",
        protocol,
        n,
        delta,
        delta - 1.96 * error,
        delta + 1.96 * error,
        p,
        min(1.0, 3 * p),
        int((d > 0).sum()),
        int((d < 0).sum()),
        axis,
        2.8 * error,
    )
