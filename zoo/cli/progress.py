"""Progress of a run on stderr: a bar with the time left for people, lines of JSON for machines."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.evaluation.evaluator import OnEvent


@contextlib.contextmanager
def progress(mode: str) -> Iterator[OnEvent]:
    """A listener for the run's events. mode: auto (a bar on a terminal, else lines), json, none."""
    if mode == "none":
        yield lambda *_: None
    elif mode == "json":
        yield _json_line
    elif sys.stderr.isatty():
        with _Bar() as bar:
            yield bar
    else:
        yield _Lines()


def _json_line(name: str, facts: Mapping[str, Any]) -> None:
    line = {"event": name, "time": round(time.time(), 3), **facts}
    print(json.dumps(line, ensure_ascii=False), file=sys.stderr, flush=True)


class _Lines:
    """A line when a run starts and for each model: for logs."""

    def __init__(self) -> None:
        self._model = ""

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        if name == "start":
            print(_start(facts), file=sys.stderr, flush=True)
        elif name == "loading" and facts["model"] != self._model:
            self._model = facts["model"]
            print(f"  {self._model}", file=sys.stderr, flush=True)
        elif name == "waiting":
            print(f"  {_waiting(facts)}", file=sys.stderr, flush=True)


class _Bar:
    """One bar over all requests, with the cell at work and the time left."""

    def __enter__(self) -> _Bar:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("requests"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        self._task = self._progress.add_task("preparing", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        update = self._progress.update
        if name == "preparing":
            update(self._task, description="preparing", total=facts["cells"])
            update(self._task, completed=facts["done"])
        elif name == "start":
            self._progress.console.print(_start(facts), markup=False, highlight=False)
            self._progress.reset(self._task, total=facts["requests"])
        elif name == "loading":
            update(self._task, description=f"loading {facts['model']}")
        elif name == "cell":
            update(self._task, description=facts["name"])
        elif name == "waiting":
            update(self._task, description=_waiting(facts))
        elif name == "requests":
            self._progress.advance(self._task, facts["done"])


def _waiting(facts: Mapping[str, Any]) -> str:
    return f"another run is at work on {facts['name']}; waiting for it"


def _start(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['family']} on {facts['suite']}: {facts['models']} models, {facts['cells']} cells, "
        f"{facts['reused']} in the store, {facts['requests']} requests to answer"
    )
