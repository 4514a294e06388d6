"""Progress of a run on stderr: a table for people, lines for logs, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.progress import ModelProgress, Progress, Tally

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

SELDOM = 60.0
"""Seconds between two lines of a log that only say how far the run is."""

OFTEN = 0.2
"""Seconds between two JSON lines that only say that requests were answered."""

WIDEST = 40
"""Columns of a model's name in the table."""


class Silent:
    """A view that shows nothing; the others are made from it.

    tally: of the run that is shown, told of each event before a view is.
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Shows an event; what is found before a run is said in any case."""
        from zoo.reporting.text import clean

        if name == "finding" and not facts["refuses"]:
            self.say(f"zoo: {clean(facts['text'])}")

    def say(self, text: str) -> None:
        """Prints a sentence."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """The run is over, or is left."""


@contextmanager
def showing(mode: str, tally: Tally) -> Iterator[Silent]:
    """A view of a run. mode: auto (a table on a terminal, else lines), json, none."""
    kinds = {"none": Silent, "json": JsonLines}
    view = kinds.get(mode, Table if sys.stderr.isatty() else Lines)(tally)
    try:
        yield view
    finally:
        view.close()


class JsonLines(Silent):
    """One JSON object a line, as docs/reference/progress.md describes them."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self._said = -OFTEN
        self._held: dict[str, int] = {}

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Prints an event; answers are gathered, by model, into a line now and then."""
        if name != "requests":
            self._release()
            self._print(name, facts)
            return
        model = str(facts.get("model") or self.tally.current)
        self._held[model] = self._held.get(model, 0) + facts["done"]
        if time.monotonic() - self._said >= OFTEN:
            self._release()

    def say(self, text: str) -> None:
        """Prints a sentence as an event."""
        self._release()
        self._print("said", {"text": text})

    def _release(self) -> None:
        held, self._held = self._held, {}
        for model, done in held.items():
            now = self.tally.now()
            facts = {
                "model": model,
                "done": done,
                "answered": now.done,
                "total": now.total,
                "per_second": _rounded(now.per_second),
                "seconds_left": _rounded(now.seconds_left),
            }
            self._print("requests", facts)
            self._said = time.monotonic()

    def _print(self, name: str, facts: Mapping[str, Any]) -> None:
        line = {"event": name, "time": round(time.time(), 3), **facts}
        print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)


class Lines(Silent):
    """Sparse lines: the start, each model when it is loaded and when it is done, and now and then
    how far the run is."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self._said = time.monotonic()
        self._ended: set[str] = set()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Prints a line where there is something to say."""
        from zoo.reporting.text import clean

        super().__call__(name, facts)
        if name == "start":
            self._ended.clear()
            self.say(started(facts))
        elif name == "loading":
            self.say(f"  {clean(facts['model'])}: loading")
        elif name == "waiting":
            self.say(f"  another run is at work on {clean(facts['name'])}; waiting for it")
        elif name == "result":
            now = self.tally.now()
            for each in now.models:
                over = each.state in ("done", "failed") and each.cells
                if over and each.model not in self._ended:
                    self._ended.add(each.model)
                    self.say(f"  {clean(each.model)}: {account(each)}")
        elif name == "requests" and time.monotonic() - self._said >= SELDOM:
            self.say(f"  {overall(self.tally.now())}")

    def say(self, text: str) -> None:
        """Prints a line."""
        self._said = time.monotonic()
        super().say(text)


class Table(Silent):
    """A line for each model and a bar over all requests, drawn again a few times a second."""

    def __init__(self, tally: Tally) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(tally)
        self._console = Console(stderr=True)
        self._live = Live(
            self, console=self._console, refresh_per_second=4, transient=True, redirect_stdout=False
        )
        self._live.start()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """The table is drawn from the tally; the start is said once above it."""
        super().__call__(name, facts)
        if name == "start":
            self.say(started(facts))

    def say(self, text: str) -> None:
        """Prints a line above the table."""
        self._console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Takes the table away."""
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is drawn now, no taller than the terminal."""
        yield from drawn(self.tally.now(), console.height)


def drawn(now: Progress, height: int) -> Iterator[Any]:
    """The table of a run's models and its bar. height: lines of the terminal."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table as Grid
    from rich.text import Text

    from zoo.reporting.text import clean, shorten

    if now.phase == "preparing":
        bar = Grid.grid(padding=(0, 1))
        checked = f"{now.finished}/{now.cells} cells checked"
        bar.add_row("preparing", ProgressBar(max(now.cells, 1), now.finished, 24), checked)
        yield bar
        return
    table = Grid.grid(padding=(0, 2))
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    shown = visible(now.models, max(height - 4, 3))
    for each in shown:
        table.add_row(
            Text(shorten(clean(each.model), WIDEST)),
            Text(each.state, style={"failed": "red", "done": "green"}.get(each.state, "")),
            f"{each.done:,}/{each.total:,}" if each.total else "in the store",
            f"{each.per_second:,.0f}/s" if each.per_second else "",
        )
    yield table
    if len(shown) < len(now.models):
        yield Text(f"and {len(now.models) - len(shown)} more models", style="dim")
    bar = Grid.grid(padding=(0, 1))
    bar.add_row(ProgressBar(max(now.total, 1), now.done, 24), Text(overall(now)))
    yield bar


def visible(models: tuple[ModelProgress, ...], most: int) -> list[ModelProgress]:
    """At most so many models, in their order: those at work first, then failed, waiting, done."""
    order = ("asking", "loading", "failed", "waiting", "done")
    urgent = sorted(range(len(models)), key=lambda number: order.index(models[number].state))
    return [models[number] for number in sorted(urgent[:most])]


def started(facts: Mapping[str, Any]) -> str:
    """The sentence of a run's start."""
    from zoo.reporting.text import clean

    return (
        f"{clean(facts['family'])} on {clean(facts['suite'])}: {facts['models']} models, "
        f"{facts['cells']} cells, {facts['reused']} in the store, {facts['requests']} requests to "
        "answer"
    )


def overall(now: Progress) -> str:
    """How far a run is.

    >>> overall(Progress(done=500, total=2000, per_second=50.0, seconds_left=30.0))
    '500 of 2,000 requests, 50/s, 30 s left'
    """
    parts = [f"{now.done:,} of {now.total:,} requests"]
    if now.per_second is not None and now.seconds_left is not None:
        parts += [f"{pace(now.per_second)}/s", f"{duration(now.seconds_left)} left"]
    if now.failed:
        parts.append(f"{now.failed} cells failed")
    return ", ".join(parts)


def account(each: ModelProgress) -> str:
    """What became of a model."""
    parts = [f"{each.finished} cells, {each.done:,} requests"]
    if each.per_second:
        parts.append(f"{pace(each.per_second)}/s")
    if each.reused:
        parts.append(f"{each.reused} more in the store")
    if each.failed:
        parts.append(f"{each.failed} failed")
    return ", ".join(parts)


def pace(per_second: float) -> str:
    """A rate with as many digits as matter.

    >>> pace(1234.5), pace(0.256)
    ('1,234', '0.26')
    """
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.2g}"


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(42.2), duration(150), duration(9000)
    ('42 s', '2:30 min', '2:30 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
