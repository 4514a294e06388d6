"""The table of stages by capability, which always stands beside the summary numbers."""

from __future__ import annotations

from zoo.composites import capability_mean
from zoo.contrasts import Stage
from zoo.reporting import figures
from zoo.reporting.draft import Draft
from zoo.reporting.lineage import NAME_WIDTH
from zoo.reporting.tables import Block, Cell, Column, Row, Table
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol


def capability_table(draft: Draft) -> Table:
    """Rows are capabilities, targets first; columns are stages; a block for each protocol.

    A cell is the mean of the normalised scores of the capability's benchmarks, those of a group
    counting as one, and unknown where one of them is missing.
    """
    names: dict[str, None] = {}
    for target in draft.tradeoff.targets:
        names[target] = None
    for stage, _ in draft.tree:
        names.update(dict.fromkeys(score.capability for score in stage.scores))
    columns = tuple(Column(draft.name(stage.model)) for stage, _ in draft.tree)
    blocks = []
    for protocol in draft.protocols:
        rows = [_row(draft, name, protocol) for name in names]
        known = [row for row in rows if any(cell.text != figures.UNKNOWN for cell in row.cells)]
        if known:
            blocks.append(Block(protocol, tuple(known)))
    return Table("Capabilities", "Capability", columns, tuple(blocks))


def _row(draft: Draft, capability: str, protocol: Protocol) -> Row:
    label = shorten(clean(capability), NAME_WIDTH)
    if capability in draft.tradeoff.targets:
        label += " (target)"
    return Row(label, tuple(_cell(stage, capability, protocol) for stage, _ in draft.tree))


def _cell(stage: Stage, capability: str, protocol: Protocol) -> Cell:
    asked = [s for s in stage.scores if (s.capability, s.protocol) == (capability, protocol)]
    return Cell(figures.points(capability_mean(asked)))
