"""Progress of a watch: a table that grows for people, lines for logs, JSON lines for machines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.cli.progress import JsonLines, Silent, Table, drawn, started
from zoo.progress import Tally

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from zoo.courses import Course

SAID = ("left_out", "parent", "recalled")
"""Events that are said in any case."""


@contextmanager
def watching(mode: str, course: Callable[[], Course]) -> Iterator[Silent]:
    """A view of a watch. mode: auto (a table on a terminal, else lines), json, none.

    The view's `tally` is that of the run that goes on.
    """
    view: Silent
    if mode == "json":
        view = JsonLines(Tally())
    elif mode == "auto" and sys.stderr.isatty():
        view = Growing(course)
    else:
        view = Log(course, quiet=mode == "none")
    try:
        yield view
    finally:
        view.close()


def sentence(name: str, facts: Mapping[str, Any]) -> str:
    """What an event of a watch says to people; "" for one that is shown otherwise."""
    from zoo.reporting.text import clean

    if name == "left_out":
        return f"zoo: left out: {clean(facts['name'])}: {clean(facts['reason'])}"
    if name == "parent":
        named = f"{clean(facts['parent'])} cannot be taken as the parent: " * bool(facts["parent"])
        return (
            f"zoo: {named}{clean(facts['reason'])}; changes are against the first checkpoint, "
            "and --base names the model that the training began with"
        )
    if name == "recalled":
        return f"zoo: {clean(facts['text'])}"
    if name == "awaited":
        lacking = [f"{clean(n)}: {clean(why)}" for n, why in facts["lacking"].items()]
        return "; ".join(["waiting for a complete checkpoint", *lacking[:3]])
    return ""


class Log(Silent):
    """Lines: what is asked of which checkpoint, what is waited for, and what was found."""

    def __init__(self, course: Callable[[], Course], *, quiet: bool = False) -> None:
        super().__init__(Tally())
        self._course, self._quiet = course, quiet
        self._found: set[str] = set()
        self._marks: list[str] = []

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Prints a line where there is something to say, and each finding once."""
        if name == "finding":
            if facts["text"] not in self._found:
                self._found.add(facts["text"])
                super().__call__(name, facts)
        elif name in SAID:
            self.say(sentence(name, facts))
        elif self._quiet:
            return
        elif name == "start":
            self.say(started(facts))
        elif name == "awaited":
            self.say(sentence(name, facts))
        elif name == "checkpoint":
            self.say(self._line(facts))
            self._say_marks()

    def _line(self, facts: Mapping[str, Any]) -> str:
        """A checkpoint in a line."""
        from zoo.reporting.figures import limits, points, signed
        from zoo.reporting.text import clean

        said = []
        for protocol, each in facts["protocols"].items():
            part = f"{protocol} G {points(each['general']['value'])}"
            part += f" S {points(each['special']['value'])}"
            if change := each["change"]:
                part += f" ΔG {signed(change['delta'])} {limits(change['low'], change['high'])}"
            said.append(part)
        took = f" ({facts['seconds']:,.0f} s)" if facts["seconds"] is not None else ""
        return f"{clean(facts['name'])}{took}: {', '.join(said)}"

    def _say_marks(self) -> None:
        """Says where G falls, when that is news."""
        from zoo.reporting.course.words import verdicts

        marks = verdicts(self._course())
        for line in marks:
            if line not in self._marks and (self._marks or "not shown" not in line):
                self.say(f"  {line}")
        self._marks = marks


class Growing(Table):
    """The table of the checkpoints so far, and below it the run that goes on or what is awaited."""

    def __init__(self, course: Callable[[], Course]) -> None:
        self._course = course
        self._awaited = "looking"
        self._at_work = False
        self._found: set[str] = set()
        super().__init__(Tally())

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """What is drawn changes; what was left out is said above it."""
        if name == "awaited":
            self._awaited = sentence(name, facts)
        elif name in SAID:
            self.say(sentence(name, facts))
        elif name == "finding":
            if facts["text"] not in self._found:
                self._found.add(facts["text"])
                super().__call__(name, facts)
        elif name in ("preparing", "start"):
            self._at_work = True
        elif name in ("finished", "interrupted"):
            self._at_work = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is drawn now, no taller than the terminal."""
        from rich.text import Text

        from zoo.reporting.course.table import tables

        course = self._course()
        room = max((console.height - 10) // max(len(course.protocols), 1) - 4, 3)
        yield from tables(course, room)
        yield Text()
        if self._at_work:
            yield from drawn(self.tally.now(), 8)
        else:
            yield Text(self._awaited, style="dim")
