"""How a training goes: what it tells, folded into a short log and the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

MOST = 200
"""Points that are kept of a training, however long."""


@dataclass
class Steps:
    """Hears of steps. clock: seconds, as `time.monotonic` gives them.

    log: of each of MOST stretches of the training its last point; `earlier` are those of a life
    before, of which what is now done again is dropped.
    """

    earlier: Iterable[Mapping[str, Any]] = ()
    clock: Callable[[], float] = time.monotonic
    step: int = 0
    steps: int = 0
    latest: Mapping[str, Any] = field(default_factory=dict)
    _points: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    _began: tuple[float, int] | None = None

    def __post_init__(self) -> None:
        self._points = {
            point["step"]: point for point in self.earlier if type(point.get("step")) is int
        }

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        """Takes a step; what else is told, and what is no step, it passes over."""
        step, steps = facts.get("step"), facts.get("steps")
        if name != "step" or not isinstance(step, int) or step < 0:
            return
        self.step, self.steps = step, max(steps if isinstance(steps, int) else 0, step)
        self.latest = {k: _number(v) for k, v in facts.items() if isinstance(v, Real)}
        self.latest.pop("steps", None)
        stretch = self._stretch(step)
        self._points = {
            at: point
            for at, point in self._points.items()
            if at < step and self._stretch(at) != stretch
        }
        self._points[step] = self.latest
        if self._began is None:
            self._began = self.clock(), step

    @property
    def log(self) -> tuple[Mapping[str, Any], ...]:
        """At most about MOST points, in order; the last step is one of them."""
        points = sorted(self._points.items())
        return tuple(point for _, point in points)

    @property
    def seconds_left(self) -> float | None:
        """At the pace since the first step of this life; None before the second."""
        if self._began is None or self.step <= self._began[1]:
            return None
        since = self.clock() - self._began[0]
        return since / (self.step - self._began[1]) * (self.steps - self.step)

    def _stretch(self, step: int) -> int:
        return step * MOST // max(self.steps, 1)


def _number(value: Any) -> int | float | None:
    """A number that JSON can hold; None for one that is none."""
    if isinstance(value, int):
        return int(value)
    return float(value) if math.isfinite(float(value)) else None
