"""Scores a task that runs code which models write: in another process, without secrets.

The process makes sure that the task's own Python is what it was when it was loaded before, loads it
again, and only then enters the sandbox, in which the answers are scored.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo.benchmarks import Benchmark
from zoo.errors import CellError, ZooError
from zoo.evaluation import sandbox
from zoo.evaluation.requests import (
    Request,
    Response,
    responses_from_columns,
    responses_to_columns,
)
from zoo.evaluation.scoring import score  # now, since the sandbox may hide where it lies
from zoo.evaluation.tasks import LoadedTask, TaskLoader
from zoo.probing import describe
from zoo.redaction import without_secrets
from zoo.results import Item, Score
from zoo.structuring import plain, read
from zoo.task_code import code_hash
from zoo.tasks import Task, read_task

STARTING, EACH = 300.0, 20.0
"""Seconds to load the task, and for each answer."""

OFFLINE = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"), "1")
"""What the task needs was fetched when it was prepared."""

NO_TOKEN = {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_TOKEN_PATH": os.devnull}


def score_apart(
    loaded: LoadedTask,
    benchmark: Benchmark,
    limit: int | None,
    requests: Sequence[Request],
    responses: Sequence[Sequence[Response]],
    *,
    think_end_token: str | None = None,
    stops: Sequence[str] = (),
) -> tuple[list[Item], list[Score]]:
    """Items and scores of a cell, as `scoring.score` gives them.

    Raises CellError where the process fails, takes too long, or finds another task.
    """
    order = {
        "task": [loaded.source.name, str(loaded.source.path)],
        "code": loaded.code,
        "content": loaded.content,
        "sandbox": loaded.sandbox,
        "benchmark": plain(benchmark),
        "limit": limit,
        "requests": [plain(replace(each, pixels=())) for each in requests],
        "responses": responses_to_columns(responses),
        "think_end_token": think_end_token,
        "stops": list(stops),
    }
    told = _asked(json.dumps(order), STARTING + EACH * sum(map(len, responses)))
    if "error" in told:
        raise CellError(str(told["error"]))
    where = "the process that scores"
    items = read(tuple[Item, ...], told["items"], where)
    return list(items), list(read(tuple[Score, ...], told["scores"], where))


def _asked(order: str, patience: float) -> Mapping[str, Any]:
    """What a process answers to an order. patience: seconds that it has."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**without_secrets(os.environ), **OFFLINE, **NO_TOKEN},
        text=True,
        start_new_session=True,
    )
    try:
        said = process.communicate(order, timeout=patience)[0]
        answer = json.loads(said)
    except subprocess.TimeoutExpired:
        raise CellError(f"scoring the answers' code was not done after {patience:.0f} s") from None
    except ValueError:
        raise CellError(
            f"the process that scores the answers' code ended with {process.returncode}"
        ) from None
    finally:
        _end(process)
    return answer if isinstance(answer, dict) else {"error": "it gave no scores"}


def _end(process: subprocess.Popen[str]) -> None:
    """Ends a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answer(order: Mapping[str, Any]) -> bytes:
    """What to answer to an order: items and scores, or an error."""
    name, path = order["task"]
    source = read_task(Path(path))
    if not isinstance(source, Task):
        raise CellError(f"the task '{name}' ({path}) cannot be read any more")
    changed = CellError(f"the task '{name}' ({path}) has changed since its answers were given")
    if code_hash(source) != order["code"]:
        raise changed  # before any of it runs
    benchmark = read(Benchmark, order["benchmark"], "the benchmark")
    loader = TaskLoader({name: replace(source, name=name)}, [name], order["sandbox"])
    loaded = loader.load(benchmark, order["limit"])
    if loaded.content != order["content"]:
        raise changed
    return sandbox.run(partial(_scored, loaded, benchmark, order), order["sandbox"])


def _scored(loaded: LoadedTask, benchmark: Benchmark, order: Mapping[str, Any]) -> bytes:
    found = score(
        loaded,
        benchmark,
        [Request(**each) for each in order["requests"]],
        responses_from_columns(order["responses"]),
        think_end_token=order["think_end_token"],
        stops=order["stops"],
    )
    return json.dumps({"items": plain(found.items), "scores": plain(found.scores)}).encode()


def main() -> None:
    """Reads an order from standard input and answers on standard output, which is nobody else's."""
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        answer = _answer(json.load(sys.stdin))
    except ZooError as problem:
        answer = json.dumps({"error": str(problem)}).encode()
    except Exception as problem:
        answer = json.dumps({"error": describe(problem)}).encode()
    said.write(answer)
    said.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
