"""What people say about stages, as tests: a rule, the cases it is tried on, and one row of verdict.

A claim is supported where the interval, widened by Bonferroni over the declared claims, lies wholly
beyond its threshold, refuted where it lies wholly on the other side (which holds equivalence: a
change shown to be smaller than the margin refutes that it is larger), else inconclusive. Where what
it needs was not measured it is "not testable", and says what is missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

from zoo.contrasts import Tradeoff
from zoo.hookspecs import Claim
from zoo.probing import describe

DECLARED = 22
"""The claims that the host's own plugins declare, all of them tried on every report. A third
party's claims stand beside them: they do not widen the intervals of these."""

ERROR = 0.05
VERDICTS = ("supported", "refuted", "inconclusive", "not testable")
Verdict = Literal["supported", "refuted", "inconclusive", "not testable"]
Row = Mapping[str, Any]
FIELDS = ("id", "claim", "verdict", "estimate", "low", "high", "margin", "n", "reason")


class NotTestable(Exception):
    """A claim cannot be tried on this report; the message says what is missing."""


@dataclass(frozen=True)
class Rule:
    """Supported beyond one number, refuted short of another, in one direction.

    >>> above(0.02).verdict(0.03, 0.07), above(0.02).verdict(-0.01, 0.01)
    ('supported', 'refuted')
    """

    supports: float
    refutes: float
    upward: bool = True

    def verdict(self, low: float, high: float) -> Verdict:
        """What an interval says."""
        if not self.upward:
            low, high = -high, -low
        sign = 1 if self.upward else -1
        if low > sign * self.supports:
            return "supported"
        return "refuted" if high < sign * self.refutes else "inconclusive"


def above(threshold: float, refutes: float | None = None) -> Rule:
    """The number is greater than the threshold."""
    return Rule(threshold, threshold if refutes is None else refutes)


def below(threshold: float) -> Rule:
    """The number is less than the threshold."""
    return Rule(threshold, threshold, upward=False)


@dataclass(frozen=True)
class Condition:
    """One number that a claim speaks of: its 95 % limits, and the rule for it.

    what: the number in words, for the reason. n: items, or training seeds, for the width of the
    tails; None for many. items: of what is over seeds, the standard error over items, which is in
    the limits beside that over seeds, their half widths added in squares.
    """

    what: str
    value: float
    low: float
    high: float
    rule: Rule
    n: int | None = None
    items: float = 0.0

    def widened(self, declared: int) -> tuple[float, float]:
        """The limits after Bonferroni over so many claims, with the tails of n - 1 degrees of
        freedom, of the items' part with normal ones."""
        from scipy.special import stdtrit

        df = self.n - 1 if self.n is not None and self.n > 1 else math.inf
        shares = [0.975, 1 - ERROR / declared / 2]
        normal = [NormalDist().inv_cdf(share) for share in shares]
        usual, wide = (float(stdtrit(df, s)) for s in shares) if df < math.inf else normal
        known = normal[0] * self.items

        def wider(reach: float) -> float:
            if not known:
                return reach * wide / usual
            own = math.sqrt(max(reach**2 - known**2, 0.0))
            return math.hypot(own * wide / usual, known * normal[1] / normal[0])

        return self.value - wider(self.value - self.low), self.value + wider(self.high - self.value)


@dataclass(frozen=True)
class Case:
    """One place where a claim is tried.

    alternatives: the claim holds where all conditions of any alternative do. note: what else to
    know.
    """

    base: str | None
    other: str | None
    alternatives: tuple[tuple[Condition, ...], ...]
    note: str = ""


def case(base: str | None, other: str | None, *conditions: Condition, note: str = "") -> Case:
    """A case whose conditions must all hold."""
    return Case(base, other, (conditions,), note)


def declare(
    id: str,
    claim: str,
    measure: Callable[[Tradeoff], Iterable[Case]],
    margin: float = 0.02,
    declared: int = DECLARED,
) -> Claim:
    """A claim that is decided by the cases that `measure` finds.

    measure: raises NotTestable with what is missing, in words that follow "not testable: ".
    declared: how many claims the intervals are widened for.
    """

    def decide(tradeoff: Tradeoff) -> Row:
        try:
            cases = list(measure(tradeoff))
            if not cases:
                raise NotTestable("no edge that it speaks of was measured")
        except NotTestable as missing:
            return untestable(id, claim, str(missing), margin)
        return _row(id, claim, margin, cases, declared)

    return Claim(id, claim, decide, margin)


def untestable(id: str, claim: str, reason: str, margin: float | None = None) -> Row:
    """The row of a claim that could not be tried."""
    nothing = dict.fromkeys(("estimate", "low", "high", "n", "mde", "base", "other", "level"))
    return {
        "id": id,
        "claim": claim,
        "verdict": "not testable",
        **nothing,
        "margin": margin,
        "reason": reason,
        "edges": [],
    }


