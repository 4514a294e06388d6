"""How much of the original a quantised model recovers, and how small a loss could be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from zoo.claims import Case, above, declare
from zoo.contrasts import Tradeoff
from zoo.findings import composite_cases, regime_of
from zoo.hookspecs import Claim

NAME = "quantized"
MARGIN = 0.02


@dataclass(frozen=True)
class Recovery:
    """One benchmark of a quantised model. value, low, high: its normalised score over the
    original's. floor: the smallest recovery that could not be told from 1 on these items, one minus
    the minimum detectable effect over the original's score; None where that is not known. changed:
    the share of items whose answer changed, which a mean hides.
    """

    base: str
    other: str
    protocol: str
    benchmark: str
    value: float
    low: float | None
    high: float | None
    floor: float | None
    changed: float | None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.high is not None and self.high < 1:
            return "lost"
        if self.low is not None and self.low > 1:
            return "gained"
        return "no difference seen"


def claims() -> list[Claim]:
    """Q1; its interval is widened for itself alone, since the host's claims are declared apart."""
    return [declare("Q1", "quantisation keeps general ability", _keeps, MARGIN, declared=1)]


def _keeps(tradeoff: Tradeoff) -> list[Case]:
    return composite_cases(tradeoff, NAME, "general", above(-MARGIN))


def recoveries(tradeoff: Tradeoff) -> Iterator[Recovery]:
    """A row for each benchmark of each quantised stage whose original scores enough for it."""
    edges = {(e.base, e.other, e.protocol, e.benchmark, e.metric): e for e in tradeoff.edges}
    churn = {(c.base, c.other, c.protocol, c.benchmark, c.metric): c for c in tradeoff.churn}
    for row in tradeoff.retention:
        if regime_of(tradeoff, row.other) != NAME or row.retention is None:
            continue
        if row.retention.value is None:
            continue
        place = row.base, row.other, row.protocol, row.benchmark, row.metric
        edge, changed = edges.get(place), churn.get(place)
        mde = edge.mde if edge else None
        yield Recovery(
            row.base,
            row.other,
            row.protocol,
            row.benchmark,
            row.retention.value,
            row.retention.low,
            row.retention.high,
            None if mde is None else max(0.0, 1 - mde / row.base_normalised),
            changed.churn if changed else None,
        )


def render(tradeoff: Tradeoff) -> str:
    """A table; nothing where the report has no quantised stage beside its original."""
    rows = list(recoveries(tradeoff))
    if not rows:
        return ""
    head = (
        "<tr><th>Original</th><th>Quantized</th><th>Protocol</th><th>Benchmark</th><th>Recovery</th>"
        "<th>95 %</th><th>Noise floor</th><th>Answers changed</th><th></th></tr>"
    )
    return (
        "<p>Recovery is the quantized model's normalised score over its original's, on the same "
        "items. What lies above the noise floor could not be told from a full recovery with so "
        "many items. Answers can change where the mean does not.</p>"
        f"<table><thead>{head}</thead><tbody>{''.join(map(_row, rows))}</tbody></table>"
    )


def _row(row: Recovery) -> str:
    limits = "" if row.low is None or row.high is None else f"{row.low:.1%} to {row.high:.1%}"
    cells = (
        row.base,
        row.other,
        row.protocol,
        row.benchmark,
        f"{row.value:.1%}",
        limits,
        "" if row.floor is None else f"{row.floor:.1%}",
        "" if row.changed is None else f"{row.changed:.1%}",
        row.verdict,
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
