"""From a leaderboard to its tables, the same for every format, and the words around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from zoo.effects import Mean
from zoo.ranking import Entry, Leaderboard, is_sure
from zoo.ranking.boards import SIGNIFICANT
from zoo.reporting import figures
from zoo.reporting.leaderboard.words import ranks, set_apart, settings, size, source
from zoo.reporting.tables import Block, Cell, Column, Report, Row, Table
from zoo.reporting.text import clean, shorten
from zoo.results import PROTOCOLS

NAME_WIDTH = 44
PARENT_WIDTH = 24
UNPAIRED = "no run held both on the same items: from the standard errors of both ends, and wider"


def lay_out_board(board: Leaderboard, *, details: bool = False) -> Report:
    """Everything a leaderboard says, foreign text clean, numbers in points (percent).

    details: with a table by capability, for which a terminal has no room.
    """
    apart = set_apart(board.entries)
    tables = [_table(board, apart)]
    return Report(
        title=title(board),
        targets="",
        tables=tuple(table for table in tables if table.blocks),
        reading=tuple(reading(board)),
        origin=tuple(f"{name}: {value}" for name, value in settings(board)[0].items()),
        stages=(),
        notes=(UNPAIRED,) if any(_unpaired(entry) for entry in board.entries) else (),
        details=(_capabilities(board, apart),) if details and board.entries else (),
    )


def title(board: Leaderboard) -> str:
    """What it is of."""
    name = f"{clean(board.name)}, leaderboard of " if board.name else ""
    part = f", first {board.limit} items of each benchmark" if board.limit else ""
    return f"{name or 'Leaderboard of '}{clean(board.suite)}{part}"


def reading(board: Leaderboard) -> Iterator[str]:
    """How to read it, one paragraph each."""
    yield (
        "G: mean of all general capabilities, S: of all special ones (a report's S: of those that "
        "its stages were trained for); a guesser has 0 and perfection 100 points. Ranked by "
        + clean(board.sort)
        + "."
    )
    yield (
        "Rank: every rank that the entry may have; with 95 % probability all true ranks lie within "
        "theirs (simultaneous intervals of all pairwise differences)."
    )
    if any(entry.deltas for entry in board.entries):
        yield (
            "Δ: against the parent, on the same items, with 95 % limits; bold or *: of "
            f"Δ{clean(board.sort)}, by which is ranked, significant by Holm over all entries of a "
            f"protocol (p ≤ {SIGNIFICANT:.2f}). Others are not tested here; --sort tests them."
        )
    yield from (note[0].upper() + note[1:] + "." for note in board.notes)


def mean_cell(mean: Mean | None) -> Cell:
    """`81.2 ±3.0`."""
    if mean is None:
        return Cell(figures.UNKNOWN)
    return Cell(figures.points(mean.value), figures.margin(mean.value, mean.low, mean.high))


def _table(board: Leaderboard, apart: Mapping[int, str]) -> Table:
    sources = any(entry.source for entry in board.entries)
    licences = any(entry.licence for entry in board.entries)
    sizes = any(entry.parameters is not None for entry in board.entries)
    deltas = any(entry.deltas for entry in board.entries)
    measures = list(dict.fromkeys([*_axes(board), board.sort]))
    columns = [Column("Rank"), *(Column(clean(each)) for each in measures)]
    columns += [Column(f"Δ{clean(each)}") for each in measures if deltas]
    columns += [Column("Parent", aside="from {}", align="left")] * deltas
    columns += [Column("Regime", aside="{}", align="left")]
    columns += [Column("Size", aside="{}")] * sizes
    columns += [Column("Licence", aside="{}", align="left")] * licences
    columns += [Column("Source", aside="{}", align="left")] * sources

    def row(entry: Entry) -> Row:
        cells = [Cell(ranks(entry)), *(mean_cell(entry.of(each)) for each in measures)]
        if deltas:
            cells += [_delta(entry, each, board) for each in measures]
            parents = (shorten(clean(delta.parent), PARENT_WIDTH) for delta in entry.deltas)
            cells.append(Cell(" / ".join(parents)))
        cells.append(Cell(clean(entry.regime)))
        cells += [Cell(size(entry.parameters))] * sizes
        cells += [Cell(clean(entry.licence))] * licences
        cells += [Cell(source(entry))] * sources
        return Row(_label(entry, apart), tuple(cells))

    return Table("Entries", "Model", tuple(columns), _blocks(board, row))


def _capabilities(board: Leaderboard, apart: Mapping[int, str]) -> Table:
    names = sorted(board.capabilities, key=lambda name: board.capabilities[name])
    columns = tuple(Column(clean(name), group=board.capabilities[name]) for name in names)

    def row(entry: Entry) -> Row:
        cells = (mean_cell(entry.capabilities.get(name)) for name in names)
        return Row(_label(entry, apart), tuple(cells))

    return Table("By capability", "Model", columns, _blocks(board, row))


def _blocks(board: Leaderboard, row: Callable[[Entry], Row]) -> tuple[Block, ...]:
    blocks = []
    for protocol in PROTOCOLS:
        own = [entry for entry in board.entries if entry.protocol == protocol]
        for name, entries in (
            (protocol, [e for e in own if e.is_complete]),
            (f"{protocol}, incomplete", [e for e in own if not e.is_complete]),
        ):
            if entries:
                blocks.append(Block(name, tuple(map(row, entries))))
    return tuple(blocks)


def _axes(board: Leaderboard) -> list[str]:
    axes = set(board.capabilities.values())
    return [letter for letter, axis in (("G", "general"), ("S", "special")) if axis in axes]


def _label(entry: Entry, apart: Mapping[int, str]) -> str:
    name = shorten(clean(entry.model), NAME_WIDTH)
    # which benchmarks are missing, as far as names follow, is in JSON and on the page
    said = ", ".join(filter(None, (apart.get(id(entry), ""), entry.gap.partition(":")[0])))
    return f"{name} ({said})" if said else name


def _delta(entry: Entry, measure: str, board: Leaderboard) -> Cell:
    """The changes against the parents, most of the time one."""
    shifts = [(delta, shift) for delta in entry.deltas if (shift := delta.of(measure))]
    if not shifts:
        return Cell("" if not entry.parents else figures.UNKNOWN)
    sure = measure == board.sort and any(is_sure(delta) for delta, _ in shifts)
    return Cell(
        " / ".join(figures.signed(shift.delta) for _, shift in shifts),
        " / ".join(figures.limits(shift.low, shift.high) for _, shift in shifts),
        weight="strong" if sure else "plain",
        notes=(1,) if any(not delta.paired for delta, _ in shifts) else (),
    )


def _unpaired(entry: Entry) -> bool:
    return any(not delta.paired for delta in entry.deltas)
