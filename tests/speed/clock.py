"""A plugin that measures the processes of a run: seconds in the store, models loaded, processor.

Each process writes CLOCK/<pid>.json: `store`, wall seconds that it waited in calls of the store,
the time of a disk included; `background`, those of the thread that writes journals; `loads`, ids;
`first`, `last` and `cpu`: from its first load to its last finished cell, by the monotonic clock,
and the processor's seconds between.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.evaluation.evaluator import Evaluator
from zoo.store import Store
from zoo.store.attempts import Attempt

CALLS = {
    Store: "put get summary get_or_set_aside set_aside claim add_run index_rows".split(),
    Attempt: "say add flush others close".split(),
}
found: dict[str, Any] = {"store": 0.0, "background": 0.0, "loads": [], "first": None}
inside = threading.local()


def timed(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call; the outermost of nested ones is counted."""

    @functools.wraps(call)
    def act(*arguments: Any, **named: Any) -> Any:
        if getattr(inside, "store", False):
            return call(*arguments, **named)
        inside.store, began = True, time.perf_counter()
        try:
            return call(*arguments, **named)
        finally:
            inside.store = False
            main = threading.current_thread() is threading.main_thread()
            found["store" if main else "background"] += time.perf_counter() - began
            if call.__name__ in ("put", "index_rows"):
                tell()

    return act


def tell() -> None:
    """Writes what is known by now."""
    if found["first"] is not None:
        found["last"] = time.monotonic()
        found["cpu"] = time.process_time() - found["cpu_before"]
    (Path(os.environ["CLOCK"]) / f"{os.getpid()}.json").write_text(json.dumps(found))


def loading(load: Callable[..., Any]) -> Callable[..., Any]:
    """The evaluator's loading, noted."""

    @functools.wraps(load)
    def act(self: Evaluator, cell: Any) -> Any:
        if found["first"] is None:
            found.update(first=time.monotonic(), cpu_before=time.process_time())
        found["loads"].append(cell.model.id)
        return load(self, cell)

    return act


for kind, names in CALLS.items():
    for name in names:
        setattr(kind, name, timed(getattr(kind, name)))
Evaluator.load = loading(Evaluator.load)  # type: ignore[method-assign]
