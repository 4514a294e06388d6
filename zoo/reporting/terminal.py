"""The tables in a terminal: as wide as it is, and plain text where it has no colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from zoo.contrasts import Tradeoff
from zoo.reporting.figures import UNKNOWN
from zoo.reporting.layout import lay_out
from zoo.reporting.tables import Cell, Column, Report, Row, Table

STYLES = {"plain": "", "strong": "bold", "faint": "dim"}
RULE = box.Box("    \n    \n -  \n    \n    \n    \n    \n    \n")


@dataclass(frozen=True)
class Shape:
    """How tightly a table is set.

    fold: columns that have an `aside` are said under the label. stack: so is the interval under its
    number; tight: the minimum detectable effect too, and intervals without a space.
    """

    fold: bool = False
    stack: bool = False
    tight: bool = False


SHAPES = (Shape(), Shape(fold=True), Shape(True, stack=True), Shape(True, True, tight=True))


def to_terminal(tradeoff: Tradeoff, width: int = 100, color: bool = False) -> str:
    """The tables as text of at most `width` columns, with ANSI escapes only if `color`."""
    return captured(lambda console: print_report(tradeoff, console), width, color)


def captured(show: Callable[[Console], None], width: int, color: bool = False) -> str:
    """What `show` prints, the same wherever it is called, without spaces at the ends of lines."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as capture:
        show(console)
    return re.sub(r"[ \t]+$", "", capture.get(), flags=re.MULTILINE)


def print_report(tradeoff: Tradeoff, console: Console) -> None:
    """Print the title, the tables, and below them what explains the numbers."""
    print_tables(lay_out(tradeoff), console)


def print_tables(report: Report, console: Console) -> None:
    """The same of what is laid out already."""
    console.print(Text(report.title, style="bold"))
    if report.targets:
        console.print(Text(f"Trained for (targets): {report.targets}"))
    for table in (*report.tables, *([report.claims] if report.claims else [])):
        console.print()
        console.print(Text(table.title, style="bold"))
        for grid in fit(table, console):
            console.print(grid)
    _print_words(report, console)


def _print_words(report: Report, console: Console) -> None:
    if report.notes:
        console.print()
    for number, note in enumerate(report.notes, start=1):
        _hang(console, Cell("", notes=(number,)).marks + " ", note)
    console.print()
    for paragraph in report.reading:
        _hang(console, "", paragraph, "dim")
    console.print()
    for name, model, revision in report.stages:
        _hang(console, f"{name} ", f"= {model}" + (f" @ {revision}" if revision else ""), "dim")
    _hang(console, "", " · ".join(report.origin), "dim")


def _hang(console: Console, mark: str, text: str, style: str = "") -> None:
    """A paragraph whose later lines are indented."""
    if mark or text:
        lines = Text(mark + text, style=style).wrap(console, max(console.width - 2, 10))
        for place, line in enumerate(lines):
            console.print(Padding(line, (0, 0, 0, 2 if place else 0)), overflow="fold")


def fit(table: Table, console: Console) -> Iterator[Grid]:
    """The table in its roomiest shape that is narrow enough, in several parts if none is."""
    places = range(len(table.columns))
    for shape in SHAPES:
        grid = _grid(table, places, shape)
        if _width(grid, console) <= console.width:
            yield grid
            return

    shape = Shape(fold=True, stack=True)
    kept = [place for place in places if not table.columns[place].aside]
    while kept:
        take = len(kept)
        while take > 1 and _width(_grid(table, kept[:take], shape), console) > console.width:
            take -= 1
        yield _grid(table, kept[:take], shape)
        kept = kept[take:]


def _width(grid: Grid, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=10_000), grid).maximum


def new_grid() -> Grid:
    """An empty table in the one style that all of ours have."""
    return Grid(box=RULE, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)


def _grid(table: Table, places: range | list[int], shape: Shape) -> Grid:
    """A rich table of some of the columns; folded columns are said under the labels."""
    shown = [place for place in places if not (shape.fold and table.columns[place].aside)]
    grid = new_grid()
    tall = max((_heading(table.columns[place], True).count("\n") for place in shown), default=0)
    grid.add_column(Text("\n" * tall + table.stub), overflow="fold")
    group = ""
    for place in shown:
        column = table.columns[place]
        heading = _heading(column, column.group != group)
        group = column.group
        heading = "\n" * (tall - heading.count("\n")) + heading
        grid.add_column(Text(heading), justify=column.align, overflow="fold")

    for number, block in enumerate(table.blocks):
        if block.title:
            if number:
                grid.add_row()
            grid.add_row(Text(block.title, style="italic"))
        for row in block.rows:
            cells = [cell_text(row.cells[place], shape) for place in shown]
            grid.add_row(_stub(table, row, shape), *cells)
    return grid


def _heading(column: Column, starts_group: bool) -> str:
    lines = [column.title, column.under]
    if column.group:
        lines.insert(0, column.group if starts_group else " ")
    return "\n".join(line for line in lines if line)


def _stub(table: Table, row: Row, shape: Shape) -> Text:
    indent = "  " * (row.depth - 1) + "└ " if row.depth else ""
    label = Text(indent + row.label + row.marks, style="italic" if row.is_mean else "")
    asides = [
        column.aside.format(cell.text)
        for column, cell in zip(table.columns, row.cells, strict=True)
        if shape.fold and column.aside and cell.text not in ("", UNKNOWN)
    ]
    lines = [" · ".join(asides[:2]), *asides[2:]] if shape.stack else [" · ".join(asides)]
    for line in lines if asides else ():
        label.append("\n" + " " * len(indent) + "  " + line, style="dim")
    return label


def cell_text(cell: Cell, shape: Shape) -> Text:
    """A cell on one line or, for a narrow column, on several; a star says significant."""
    number = cell.text + ("*" if cell.weight == "strong" else "") + cell.marks
    flips = f"{cell.flips[0]}↑ {cell.flips[1]}↓" if cell.flips else ""
    if shape.stack:
        mde = f"mde {cell.mde}" if cell.mde else ""
        lines = [(number, mde), (cell.interval,), (flips, cell.extra)]
        if shape.tight:
            interval = cell.interval.replace(", ", ",")
            lines = [(number,), (interval,), (flips, cell.extra), (mde,)]
    else:
        mde = f"(mde {cell.mde})" if cell.mde else ""
        lines = [(number, cell.interval), (flips, cell.extra, mde)]
    first, *rest = [" ".join(filter(None, line)) for line in lines if any(line)] or [""]
    text = Text(first, style=STYLES[cell.weight])
    for line in rest:
        text.append("\n" + line, style="dim" if cell.weight != "strong" else "not bold dim")
    return text
