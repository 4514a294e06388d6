"""The checkpoints of a training as a table for each protocol, in order of their steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from zoo.courses import Course, Point, Reading
from zoo.effects import Estimate
from zoo.reporting.course.words import reading, remark, title, verdicts
from zoo.reporting.figures import limits, margin, points, signed
from zoo.reporting.terminal import new_grid
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol

NAME_WIDTH = 24
NAME, TARGETS = 1, 4
"""Columns: of the checkpoint's name, and the first of the targets."""


def print_course(course: Course, console: Console) -> None:
    """The whole course: tables, what was found, how to read it."""
    console.print(Text(title(course), style="bold"))
    for each in tables(course):
        console.print(each)
    console.print()
    for line in verdicts(course):
        console.print(Text(line, style="bold"))
    for line in reading(course):
        console.print(Text(line, style="dim"))


def tables(course: Course, most: int | None = None) -> Iterator[RenderableType]:
    """A table for each protocol. most: of the newest rows; None for all."""
    for protocol in course.protocols:
        rows = [p for p in course.points if protocol in p.readings]
        base = [course.base] if course.base and protocol in course.base.readings else []
        if rows or base:
            yield Text(f"\n{protocol}", style="italic")
            yield Fitted(course, (*base, *(rows if most is None else rows[-most:])), protocol)


def cells(course: Course, point: Point, protocol: Protocol) -> list[str]:
    """One row: step, checkpoint, G, S, each target, ΔG, the mark, seconds."""
    found = point.readings[protocol]
    fall = course.fall(protocol)
    starts = fall is not None and point is not course.base and fall.name == point.name
    return [
        f"{point.step:,}",
        shorten(clean(point.name), NAME_WIDTH),
        _score(found.general),
        _score(found.special),
        *(points(found.capabilities[t].value) for t in own_targets(course)),
        _change(found, course.below(point, protocol)),
        "◄ G falls" if starts else "",
        "" if point.seconds is None else f"{point.seconds:,.0f} s",
        remark(course, point),
    ]


def heads(course: Course) -> list[str]:
    """Titles of these cells."""
    return ["Step", "Checkpoint", "G", "S", *map(clean, own_targets(course)), "ΔG", "", "Time", ""]


def own_targets(course: Course) -> Sequence[str]:
    """Targets that are shown beside S: none where S is but one of them."""
    return course.targets if len(course.targets) > 1 else ()


@dataclass(frozen=True)
class Fitted:
    """The table of one protocol, as wide as there is room: the targets leave it first."""

    course: Course
    shown: tuple[Point, ...]
    protocol: Protocol

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table that fits."""
        titles = heads(self.course)
        rows = [cells(self.course, point, self.protocol) for point in self.shown]
        used = [n for n in range(len(titles)) if any(row[n] for row in rows)]
        targets = range(TARGETS, TARGETS + len(own_targets(self.course)))
        grid = _grid(titles, rows, used)
        if Measurement.get(console, options.update(max_width=10_000), grid).maximum > (
            options.max_width
        ):
            grid = _grid(titles, rows, [n for n in used if n not in targets])
        yield grid


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int]) -> Grid:
    grid = new_grid()
    for number in kept:
        words = number in (NAME, len(titles) - 1)
        grid.add_column(Text(titles[number]), justify="left" if words else "right", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(row[number]) for number in kept))
    return grid


def _score(found: Estimate) -> str:
    return " ".join(filter(None, (points(found.value), margin(found.value, found.low, found.high))))


def _change(found: Reading, below: bool) -> str:
    change = found.change
    if change is None:
        return ""
    return f"{signed(change.delta)}{'*' if below else ''} {limits(change.low, change.high)}"
