"""A chunk of the stream as attention kernels see it (no torch)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from zoo.engine.calls import Call, Integers, decompose, visible, within_window

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Layout:
    """A chunk as kernels see it; what they derive from it is made once and used by every layer.

    path: P, the keys kept from earlier chunks, which come first. until, depth: [P + T], of the
    keys; see `zoo.engine.calls`. rows: which of the chunk's T tokens ask; None means all.
    """

    path: int
    until: Integers
    depth: Integers
    rows: Integers | None = None
    _made: dict[Any, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def size(self) -> int:
        """T, the chunk's own tokens."""
        return len(self.until) - self.path

    def asked_by(self, rows: Integers) -> Layout:
        """The same keys, with some of the chunk's tokens as queries. rows: [r], ascending."""
        return Layout(self.path, self.until, self.depth, rows)

    def biting(self, window: int | None) -> int | None:
        """The window, or None where no query reaches beyond it."""
        if window is None or window <= 0 or int(self.depth[self.path :].max()) < window:
            return None
        return window

    def calls(self, window: int | None, dense: int) -> list[Call]:
        """The chunk's calls, those of level 0 first."""

        def make() -> list[Call]:
            if self.rows is not None:
                seen = visible(self.until, self.depth, self.path, window, self.rows)
                return [Call(0, len(self.rows), 0, len(self.until), mask=seen)]
            calls = decompose(self.until, self.path, dense)
            if window is not None:
                calls = within_window(calls, self.depth, self.path, window)
            return sorted(calls, key=lambda call: call.level)

        return self.once(("calls", window, dense), make)

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What `make` gives, made at the first call for `key`."""
        if key not in self._made:
            self._made[key] = make()
        found: Made = self._made[key]
        return found
