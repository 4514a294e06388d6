"""Whether a change does no harm, or is none at all: non-inferiority and equivalence.

"No difference was seen" is no evidence that there is none. Both tests turn the burden round: harm
up to the margin has to be ruled out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from zoo.contrasts import Change, Tradeoff
from zoo.errors import UnknownNameError
from zoo.results import Protocol
from zoo.stats import Z

MARGIN = 0.02
Ruling = Literal["no harm", "harm", "not shown"]


@dataclass(frozen=True)
class Ruled:
    """One ability at the gate.

    what: "G" or a capability. change: child minus parent, normalised, with 95 % limits.
    ruling: "no harm" where the lower limit is above -margin (non-inferior at 2.5 %, one-sided),
    "harm" where the upper one is below it, else "not shown".
    unchanged: whether two one-sided tests at 5 % place the change within -+ margin. more: how many
    times the items would show no harm, if the change stayed what it is; None where none would.
    """

    what: str
    change: Change
    ruling: Ruling
    unchanged: bool
    more: float | None = None


@dataclass(frozen=True)
class Gate:
    """A child against its parent. passed: no ability is harmed, and each was shown not to be."""

    base: str
    other: str
    protocol: Protocol
    margin: float
    rows: tuple[Ruled, ...]

    @property
    def passed(self) -> bool:
        """Whether there is anything at the gate, and all of it is shown to take no harm."""
        return bool(self.rows) and all(row.ruling == "no harm" for row in self.rows)

    @property
    def harmed(self) -> tuple[str, ...]:
        """What is shown to be harmed."""
        return tuple(row.what for row in self.rows if row.ruling == "harm")


def gate(
    tradeoff: Tradeoff,
    base: str,
    other: str,
    *,
    margin: float = MARGIN,
    protocol: Protocol = "uniform",
) -> Gate:
    """The no-harm gate: G and every capability of an edge, or of a stage against its root.

    No correction for several abilities is needed to let a child pass: it passes only where every
    one of them is shown unharmed (an intersection-union test, Berger 1982). Raises UnknownNameError
    where the two were not compared.
    """
    place = base, other, protocol
    edges = (*tradeoff.tradeoffs, *tradeoff.root_tradeoffs)
    found = [edge for edge in edges if (edge.base, edge.other, edge.protocol) == place]
    if not found:
        known = {f"{edge.base} against {edge.other}, {edge.protocol}" for edge in edges}
        raise UnknownNameError("comparison", f"{base} against {other}, {protocol}", known)
    rows = [("G", found[0].general)]
    for row in tradeoff.transfer:
        if (row.base, row.other, row.protocol) == place:
            rows.append((row.capability, Change(row.delta, row.low, row.high)))
    return Gate(base, other, protocol, margin, tuple(_ruled(*row, margin) for row in rows))


def tost(value: float, stderr: float, margin: float, df: float = math.inf) -> float:
    """p of two one-sided tests that a change is within -+ margin: small p, no change.

    Schuirmann 1987, "A comparison of the two one-sided tests procedure"; on separate items it is
    statsmodels' `ttost_paired`.

    >>> round(tost(0.0, 0.01, 0.02), 4)
    0.0228
    """
    from scipy.special import stdtr

    if stderr == 0:
        return 0.0 if abs(value) < margin else 1.0
    nearest = (margin - abs(value)) / stderr
    return float(stdtr(df, -nearest)) if df < math.inf else NormalDist().cdf(-nearest)


def power(n: int, churn: float, change: float, margin: float = MARGIN) -> tuple[float, float]:
    """How likely "no harm" and "harm" are to be shown of items that are right or wrong.

    n: items, each for itself. churn: share of items that change. change: the true one, a fraction.
    By the normal approximation, with the variance of a paired difference (churn - change^2) / n.

    >>> tuple(round(each, 2) for each in power(1000, 0.1, -0.05))
    (0.0, 0.86)
    """
    error = math.sqrt((churn - change**2) / n)
    beyond = (change + margin) / error
    return NormalDist().cdf(beyond - Z), NormalDist().cdf(-beyond - Z)


def unharmed(low: float | None, high: float | None, margin: float = MARGIN) -> Ruling:
    """What 95 % limits of a change say of harm.

    >>> unharmed(-0.01, 0.03), unharmed(-0.09, -0.03), unharmed(-0.03, 0.03), unharmed(None, None)
    ('no harm', 'harm', 'not shown', 'not shown')
    """
    if low is None or high is None:
        return "not shown"
    if low > -margin:
        return "no harm"
    return "harm" if high < -margin else "not shown"


def _ruled(what: str, change: Change, margin: float) -> Ruled:
    ruling = unharmed(change.low, change.high, margin)
    if change.delta is None or change.low is None or change.high is None:
        return Ruled(what, change, ruling, unchanged=False)
    error = (change.high - change.low) / 2 / Z
    more = None
    if ruling == "not shown" and change.delta > -margin:
        more = ((change.delta - change.low) / (change.delta + margin)) ** 2
    unchanged = tost(change.delta, error, margin) < 0.05
    return Ruled(what, change, ruling, unchanged, more)
