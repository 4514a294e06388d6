"""What is left of a work, and what workers fell at: the same for every place where work is done.

A worker may be killed, hang, or lose its device. Its work goes on elsewhere, its cells one by one,
so that the next fall says which cell it was; a cell that brought down two workers is failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.executors.work import Work
from zoo.hookspecs import Job
from zoo.results import Result, RunSpec

ENOUGH = 2
"""Workers that a cell may bring down before it is failed."""


@dataclass
class Remaining:
    """A work, as far as it is not done.

    together: whether its cells may be asked in one call: not once a worker fell.
    """

    work: Work
    together: bool = True
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

    @property
    def at_work(self) -> int:
        """How many cells the worker is at; while it loads the model, all that are left."""
        return max(1, len(self._at))

    def begin(self) -> Job:
        """What a worker is given now."""
        self._at = tuple(self._left.values())
        return self.job

    def told(self, name: str, facts: Mapping[str, Any]) -> bool:
        """Takes an event of the worker; returns whether it is at something else since."""
        if name not in ("loading", "cell"):
            return False
        left = tuple(self._left.values())
        named = tuple(spec for spec in left if name == "cell" and spec.name == facts.get("name"))
        self._at = named or left
        return True

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
