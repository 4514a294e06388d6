"""The family of the examples with all that an analysis may find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reporting.examples import DPO, INSTRUCT, LAW, ROOT, SFT, family
from reporting.ways import with_ways
from zoo.contrasts import (
    Chain,
    Change,
    Churn,
    EdgeTradeoff,
    Estimate,
    Exchange,
    Flag,
    Joint,
    Parsing,
    Retention,
    Tradeoff,
)


def length(model: str, right: float, wrong: float) -> list[dict[str, Any]]:
    at = {"probe": "length", "model": model, "protocol": "native", "benchmark": "gsm8k"}
    summary = {"median_tokens": right, "median_correct": right, "median_wrong": wrong, "n": 300}
    return [
        {**at, "kind": "summary", **summary, "truncated": 0.04, "median_thinking": None},
        *(
            {**at, "kind": "budget", "budget": b, "accuracy": a, "low": a - 0.04, "high": a + 0.04}
            for b, a in ((64, 0.2), (128, 0.5), (256, 0.6))
        ),
    ]


def passk(model: str, start: float) -> list[dict[str, Any]]:
    at = {"probe": "passk", "model": model, "protocol": "native", "benchmark": "gsm8k"}
    return [
        {**at, "kind": "curve", "k": k, "value": v, "low": v - 0.05, "high": v + 0.05,
         "n": 300, "samples": 8}
        for k, v in ((1, start), (2, start + 0.1), (4, start + 0.15), (8, start + 0.17))
    ]  # fmt: skip


def calibration(model: str) -> list[dict[str, Any]]:
    at = {"probe": "calibration", "model": model, "protocol": "native", "benchmark": "arc_easy"}
    summary = {"ece": 0.07, "ece_low": 0.05, "ece_high": 0.1, "brier": 0.2, "brier_low": 0.18,
               "brier_high": 0.22, "n": 570}  # fmt: skip
    return [
        {**at, "kind": "summary", **summary},
        *(
            {**at, "kind": "bin", "confidence": c, "accuracy": c - 0.05, "n": 38}
            for c in (0.3, 0.5, 0.7, 0.9)
        ),
    ]


def diversity(model: str, different: float) -> dict[str, Any]:
    at = {"probe": "diversity", "model": model, "protocol": "native", "benchmark": "gsm8k"}
    measured = {"k": 10, "distinct": different, "low": different - 0.3, "high": different + 0.3}
    return {**at, "kind": "summary", **measured, "n": 300, "samples": 16}


def abstention(model: str, silent: float, known: float | None) -> dict[str, Any]:
    at = {"probe": "abstention", "model": model, "protocol": "native", "benchmark": "gsm8k"}
    shares = {"attempted": 1 - silent, "accuracy_attempted": 0.5, "hallucination": 0.4,
              "abstain_unknown": silent, "abstain_known": known}  # fmt: skip
    return {
        **at, "kind": "summary", "n": 300, "n_hallucination": 120, "n_unknown": 90, "n_known": 210,
        **{
            f"{name}{end}": None if value is None else min(max(value + by, 0), 1)
            for name, value in shares.items()
            for end, by in (("", 0.0), ("_low", -0.05), ("_high", 0.05))
        },
    }  # fmt: skip


def razor(model: str, base: str, kl: float) -> dict[str, Any]:
    at = {"probe": "razor", "model": model, "protocol": "uniform", "benchmark": None}
    measured = {"base": base, "kl": kl, "low": kl * 0.9, "high": kl * 1.1, "n": 100}
    return {**at, "kind": "summary", **measured}


def coverage(model: str) -> list[dict[str, Any]]:
    at = {"probe": "coverage", "model": model, "protocol": "native", "benchmark": None}
    return [
        {**at, "kind": "summary", "n": 570, "area": 0.15},
        *(
            {**at, "kind": "curve", "coverage": c, "confidence": 1 - c / 2, "accuracy": 1 - c / 3,
             "low": 0.95 - c / 3, "high": 1 - c / 4, "n": int(570 * c)}
            for c in (0.25, 0.5, 0.75, 1.0)
        ),
    ]  # fmt: skip


def front(protocol: str) -> list[dict[str, Any]]:
    at = {"probe": "front", "model": "", "protocol": protocol, "benchmark": None, "kind": "band"}
    return [
        {**at, "special": s, "general": 0.5 - s / 4, "low": low, "high": 0.55 - s / 4}
        for s, low in ((0.1, 0.4), (0.3, 0.35), (0.35, None))
    ]


def overoptimisation() -> list[dict[str, Any]]:
    at = {"probe": "overoptimisation", "protocol": "native", "benchmark": None, "base": ROOT}
    points = [
        {**at, "kind": "point", "model": model, "step": step, "distance": d, "gain": g,
         "low": g - 0.03, "high": g + 0.03}
        for model, step, d, g in ((SFT, 1, 0.5, 0.1), (DPO, 2, 1.0, 0.18), (INSTRUCT, 3, 2.0, 0.1))
    ]  # fmt: skip
    last = {**at, "model": INSTRUCT}
    curve = [
        {**last, "kind": "curve", "distance": d, "gain": g, "low": g - 0.02, "high": g + 0.02}
        for d, g in ((0.5, 0.1), (1.2, 0.19), (2.0, 0.1))
    ]
    peak = {"a": 0.2, "b": 0.1, "peak": 1.2, "peak_low": 0.9, "peak_high": None, "turned": 0.97}
    return [*points, *curve, {**last, "kind": "fit", "n": 3, **peak}]


def details() -> dict[str, Any]:
    """What the further tables show."""
    line = (ROOT, SFT, DPO, INSTRUCT)
    kept = Estimate(0.92, 0.88, 0.97)
    nothing = Estimate(0.0, 0.0, 0.02)
    asked = ("native", "gsm8k", "acc")
    return {
        "retention": tuple(
            Retention(ROOT, model, *asked, "special", "math", 0.4, share, nothing, nothing)
            for model, share in ((SFT, kept), (INSTRUCT, Estimate(1.1, 1.0, 1.2)), (LAW, None))
        ),
        "root_tradeoffs": (
            EdgeTradeoff(
                ROOT, INSTRUCT, "native", ("math",), Change(-0.02, -0.03, -0.01, 0.001),
                Change(0.2, 0.1, 0.3, 0.001), Change(None),
            ),
        ),
        "chains": (
            Chain(line, *asked, 300, 12, 7, 40, 90, Estimate(0.1, 0.05, 0.15), nothing),
        ),
        "exchange": (
            Exchange(ROOT, LAW, "native", Estimate(0.31, 0.2, 0.4), -17.2, {"S+G-": 1.0}),
            Exchange(SFT, DPO, "native", None, 88.0, {"S+G+": 0.6, "S-G+": 0.4}, "the change of S "
                     "is within 3 standard errors of 0"),
        ),
        "parsing": (
            Parsing(ROOT, *asked, 300, 0.4, 0.5), Parsing(SFT, *asked, 300, 0.98, None),
        ),
    }  # fmt: skip


def full_family() -> Tradeoff:
    """The family of the examples with every field of a trade-off that a chart draws."""
    bare = family()
    stages = [
        (s, p, s.special[p], s.general[p]) for s in bare.stages for p in ("uniform", "native")
    ]
    joint = tuple(
        Joint(s.model, p, bare.targets, x, y, ((0.0002, 0.00005), (0.00005, 0.0003)), 0.5)
        for s, p, x, y in stages
    )
    flags = (
        Flag(INSTRUCT, "native", "ifeval", "acc", "ceiling", ""),
        Flag(INSTRUCT, "native", "legalbench", "acc", "underpowered", ""),
    )
    churn = (Churn(ROOT, SFT, "native", "gsm8k", "acc", 300, 0.2, 0.08, None),)
    probes = [
        *length(SFT, 90, 120), *length(INSTRUCT, 140, 260), *passk(SFT, 0.3),
        *passk(INSTRUCT, 0.45), diversity(SFT, 4.2), diversity(INSTRUCT, 2.9),
        abstention(SFT, 0.1, None), abstention(INSTRUCT, 0.6, 0.05),
        *calibration(ROOT), *calibration(DPO),
        razor(SFT, ROOT, 0.4), razor(LAW, ROOT, 1.2), *coverage(ROOT), *coverage(DPO),
        *front("uniform"), *front("native"), *overoptimisation(),
    ]  # fmt: skip
    advice = (
        {"question": "Which stage for sums?", "answer": "1B-Instruct, +9.", "measured": True,
         "evidence": ["gsm8k +9.1 [+5, +13]"]},
        {"question": "Retrieval?", "answer": "Not measured.", "measured": False, "evidence": []},
    )  # fmt: skip
    own = {"joint": joint, "flags": flags, "churn": churn, "advice": advice, **details()}
    return with_ways(replace(bare, probes=tuple(probes), **own))
