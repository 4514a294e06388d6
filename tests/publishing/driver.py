"""A process that publishes on request, with the real client; one line of JSON in, one out.

The client reads the Hub's address when it is imported, so it cannot be the process of the tests.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch


def main(request: dict[str, Any]) -> dict[str, Any]:
    """A command line of zoo; what it printed and its status."""
    from zoo.cli import main

    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, request.get("environment", {})),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main(request["argv"])
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


def fork(request: dict[str, Any]) -> dict[str, Any]:
    """A process of its own for a command line, to be killed at any moment; its id."""
    child = os.fork()
    if child == 0:
        main(request)
        os._exit(0)
    return {"pid": child}


def reap(request: dict[str, Any]) -> dict[str, Any]:
    """Waits for the end of such a process; the signal that ended it."""
    return {"signal": os.WTERMSIG(os.waitpid(request["pid"], 0)[1])}


def together(request: dict[str, Any]) -> dict[str, Any]:
    """zoo.publish of many zoos at once; how many landed and what failed."""
    import zoo

    zoo.publish(config=request["configs"][0])  # what is loaded late is loaded, once
    with ThreadPoolExecutor(len(request["configs"])) as pool:
        done = list(pool.map(lambda config: zoo.publish(config=config), request["configs"]))
    return {
        "landed": sum(len(each.landed) for each in done),
        "failed": [failed for each in done for failed in each.failed],
    }


def load(request: dict[str, Any]) -> dict[str, Any]:
    """A config of a data set of the Hub, as datasets reads it."""
    from datasets import load_dataset

    rows = load_dataset(request["repo"], request["config"], split="train")
    return {"rows": list(rows)}


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """A call of the client's own."""
    from huggingface_hub import HfApi

    found = getattr(HfApi(), request["method"])(**request["arguments"])
    return {"said": [vars(each) for each in found], "text": repr(found)}


if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        answer = globals()[request["do"]](request)
        sys.__stdout__.write(json.dumps(answer, default=str) + "\n")
        sys.__stdout__.flush()
