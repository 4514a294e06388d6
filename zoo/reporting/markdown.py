"""The tables as GitHub-flavoured Markdown, for a model card or an issue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from zoo.contrasts import Tradeoff
from zoo.reporting.layout import lay_out
from zoo.reporting.tables import Cell, Report, Row, Table
from zoo.reporting.text import clean

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~#$])")


def escape(text: object) -> str:
    r"""Text that Markdown shows as it is, in a table too.

    >>> print(escape("a|b_<i>"))
    a\|b\_&lt;i&gt;
    """
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text)


def grid(headings: Sequence[str], rows: Sequence[Sequence[str]], align: Sequence[str]) -> str:
    """A pipe table of cells that are Markdown already."""
    return tabulate(rows, headings, tablefmt="pipe", colalign=align, disable_numparse=True)


def to_markdown(tradeoff: Tradeoff) -> str:
    """Title, tables, footnotes and caption."""
    return markdown_of(lay_out(tradeoff, paper=True, details=True))


def markdown_of(report: Report) -> str:
    """The same of what is laid out already."""
    parts = [f"## {escape(report.title)}"]
    if report.targets:
        parts.append(f"Trained for (targets): {escape(report.targets)}")
    for table in (*report.tables, *report.details, *([report.claims] if report.claims else [])):
        parts += [f"### {escape(table.title)}", _table(table)]
    if report.advice:
        said = (f"- **{escape(question)}** {escape(answer)}" for question, answer in report.advice)
        parts += ["### Advice", "\n".join(said)]
    notes = [f"{number}. {escape(note)}" for number, note in enumerate(report.notes, start=1)]
    stages = [
        f"- {escape(name)} = {escape(model)}" + (f" @ {escape(revision)}" if revision else "")
        for name, model, revision in report.stages
    ]
    parts += ["\n".join(notes), *map(escape, report.reading), "\n".join(stages)]
    parts.append(escape(" · ".join(report.origin)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(table: Table) -> str:
    headings = [escape(table.stub)]
    for column in table.columns:
        words = (column.group, column.title, column.under)
        headings.append("<br>".join(escape(word) for word in words if word))
    rows = []
    for block in table.blocks:
        if block.title:
            rows.append([f"**{escape(block.title)}**", *("" for _ in table.columns)])
        rows += [[_stub(row), *map(cell_markdown, row.cells)] for row in block.rows]
    align = ["left", *(column.align for column in table.columns)]
    return grid(headings, rows, align)


def _stub(row: Row) -> str:
    branch = "└" + "─" * (2 * row.depth - 1) + " " if row.depth else ""
    label = escape(row.label)
    return branch + (f"*{label}*" if row.is_mean else label) + row.marks


def cell_markdown(cell: Cell) -> str:
    """A cell of a pipe table: bold where significant, flips and the like on a second line."""
    number = f"**{escape(cell.text)}**" if cell.weight == "strong" else escape(cell.text)
    lines = [f"{number}{cell.marks} {cell.interval}".strip(), cell.details]
    return "<br>".join(line for line in lines if line)
