"""The tables as LaTeX, for a paper: booktabs rules, one `table` environment each."""

from __future__ import annotations

import re
from itertools import groupby

from zoo.contrasts import Tradeoff
from zoo.reporting.layout import lay_out
from zoo.reporting.tables import Cell, Column, Report, Row, Table
from zoo.reporting.text import clean

_REPLACEMENTS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # after \\ a bare bracket would be read as its argument
    "]": "{]}",
    "*": "{*}",  # so would a star
    "−": "$-$",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "→": r"$\to$",
    "⇢": r"$\Rightarrow$",
    "°": r"\textdegree{}",
    "≤": r"$\le$",
    "·": r"$\cdot$",
    "⚠": r"$\triangle$",
    "…": r"\dots{}",
    "—": "---",
}
_SPECIAL = re.compile("|".join(map(re.escape, _REPLACEMENTS)))

PREAMBLE = r"% needs \usepackage[T1]{fontenc} and \usepackage{booktabs,graphicx,xcolor}"


def escape(text: object) -> str:
    r"""Text that LaTeX prints as it is.

    >>> print(escape("50% of a_b"))
    50\% of a\_b
    """
    return _SPECIAL.sub(lambda match: _REPLACEMENTS[match[0]], clean(text))


def to_latex(tradeoff: Tradeoff) -> str:
    """One table environment for each table; the last one's caption explains all of them."""
    return latex_of(lay_out(tradeoff, paper=True, details=True))


def latex_of(report: Report) -> str:
    """The same of what is laid out already."""
    parts = [PREAMBLE]
    tables = (*report.tables, *report.details, *([report.claims] if report.claims else []))
    for number, table in enumerate(tables, start=1):
        parts.append(_table(report, table, is_last=number == len(report.tables)))
    return "\n\n".join(parts) + "\n"


def _table(report: Report, table: Table, *, is_last: bool) -> str:
    spec = "".join("r" if column.align == "right" else "l" for column in table.columns)
    lines = [
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{_caption(report, table, is_last=is_last)}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{l{spec}}}",
        r"\toprule",
        *_headings(table),
        r"\midrule",
    ]
    for number, block in enumerate(table.blocks):
        if block.title:
            lines += [r"\addlinespace"] * bool(number)
            span = len(table.columns) + 1
            lines.append(rf"\multicolumn{{{span}}}{{l}}{{\emph{{{escape(block.title)}}}}} \\")
        lines += [" & ".join([_stub(row), *map(_cell, row.cells)]) + r" \\" for row in block.rows]
    lines += [r"\bottomrule", r"\end{tabular}}", *_notes(report, table), r"\end{table}"]
    return "\n".join(lines)


def _caption(report: Report, table: Table, *, is_last: bool) -> str:
    sentences = [f"{table.title}: {report.title}."]
    if report.targets:
        sentences.append(f"Trained for (targets): {report.targets}.")
    if is_last:
        stages = (f"{name} = {model}{about}" for name, model, about in report.stages)
        named = "; ".join(stages)
        sentences += [*report.reading, named and f"{named}.", " · ".join(report.origin)]
    return escape(" ".join(sentence for sentence in sentences if sentence))


def _headings(table: Table) -> list[str]:
    """Groups over the columns where there are any, then the titles, then what stands under them."""
    lines = []
    if any(column.group for column in table.columns):
        cells, rules, place = [""], [], 2
        for group, members in groupby(table.columns, key=lambda column: column.group):
            span = len(list(members))
            cells.append(rf"\multicolumn{{{span}}}{{c}}{{{escape(group)}}}")
            if group:
                rules.append(rf"\cmidrule(lr){{{place}-{place + span - 1}}}")
            place += span
        lines += [" & ".join(cells) + r" \\", " ".join(rules)]
    titles = [escape(table.stub), *(_heading(column) for column in table.columns)]
    return [*lines, " & ".join(titles) + r" \\"]


def _heading(column: Column) -> str:
    return _stacked([escape(line) for line in (column.title, column.under) if line], column.align)


def _stub(row: Row) -> str:
    indent = rf"\hspace*{{{row.depth}em}}" if row.depth else ""
    label = escape(row.label)
    return indent + (rf"\emph{{{label}}}" if row.is_mean else label) + _marks(row)


def _cell(cell: Cell) -> str:
    number = escape(cell.text)
    if cell.weight == "strong":
        number = rf"\textbf{{{number}}}"
    first = number + _marks(cell)
    if cell.interval:
        first += rf" {{\scriptsize {escape(cell.interval)}}}"
    details = rf"{{\scriptsize {escape(cell.details)}}}" if cell.details else ""
    stacked = _stacked([line for line in (first, details) if line], "right")
    return rf"{{\color{{gray}}{stacked}}}" if cell.weight == "faint" else stacked


def _marks(marked: Cell | Row) -> str:
    sign = _REPLACEMENTS["⚠"] if marked.mixed else ""
    numbers = ",".join(map(str, marked.notes))
    return sign + (rf"\textsuperscript{{{numbers}}}" if numbers else "")


def _stacked(lines: list[str], align: str) -> str:
    if len(lines) < 2:
        return "".join(lines)
    return rf"\begin{{tabular}}[t]{{@{{}}{align[0]}@{{}}}}" + r"\\".join(lines) + r"\end{tabular}"


def _notes(report: Report, table: Table) -> list[str]:
    """The footnotes that this table refers to."""
    rows = [row for block in table.blocks for row in block.rows]
    marked: list[Cell | Row] = [*rows, *(cell for row in rows for cell in row.cells)]
    used = sorted({note for each in marked for note in each.notes})
    return [
        rf"\par\footnotesize\textsuperscript{{{number}}} {escape(report.notes[number - 1])}"
        for number in used
    ]
