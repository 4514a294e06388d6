"""Progress of a training on stderr: a bar for people, lines for logs, JSON lines for machines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import IO, TYPE_CHECKING, Any

from zoo.cli.progress import OFTEN, SELDOM, duration
from zoo.reporting.text import clean
from zoo.training.steps import Steps

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

SHOWN = ("loss", "reward")
"""What of a step people are shown, besides the time that is left; JSON has all."""


class Silent:
    """A view that shows nothing; the others are made from it. to: where it is shown."""

    def __init__(self, to: IO[str]) -> None:
        self.steps = Steps()
        self._to = to

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Hears an event."""
        self.steps(name, facts)

    def close(self) -> None:
        """The training is over, or is left."""

    def say(self, text: str) -> None:
        """Prints a line."""
        print(text, file=self._to, flush=True)


class JsonLines(Silent):
    """One JSON object a line, as docs/reference/progress.md describes them."""

    def __init__(self, to: IO[str]) -> None:
        super().__init__(to)
        self._said = -OFTEN
        self._waits = False

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Prints an event; of steps that follow one another quickly, the last."""
        super().__call__(name, facts)
        if name == "step":
            self._waits = True
            if time.monotonic() - self._said < OFTEN:
                return
            facts = {}
        self._step()
        if name != "step":
            self._print(name, facts)

    def close(self) -> None:
        """The last step is told."""
        self._step()

    def _step(self) -> None:
        if self._waits:
            left = self.steps.seconds_left
            more = {"seconds_left": None if left is None else round(left, 3)}
            self._print("step", {**self.steps.latest, "steps": self.steps.steps, **more})
            self._said, self._waits = time.monotonic(), False

    def _print(self, name: str, facts: Mapping[str, Any]) -> None:
        self.say(json.dumps({"event": name, "time": round(time.time(), 3), **facts}))


class Lines(Silent):
    """The start, and how far it is once a minute."""

    def __init__(self, to: IO[str]) -> None:
        super().__init__(to)
        self._said = time.monotonic()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Prints a line where there is something to say."""
        super().__call__(name, facts)
        if name == "start":
            self.say(started(facts))
        elif name == "note":
            self.say(noted(facts))
        elif name == "step" and time.monotonic() - self._said >= SELDOM:
            self.say(f"  {going(self.steps)}")
            self._said = time.monotonic()


class Bar(Silent):
    """A bar with the last step, drawn again a few times a second."""

    def __init__(self, to: IO[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(to)
        self._console = Console(file=to)
        self._live = Live(
            self,
            console=self._console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """The bar is drawn from the steps; the start and notes are said once above it."""
        super().__call__(name, facts)
        if name == "start":
            self.say(started(facts))
        elif name == "note":
            self.say(noted(facts))

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Takes the bar away."""
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is drawn now."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1))
        row.add_row(
            ProgressBar(max(self.steps.steps, 1), self.steps.step, 24),
            Text(going(self.steps) if self.steps.steps else "loading"),
        )
        yield row


@contextmanager
def showing(mode: str, *, chatter: bool) -> Iterator[Silent]:
    """A view of a training. mode: auto (a bar on a terminal, else lines), json, none.

    chatter: whether what libraries print is shown; it would tear the bar.
    """
    kinds = {"none": Silent, "json": JsonLines}
    view = kinds.get(mode, Bar if sys.stderr.isatty() else Lines)(sys.stderr)
    try:
        if chatter:
            yield view
        else:
            with (
                open(os.devnull, "w") as nowhere,
                redirect_stdout(nowhere),
                redirect_stderr(nowhere),
            ):
                yield view
    finally:
        view.close()


def started(facts: Mapping[str, Any]) -> str:
    """The sentence of a training's start.

    >>> started({"stage": "nano/x", "recipe": "full", "parent": None, "rows": 1200, "step": 0})
    'nano/x: full from nothing on 1,200 rows'
    """
    rows = f" on {facts['rows']:,} rows" if facts["rows"] else ""
    again = f", taken up again (it had come to step {facts['step']:,})" if facts["step"] else ""
    parent = facts["parent"] or "nothing"
    return clean(f"{facts['stage']}: {facts['recipe']} from {parent}{rows}{again}")


def noted(facts: Mapping[str, Any]) -> str:
    """What a recipe has to say to people."""
    return clean(f"  {facts.get('text', '')}")


def going(heard: Steps) -> str:
    """How far a training is.

    >>> heard = Steps()
    >>> heard("step", {"step": 3, "steps": 10, "loss": 1.23456})
    >>> going(heard)
    'step 3 of 10, loss 1.235'
    """
    parts = [f"step {heard.step:,} of {heard.steps:,}"]
    parts += [
        f"{name} {heard.latest[name]:.4g}" for name in SHOWN if heard.latest.get(name) is not None
    ]
    if heard.seconds_left is not None:
        parts.append(f"{duration(heard.seconds_left)} left")
    return ", ".join(parts)
