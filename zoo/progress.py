"""How far a run is: its events, folded into numbers that any view can show.

A tally is told what the run tells (docs/reference/progress.md) and says at any time where each
model stands. Nothing is shown, read or written here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

WINDOW = 30.0
"""Seconds over which throughput is taken: generation follows likelihoods that go much faster."""

STEP = 0.25
"""Seconds between two points of that window."""

State = Literal["waiting", "loading", "asking", "done", "failed"]
Listener = Callable[[str, Mapping[str, Any]], None]
"""Told of each event: its name and its facts."""

Phase = Literal["preparing", "asking", "finished", "interrupted"]


@dataclass(frozen=True)
class ModelProgress:
    """Where one model stands.

    cells: to be made, and `finished` of them; `failed` of these have no score; `reused`: others,
        that the store had. done, total: requests, answers that were kept by an earlier attempt
        among those done. per_second: requests answered in a second while it was asked, without
        them; None where nothing was answered.
    """

    model: str
    state: State = "waiting"
    cells: int = 0
    finished: int = 0
    failed: int = 0
    reused: int = 0
    done: int = 0
    total: int = 0
    per_second: float | None = None


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    done, total: requests of all models. per_second: requests answered in a second, over the last
    WINDOW seconds; seconds_left: what is lacking at that pace, weights to load not counted; both
    None while nothing is known.
    """

    family: str = ""
    suite: str = ""
    phase: Phase = "preparing"
    cells: int = 0
    finished: int = 0
    failed: int = 0
    reused: int = 0
    done: int = 0
    total: int = 0
    per_second: float | None = None
    seconds_left: float | None = None
    models: tuple[ModelProgress, ...] = ()


@dataclass
class _Line:
    """One model, as far as its events go. A call is what the model is asked at once."""

    model: str
    cells: int = 0
    finished: int = 0
    failed: int = 0
    reused: int = 0
    total: int = 0
    settled: int = 0
    call: int = 0
    in_call: int = 0
    open: bool = False
    answered: int = 0
    state: State = "waiting"
    began: float | None = None
    told: float | None = None

    @property
    def done(self) -> int:
        return self.settled + self.in_call

    def begin_call(self, size: int, now: float) -> None:
        """A call that was broken off is asked again: what it had answered does not count twice."""
        if self.in_call >= self.call:
            self.settled += self.in_call
        self.call, self.in_call, self.open = size, 0, True
        self.began = now if self.began is None else self.began
        self.state = "asking"

    def end_cell(self, status: str) -> None:
        self.finished += 1
        self.failed += status == "failed"
        self.open = False
        if self.finished >= self.cells:
            self.state = "failed" if self.failed else "done"
            self.total = self.done  # what failed unasked is not waited for

    def shown(self, now: float) -> ModelProgress:
        until = self.told if self.state in ("done", "failed") else now
        seconds = 0.0 if self.began is None or until is None else until - self.began
        return ModelProgress(
            model=self.model,
            state=self.state,
            cells=self.cells,
            finished=self.finished,
            failed=self.failed,
            reused=self.reused,
            done=self.done,
            total=max(self.total, self.done),
            per_second=self.answered / seconds if self.answered and seconds > 0 else None,
        )


@dataclass
class Tally:
    """Counts a run's events. clock: seconds, as `time.monotonic` gives them."""

    clock: Callable[[], float] = time.monotonic
    _head: dict[str, Any] = field(default_factory=dict)
    _lines: dict[str, _Line] = field(default_factory=dict)
    _current: str = ""
    _answered: int = 0
    _points: deque[tuple[float, int]] = field(default_factory=deque)

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Takes one event; what it does not know it passes over."""
        match name:
            case "preparing":
                self._head |= {"finished": facts["done"], "cells": facts["cells"]}
            case "start":
                self._start(facts)
            case "loading":
                self._line(facts).state = "loading"
            case "cell":
                self._line(facts).begin_call(facts["requests"], self.clock())
                self._note(0)
            case "requests":
                line, kept = self._line(facts), bool(facts.get("kept"))
                line.in_call += facts["done"]
                line.told = self.clock()
                line.answered += 0 if kept else facts["done"]
                self._note(0 if kept else facts["done"])
            case "result":
                self._line(facts).end_cell(facts["status"])
            case "finished" | "interrupted":
                self._head["phase"] = name

    @property
    def current(self) -> str:
        """The model that was named last."""
        return self._current

    @property
    def answering(self) -> bool:
        """Whether some model is being asked, or its answers are being kept."""
        return any(line.open for line in self._lines.values())

    @property
    def midway(self) -> bool:
        """Whether some model has been asked more than it has answered."""
        return any(line.open and line.in_call < line.call for line in self._lines.values())

    def now(self) -> Progress:
        """Where the run stands."""
        now = self.clock()
        models = tuple(line.shown(now) for line in self._lines.values())
        if not models:
            return Progress(**self._head)
        done, total = (sum(getattr(m, name) for m in models) for name in ("done", "total"))
        per_second = self._pace(now)
        return Progress(
            **{
                **self._head,
                "finished": sum(m.finished for m in models) + self._head["reused"],
                "failed": self._head["failed"] + sum(m.failed for m in models),
            },
            done=done,
            total=total,
            per_second=per_second,
            seconds_left=(total - done) / per_second if per_second else None,
            models=models,
        )

    def _start(self, facts: Mapping[str, Any]) -> None:
        names = ("family", "suite", "cells", "reused", "failed")
        self._head = {"phase": "asking", **{name: facts[name] for name in names}}
        for each in facts["by_model"]:
            line = _Line(
                each["model"], each["cells"], reused=each["reused"], total=each["requests"]
            )
            line.state = "waiting" if line.cells else "done"
            self._lines[line.model] = line

    def _line(self, facts: Mapping[str, Any]) -> _Line:
        """The line of an event's model: the one it names, else the one that was named last."""
        self._current = str(facts.get("model") or self._current)
        return self._lines.setdefault(self._current, _Line(self._current))

    def _note(self, answered: int) -> None:
        self._answered += answered
        now = self.clock()
        if not self._points or now - self._points[-1][0] >= STEP:
            self._points.append((now, self._answered - answered))
        while len(self._points) > 1 and now - self._points[1][0] > WINDOW:
            self._points.popleft()

    def _pace(self, now: float) -> float | None:
        if not self._points:
            return None
        then, before = self._points[0]
        if now - then < STEP or self._answered == before:
            return None
        return (self._answered - before) / (now - then)


def in_turn(*listeners: Listener) -> Listener:
    """A listener that tells each event to several, in this order."""

    def tell(name: str, facts: Mapping[str, Any]) -> None:
        for each in listeners:
            each(name, facts)

    return tell
