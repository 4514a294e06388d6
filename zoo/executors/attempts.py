"""What is left of a work, and what workers fell at: the same for every place where work is done.

A worker may be killed, hang, or lose its device. Its work goes on elsewhere, its cells one by one,
so that the next fall says which cell it was; a cell that brought down two workers is failed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.executors.work import Work
from zoo.hookspecs import Job
from zoo.results import Result, RunSpec

NEVER = float("inf")

ENOUGH = 2
"""Workers that a cell may bring down before it is failed."""


@dataclass
class Remaining:
    """A work, as far as it is not done.

    together: whether its cells may be asked in one call: not once a worker fell.
    since: when loading or asking began what the worker is at now, by the monotonic clock; never
        yet, while the worker starts and prepares.
    """

    work: Work
    together: bool = True
    since: float = NEVER
    _left: dict[tuple[object, ...], RunSpec] = field(init=False)
    _at: tuple[RunSpec, ...] = field(init=False)
    _falls: Counter[tuple[object, ...]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._left = {spec.identity: spec for spec in self.work.job.specs}
        self._at = tuple(self._left.values())

    @property
    def job(self) -> Job:
        """What is left to do; nothing, where it has no specs."""
        return replace(self.work.job, specs=tuple(self._left.values()))

    def begin(self) -> Job:
        """What a worker is given now."""
        self._at = tuple(self._left.values())
        self.since = NEVER
        return self.job

    def told(self, name: str, facts: Mapping[str, Any]) -> None:
        """Takes an event of the worker."""
        if name in ("loading", "cell"):
            left = tuple(self._left.values())
            named = tuple(s for s in left if name == "cell" and s.name == facts.get("name"))
            self._at = named or left
            self.since = time.monotonic()

    def due(self, cell_timeout: float | None) -> float:
        """When the worker must be done with what it is at, by the monotonic clock.

        cell_timeout: seconds for each cell that it is at: while it loads the model, all that are
        left; None for any.
        """
        return NEVER if cell_timeout is None else self.since + cell_timeout * len(self._at)

    def overdue(self) -> str:
        """The reason for a worker that is ended since it is not done, as the end of a sentence."""
        return f"was not done after {time.monotonic() - self.since:.0f} s"

    def brought(self, result: Result) -> None:
        """Takes a result of the worker."""
        self._left.pop(result.spec.identity, None)
        self._falls.pop(result.spec.identity, None)

    def fell(self, reason: str) -> list[Result]:
        """What is failed since a worker fell. reason: how, as the end of a sentence."""
        self.together = False
        at = [spec for spec in self._at if spec.identity in self._left]
        self._falls.update(spec.identity for spec in at)
        guilty = [spec for spec in at if self._falls[spec.identity] >= ENOUGH]
        if not guilty:
            return []
        self._falls.clear()  # what it was at beside them was not to blame
        for spec in guilty:
            del self._left[spec.identity]
        who = "this cell" if len(at) == 1 else f"{self.work.job.model.id}, before it was asked,"
        error = f"{who} brought down {ENOUGH} workers, of which the last {reason}"
        return [Result(spec, "failed", error=error) for spec in guilty]
