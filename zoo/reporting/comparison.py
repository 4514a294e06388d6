"""Two models side by side, for `zoo compare A B`: first what differs, then by how much."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Literal

from zoo.contrasts import Contrast
from zoo.effects import Manner
from zoo.errors import UnknownNameError
from zoo.reporting import figures
from zoo.reporting.cells import contrast_cell
from zoo.reporting.data import dump
from zoo.reporting.lineage import short_names
from zoo.reporting.tables import Cell
from zoo.reporting.text import clean, shorten

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("table", "markdown", "json")
VALUE_WIDTH = 120
PROMPT_WIDTH = 240
LEAD = 40
"""How much of what two prompts share is shown before they part."""

Difference = tuple[str, str, str]
Align = Literal["left", "right"]


def render_comparison(
    configuration: Sequence[Difference],
    prompts: Sequence[Difference],
    contrasts: Sequence[Contrast],
    names: tuple[str, str],
    format: str,
    *,
    manners: Sequence[Manner] = (),
    width: int = 100,
) -> str:
    """How A and B are asked differently, and how their scores differ.

    configuration: (what, A's, B's) where the two differ. prompts: (benchmark, A's, B's) of the
    first item whose prompts differ. contrasts: B minus A. names: what to call A and B. manners: how
    each answered. width: of the terminal, for "table".

    Raises UnknownNameError (a ConfigError) for any format but `FORMATS`.
    """
    match format:
        case "table":
            return _to_terminal(_parts(configuration, prompts, contrasts, manners, names), width)
        case "markdown":
            return _to_markdown(_parts(configuration, prompts, contrasts, manners, names))
        case "json":
            return dump(
                {
                    "a": names[0],
                    "b": names[1],
                    "configuration": [_named("what", each) for each in configuration],
                    "prompts": [_named("benchmark", each) for each in prompts],
                    "contrasts": [_finite(asdict(contrast)) for contrast in contrasts],
                    "manners": [_finite(asdict(manner)) for manner in manners],
                }
            )
    raise UnknownNameError("format of a comparison", format, FORMATS)


@dataclass(frozen=True)
class Part:
    """One of the tables; without rows it says `nothing`."""

    title: str
    headings: tuple[str, ...]
    align: tuple[Align, ...]
    rows: tuple[tuple[Cell, ...], ...]
    nothing: str


def _parts(
    configuration: Sequence[Difference],
    prompts: Sequence[Difference],
    contrasts: Sequence[Contrast],
    manners: Sequence[Manner],
    names: tuple[str, str],
) -> tuple[Part, ...]:
    a, b = _two_names(names)
    left: tuple[Align, ...] = ("left", "left", "left")
    settings = tuple(_row(difference, VALUE_WIDTH) for difference in configuration)
    asked = tuple(_row(difference, PROMPT_WIDTH) for difference in prompts)
    scores = tuple(
        (
            Cell(clean(contrast.benchmark)),
            Cell(contrast.protocol),
            Cell(str(contrast.n)),
            _delta(contrast),
            Cell(clean(contrast.mixed)),
        )
        for contrast in contrasts
    )
    return (
        Part("Configuration", ("what", a, b), left, settings, "Both are configured alike."),
        Part("First prompt that differs", ("benchmark", a, b), left, asked, "No prompt differs."),
        Part(
            f"Scores, {b} minus {a} (points, 95 % limits)",
            ("benchmark", "protocol", "n", "Δ", "also differs"),
            ("left", "left", "right", "right", "left"),
            scores,
            "No benchmark is scored for both.",
        ),
        Part(
            "Answers: share that could be read (percent), and median tokens",
            ("benchmark", "protocol", f"read, {a}", f"read, {b}", f"tokens, {a}", f"tokens, {b}"),
            ("left", "left", "right", "right", "right", "right"),
            tuple(_manner(each) for each in manners),
            "Neither was asked to write anything.",
        ),
    )


def _two_names(names: tuple[str, str]) -> tuple[str, str]:
    """Short names; of one model twice, A and B."""
    short = short_names(names)
    if names[0] == names[1]:
        return f"{short[names[0]]} (A)", f"{short[names[1]]} (B)"
    return short[names[0]], short[names[1]]


def _manner(manner: Manner) -> tuple[Cell, ...]:
    read = (Cell(figures.points(each)) for each in manner.parsed)
    tokens = (Cell(figures.UNKNOWN if each is None else f"{each:g}") for each in manner.tokens)
    return (Cell(clean(manner.benchmark)), Cell(manner.protocol), *read, *tokens)


def _delta(contrast: Contrast) -> Cell:
    if not figures.known(contrast.delta):
        return Cell(figures.UNKNOWN)
    return contrast_cell(contrast, contrast.n)


def _row(difference: Difference, width: int) -> tuple[Cell, ...]:
    """Both texts from shortly before they part, cut in the middle where they are long."""
    name, *texts = difference
    one, two = map(_visible, texts)
    shared = len(commonprefix([one, two]))  # noqa: RUF071 - letters are meant, not folders
    skip = shared - LEAD if max(len(one), len(two)) > width and shared > LEAD else 0
    excerpts = (shorten("…" * bool(skip) + text[skip:], width) for text in (one, two))
    return (Cell(clean(name)), *map(Cell, excerpts))


def _visible(text: str) -> str:
    """One clean line in which white space that may matter can be seen."""
    text = re.sub(r"(?<=\s) | (?=\s)|^ | $", "␣", text)
    return clean(text.replace("\n", "↵").replace("\t", "⇥"))


def _to_terminal(parts: Sequence[Part], width: int) -> str:
    from rich.text import Text

    from zoo.reporting.terminal import Shape, captured, cell_text, new_grid

    def show(console: Console) -> None:
        for number, part in enumerate(parts):
            console.print("\n" * bool(number) + part.title, markup=False, highlight=False)
            if part.rows:
                grid = new_grid()
                for heading, align in zip(part.headings, part.align, strict=True):
                    grid.add_column(Text(heading), justify=align, overflow="fold")
                for row in part.rows:
                    grid.add_row(*(cell_text(cell, Shape()) for cell in row))
                console.print(grid)
            else:
                console.print(Text(part.nothing))

    return captured(show, width)


def _to_markdown(parts: Sequence[Part]) -> str:
    from zoo.reporting.markdown import cell_markdown, escape, grid

    text = []
    for part in parts:
        rows = [[cell_markdown(cell) for cell in row] for row in part.rows]
        headings = [escape(heading) for heading in part.headings]
        text.append(f"### {escape(part.title)}")
        text.append(grid(headings, rows, part.align) if rows else part.nothing)
    return "\n\n".join(text) + "\n"


def _named(first: str, difference: Difference) -> dict[str, str]:
    return dict(zip((first, "a", "b"), difference, strict=True))


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """JSON has no nan: unknown is null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
