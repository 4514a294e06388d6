"""The adapters of a family, with the change from their base to each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from zoo.contrasts import Change, Tradeoff
from zoo.reporting import figures

NUMBER_BYTES = 2
"""Of a parameter as adapters are shared, in half precision."""


@dataclass(frozen=True)
class Adapter:
    """One adapter under one protocol.

    trained: its parameters; share: of the whole model's, 0..1; None where files do not say.
    general, special: the change from its base.
    """

    model: str
    kind: str
    protocol: str
    trained: int | None
    share: float | None
    general: Change
    special: Change


def adapters_of(tradeoff: Tradeoff) -> Iterator[Adapter]:
    """A row for each adapter and protocol, in the order of the family."""
    made = {row.model: row for row in tradeoff.training if row.adapter}
    for edge in tradeoff.tradeoffs:
        if edge.other not in made:
            continue
        row = made[edge.other]
        whole, trained = row.parameters, row.trained_parameters
        yield Adapter(
            edge.other,
            row.kind or "adapter",
            edge.protocol,
            trained,
            trained / whole if trained is not None and whole else None,
            edge.general,
            edge.special,
        )


def render(tradeoff: Tradeoff) -> str:
    """A table; nothing where the family has no adapter beside its base."""
    rows = list(adapters_of(tradeoff))
    if not rows:
        return ""
    head = (
        "<tr><th>Adapter</th><th>Kind</th><th>Protocol</th><th>Trained</th><th>Of the model</th>"
        "<th>In half precision</th><th>ΔG</th><th>ΔS</th></tr>"
    )
    return (
        "<p>Only the adapter's parameters were trained; the base under it is the same for all. "
        "ΔG and ΔS are points against the base, with 95 % limits.</p>"
        f"<table><thead>{head}</thead><tbody>{''.join(map(_row, rows))}</tbody></table>"
    )


def _row(row: Adapter) -> str:
    cells = (
        row.model,
        row.kind,
        row.protocol,
        "" if row.trained is None else f"{row.trained:,}",
        "" if row.share is None else f"{row.share:.2%}",
        "" if row.trained is None else f"{row.trained * NUMBER_BYTES / 1e6:.2f} MB",
        _points(row.general),
        _points(row.special),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _points(change: Change) -> str:
    limits = figures.limits(change.low, change.high)
    return f"{figures.signed(change.delta)} {limits}".strip()