def decide_all(tradeoff: Tradeoff, claims: Iterable[Claim]) -> tuple[Row, ...]:
    """A row for every claim, in order of their ids; one that raises costs only itself."""
    rows = []
    for each in sorted(claims, key=lambda claim: _natural(claim.id)):
        try:
            row = each.decide(tradeoff)
            problem = _misfit(row, each)
        except Exception as raised:
            problem = f"its rule raised {describe(raised)}"
        rows.append(untestable(each.id, each.claim, problem, each.margin) if problem else row)
    return tuple(rows)


@dataclass(frozen=True)
class _Tried:
    """A case with its verdict and the number that decided it."""

    case: Case
    verdict: Verdict
    condition: Condition
    low: float
    high: float

    @property
    def room(self) -> float:
        """How far the interval is inside what supports the claim; negative outside."""
        rule = self.condition.rule
        return self.low - rule.supports if rule.upward else rule.supports - self.high


def _row(id: str, claim: str, margin: float, cases: Sequence[Case], declared: int) -> Row:
    tried = [_try(each, declared) for each in cases]
    verdicts = {each.verdict for each in tried}
    verdict = verdicts.pop() if len(verdicts) == 1 else "inconclusive"
    shown = min(tried, key=lambda each: each.room)
    condition = shown.condition
    level = 1 - ERROR / declared
    tail = NormalDist().inv_cdf(1 - ERROR / declared / 2)
    error = (shown.high - shown.low) / 2 / tail
    # what an interval of this level sees with 80 % power
    mde = (tail + NormalDist().inv_cdf(0.80)) * error
    return {
        "id": id,
        "claim": claim,
        "verdict": verdict,
        "estimate": condition.value,
        "low": shown.low,
        "high": shown.high,
        "margin": margin,
        "n": condition.n,
        "reason": _reason(verdict, tried, shown, mde),
        "mde": mde,
        "base": shown.case.base,
        "other": shown.case.other,
        "level": level,
        "edges": [
            {
                "base": each.case.base,
                "other": each.case.other,
                "verdict": each.verdict,
                "estimate": each.condition.value,
                "low": each.low,
                "high": each.high,
            }
            for each in tried
        ],
    }


def _try(case: Case, declared: int) -> _Tried:
    """A case by its best alternative, which is decided by its worst condition."""
    rank = {"refuted": 0, "inconclusive": 1, "supported": 2}
    best: _Tried | None = None
    for conditions in case.alternatives:
        found = []
        for condition in conditions:
            low, high = condition.widened(declared)
            verdict = condition.rule.verdict(low, high)
            found.append(_Tried(case, verdict, condition, low, high))
        worst = min(found, key=lambda each: (rank[each.verdict], each.room))
        if best is None or rank[worst.verdict] > rank[best.verdict]:
            best = worst
    assert best is not None
    return best


def _reason(verdict: str, tried: Sequence[_Tried], shown: _Tried, mde: float) -> str:
    """What decided, in one line."""
    what = shown.condition.what
    parts = [f"{what} {_number(shown.condition.value)}"]
    if len(tried) > 1:
        counts = [
            f"{sum(each.verdict == name for each in tried)} {name}"
            for name in VERDICTS
            if any(each.verdict == name for each in tried)
        ]
        parts.append(f"the least favourable of {len(tried)} places ({', '.join(counts)})")
    if verdict == "inconclusive" and len({each.verdict for each in tried}) == 1:
        parts.append(f"a change below {_number(mde, signed=False)} would hardly be seen")
    parts += [each.case.note for each in tried if each.case.note]
    return "; ".join(dict.fromkeys(parts))


def _number(value: float, signed: bool = True) -> str:
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def _misfit(row: object, claim: Claim) -> str:
    """What is wrong with a claim's row, or ""."""
    if not isinstance(row, Mapping):
        return f"its rule returned a {type(row).__name__}, not a row"
    missing = [name for name in FIELDS if name not in row]
    if missing:
        return f"its row has no {missing[0]!r}"
    if row["id"] != claim.id:
        return f"its row is of another claim, {row['id']!r}"
    if row["verdict"] not in VERDICTS:
        return f"its verdict is {row['verdict']!r}, which is none of {', '.join(VERDICTS)}"
    for name in ("estimate", "low", "high", "margin"):
        value = row[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value)):
            return f"its {name} is {value!r}, not a number"
    if row["n"] is not None and (not isinstance(row["n"], int) or row["n"] < 0):
        return f"its n is {row['n']!r}, not a count"
    if not isinstance(row["claim"], str) or not isinstance(row["reason"], str | None):
        return "its claim or reason is no text"
    return ""


def _natural(id: str) -> tuple[tuple[int, str], ...]:
    """H2 before H10."""
    return tuple(
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", id)
    )
