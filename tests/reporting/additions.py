"""The family of the examples with all that an analysis may find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reporting.examples import DPO, INSTRUCT, LAW, ROOT, SFT, family
from zoo.contrasts import Churn, Flag, Joint, Tradeoff


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
        razor(SFT, ROOT, 0.4), razor(LAW, ROOT, 1.2),
    ]  # fmt: skip
    advice = (
        {"question": "Which stage for sums?", "answer": "1B-Instruct, +9.", "measured": True,
         "evidence": ["gsm8k +9.1 [+5, +13]"]},
        {"question": "Retrieval?", "answer": "Not measured.", "measured": False, "evidence": []},
    )  # fmt: skip
    return replace(bare, joint=joint, flags=flags, churn=churn, probes=tuple(probes), advice=advice)
