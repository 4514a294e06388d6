"""What an analysis concluded: claims with their verdicts, and advice with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.contrasts import Tradeoff
from zoo.reporting import figures
from zoo.reporting.lineage import short_names
from zoo.reporting.text import clean


@dataclass(frozen=True)
class Verdicts:
    """A table of conclusions, every text clean. note: how far to believe it."""

    name: str
    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def verdicts(tradeoff: Tradeoff) -> list[Verdicts]:
    """Advice first, then claims; those that there are."""
    return [each for each in (_advice(tradeoff), _claims(tradeoff)) if each.rows]


def _advice(tradeoff: Tradeoff) -> Verdicts:
    return Verdicts(
        "advice",
        "Advice",
        "Answered from what was measured here alone, and only as far as that goes.",
        ("Question", "Answer", "Rests on"),
        [
            (
                clean(row.get("question", "")),
                clean(row.get("answer", "")),
                "; ".join(map(clean, row.get("evidence") or ()))
                if row.get("measured")
                else "not measured",
            )
            for row in tradeoff.advice
        ],
    )


def _claims(tradeoff: Tradeoff) -> Verdicts:
    names = short_names(stage.model for stage in tradeoff.stages)
    return Verdicts(
        "claims",
        "Claims put to the test",
        "What is commonly said of such stages, decided by rules set before the run. A claim that "
        "is not testable lacks what its reason names; that refutes nothing.",
        ("Claim", "", "Edge", "Verdict", "Estimate", "Limits", "Margin", "Why"),
        [_claim(row, names) for row in tradeoff.claims],
    )


def _claim(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    ends = [names.get(row[end], clean(row[end])) for end in ("base", "other") if row.get(end)]
    return (
        clean(row.get("id", "")),
        clean(row.get("claim", "")),
        " → ".join(ends),
        clean(row.get("verdict", "")),
        figures.signed(_number(row.get("estimate"))),
        figures.limits(_number(row.get("low")), _number(row.get("high"))),
        figures.points(_number(row.get("margin"))),
        clean(row.get("reason") or ""),
    )


def _number(value: Any) -> float | None:
    """A third party's number, None where it is none."""
    return float(value) if isinstance(value, (int, float)) else None
