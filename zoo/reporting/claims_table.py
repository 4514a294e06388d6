"""The table of claims: what was tried on this report, and with what outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.reporting import figures
from zoo.reporting.draft import NOTE_WIDTH, Draft
from zoo.reporting.lineage import NAME_WIDTH
from zoo.reporting.tables import Block, Cell, Column, Row, Table
from zoo.reporting.text import clean, shorten

UNTRIED = "not testable"
TITLE = "Claims (as fractions; limits widened for the number of claims)"


def claims_table(draft: Draft, *, whole: bool) -> Table | None:
    """A row for each claim with its verdict, estimate and limits; None where there is no claim.

    whole: also the claims that could not be tried, and in words what decided each.
    """
    rows = [each for each in draft.tradeoff.claims if whole or each["verdict"] != UNTRIED]
    if not rows:
        return None
    columns = [
        Column("Verdict", align="left"),
        Column("Estimate"),
        Column("Says", aside="{}", align="left"),
    ]
    if whole:
        columns.append(Column("Because", align="left"))
    return Table(TITLE, "Claim", tuple(columns), (Block("", tuple(_row(r, whole) for r in rows)),))


def untried(draft: Draft) -> str:
    """One line on the claims that could not be tried, "" where all were."""
    names = [clean(each["id"]) for each in draft.tradeoff.claims if each["verdict"] == UNTRIED]
    if not names:
        return ""
    return f"Claims that this report cannot test: {', '.join(names)}; JSON and Markdown say why."


def _row(claim: Mapping[str, Any], whole: bool) -> Row:
    decided = claim["verdict"] in ("supported", "refuted")
    cells = [
        Cell(clean(claim["verdict"]), weight="strong" if decided else "plain"),
        Cell(_number(claim["estimate"]), _limits(claim["low"], claim["high"])),
        Cell(shorten(clean(claim["claim"]), NOTE_WIDTH if whole else 2 * NAME_WIDTH + 8)),
    ]
    if whole:
        cells.append(Cell(shorten(clean(claim["reason"] or ""), NOTE_WIDTH)))
    return Row(shorten(clean(claim["id"]), NAME_WIDTH) or "(no name)", tuple(cells))


def _number(value: float | None) -> str:
    return f"{value:.3f}".replace("-", "−") if figures.known(value) else figures.UNKNOWN


def _limits(low: float | None, high: float | None) -> str:
    known = figures.known(low) and figures.known(high)
    return f"[{_number(low)}, {_number(high)}]" if known else ""
