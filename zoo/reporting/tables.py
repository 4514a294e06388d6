"""What a table holds, before any format has dressed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Weight = Literal["plain", "strong", "faint"]


def marks(notes: tuple[int, ...], mixed: bool) -> str:
    """Numbers of footnotes in superscript, after a warning sign where an edge is mixed."""
    return ("⚠" if mixed else "") + ",".join(map(str, notes)).translate(_SUPERSCRIPT)


_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Cell:
    """One number with all that is said about it.

    interval: `±3.0` or `[−1.2, +9.4]`. flips: items gained and lost. mde: points, where the number
    is smaller. extra: what else to know. weight: strong where significant, faint where too small to
    be seen. notes: numbers of footnotes. mixed: the two ends differ in more than the model.
    """

    text: str
    interval: str = ""
    flips: tuple[int, int] | None = None
    mde: str = ""
    extra: str = ""
    weight: Weight = "plain"
    notes: tuple[int, ...] = ()
    mixed: bool = False

    @property
    def marks(self) -> str:
        """The warning sign and footnote numbers that stand beside it."""
        return marks(self.notes, self.mixed)

    @property
    def details(self) -> str:
        """`12 up 8 down (mde 5.4)`."""
        flips = f"{self.flips[0]} up {self.flips[1]} down" if self.flips else ""
        mde = f"(mde {self.mde})" if self.mde else ""
        return " ".join(part for part in (flips, self.extra, mde) if part)


@dataclass(frozen=True)
class Column:
    """under: a second line of the heading. group: what a run of neighbours has in common.

    aside: how a narrow table says the cell under the row's label (`n {}`); "" keeps the column.
    """

    title: str
    under: str = ""
    group: str = ""
    aside: str = ""
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Row:
    """depth: in the tree of the lineage. is_mean: the row that ends a block. Else as in Cell."""

    label: str
    cells: tuple[Cell, ...]
    depth: int = 0
    is_mean: bool = False
    notes: tuple[int, ...] = ()
    mixed: bool = False

    @property
    def marks(self) -> str:
        """The warning sign and footnote numbers that stand beside it."""
        return marks(self.notes, self.mixed)


@dataclass(frozen=True)
class Block:
    """Rows under a common heading ("" for none)."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """stub: the heading of the labels."""

    title: str
    stub: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """The tables of a trade-off with all the words around them.

    targets: what the stages were trained for, in one line. reading: how to read the numbers.
    origin: where they come from. stages: (short name, id, what else is known
    of it). notes: footnotes, from 1 on. claims: the table of claims. advice: (question, answer).
    details: further tables, for a page or a paper and not for a terminal.
    """

    title: str
    targets: str
    tables: tuple[Table, ...]
    reading: tuple[str, ...]
    origin: tuple[str, ...]
    stages: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    claims: Table | None = None
    advice: tuple[tuple[str, str], ...] = ()
    details: tuple[Table, ...] = ()
