"""The table of a gate: what was asked to take no harm, and what could be ruled out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from zoo.equivalence import Gate, Ruled
from zoo.errors import UnknownNameError
from zoo.reporting import figures
from zoo.reporting.data import dump
from zoo.reporting.text import clean

FORMATS = ("table", "markdown", "json")
SCHEMA = "zoo.gate/1"
HEADINGS = ("", "Δ", "95 %", "harm ruled out beyond", "ruling")
ALIGN = ("left", "right", "left", "right", "left")


def render_gates(gates: Sequence[Gate], format: str) -> str:
    """The gates of one child, a table for each protocol, in points (percent).

    Raises UnknownNameError (a ConfigError) for any format but `FORMATS`.
    """
    if format not in FORMATS:
        raise UnknownNameError("format of a gate", format, FORMATS)
    if format == "json":
        return dump(as_dict(gates))
    style = "pipe" if format == "markdown" else "simple"
    return "\n".join(_table(gate, style) for gate in gates)


def as_dict(gates: Sequence[Gate]) -> dict[str, Any]:
    """Schema zoo.gate/1: fractions, unknown is None."""
    return {
        "schema": SCHEMA,
        "child": gates[0].other,
        "parent": gates[0].base,
        "margin": gates[0].margin,
        "ruling": overall(gates),
        "rows": [
            {
                "protocol": gate.protocol,
                "what": row.what,
                "delta": row.change.delta,
                "low": row.change.low,
                "high": row.change.high,
                "ruling": row.ruling,
                "unchanged": row.unchanged,
                "more": row.more,
            }
            for gate in gates
            for row in gate.rows
        ],
    }


def overall(gates: Sequence[Gate]) -> str:
    """Harm where any is shown; no harm where each ability under each protocol is shown to take
    none; else not shown."""
    if any(gate.harmed for gate in gates):
        return "harm"
    return "no harm" if gates and all(gate.passed for gate in gates) else "not shown"


def _table(gate: Gate, style: str) -> str:
    text = tabulate(
        [_row(row, gate.margin) for row in gate.rows],
        HEADINGS,
        tablefmt=style,
        colalign=ALIGN,
        disable_numparse=True,
    )
    title = f"{clean(gate.other)} against {clean(gate.base)}, {gate.protocol}"
    return f"{title}, margin {100 * gate.margin:g} points\n\n{text}\n\n{_verdict(gate)}\n"


def _verdict(gate: Gate) -> str:
    """The ruling in a sentence."""
    if gate.harmed:
        return f"Harm was found: {', '.join(map(clean, gate.harmed))}."
    if gate.passed:
        return f"No harm beyond {100 * gate.margin:g} points, of anything."
    return "No harm was found, and it cannot be ruled out everywhere: more items would tell."


def _row(row: Ruled, margin: float) -> tuple[str, ...]:
    change = row.change
    excluded = figures.UNKNOWN
    if change.low is not None:
        excluded = figures.points(max(0.0, -change.low))
    said: str = row.ruling
    if said == "no harm" and row.unchanged:
        said += f" (unchanged within ±{100 * margin:g})"
    if row.more is not None:
        said += f"; {row.more:.1f} times the items could show it"
    return (
        clean(row.what),
        figures.signed(change.delta),
        figures.limits(change.low, change.high),
        excluded,
        said,
    )
