"""Where jobs run. The built-in executor `local` runs them on this machine.

evaluating   a job in this process, whichever process that is
work         a job with what planning needs to know of it
slots        which work goes where: pure planning
messages     what a process that does a job tells the one that gave it
attempts     what is left of a work, and what workers fell at
forkserver   starts worker processes, quickly, and sees them end
worker       what such a process does
crew         workers at work: given jobs, watched, replaced
local        the executor
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.executors.evaluating import LOADERS, Settings, evaluate_job, evaluator_for
from zoo.executors.local import run_local
from zoo.hookspecs import Executor

__all__ = ["Settings", "builtins", "evaluate_job", "evaluator_for", "run_local"]


def builtins() -> dict[str, Sequence[Any]]:
    """What the host brings itself, by kind."""
    return {"loaders": LOADERS, "executors": (Executor("local", run_local),)}
