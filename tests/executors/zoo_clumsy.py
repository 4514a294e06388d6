"""A plugin whose models bring down their process, each in its own way, as often as a file says.

CLUMSY names a folder. What is called `<way>` there holds lines "model|text|times": the model falls
in that way at a request that holds the text, so many times. `log` is told of every load. Where
there is a file `keeps`, each answer is told to who listens, as it comes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import hookimpl
from zoo.hookspecs import Loader
from zoo.models import Model


def folder() -> Path:
    return Path(os.environ["CLUMSY"])


def is_due(way: str, model: str, text: str) -> bool:
    """Whether it is time to fall; counts down."""
    path = folder() / way
    lines = path.read_text().splitlines() if path.is_file() else []
    for number, line in enumerate(lines):
        who, where, times = line.split("|")
        if who == model and where in text and int(times) > 0:
            lines[number] = f"{who}|{where}|{int(times) - 1}"
            path.write_text("\n".join(lines))
            return True
    return False


def log(**facts: Any) -> None:
    with (folder() / "log").open("a") as file:
        file.write(json.dumps(facts) + "\n")


def die() -> None:
    """Ends the process from outside, and leaves a child behind that would live for long."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    log(child=child.pid)
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


WAYS: Mapping[str, Callable[[], object]] = {
    "die": die,
    "quit": lambda: os._exit(7),
    "hang": lambda: time.sleep(600),
    "fail": fail,
}


def load(model: Model, **_: Any) -> Any:
    from lm_eval.api.model import LM

    class Clumsy(LM):
        def stumble(self, text: str) -> None:
            for way, fall in WAYS.items():
                if is_due(way, model.id, text):
                    fall()

        def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
            return [self.answer(each, -float(len(each.args[1])), False) for each in requests]

        def generate_until(self, requests: Sequence[Any]) -> list[str]:
            return [self.answer(each, "cat") for each in requests]

        def answer(self, request: Any, *answer: Any) -> Any:
            kind = request.request_type
            self.stumble(("written: " if kind == "generate_until" else "") + request.args[0])
            said = answer if len(answer) > 1 else answer[0]
            if (folder() / "keeps").exists():
                self.cache_hook.add_partial(kind, request.args, said)
            return said

        def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
            return [-1.0 for _ in requests]

    tokens = {name: os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")}
    log(model=model.id, pid=os.getpid(), visible=os.environ.get("CUDA_VISIBLE_DEVICES"), **tokens)
    made = Clumsy()
    if is_due("fail", model.id, "loading"):
        fail()
    return made


@hookimpl
def zoo_loaders() -> list[Loader]:
    return [
        Loader("clumsy", load, reads_files=False, pools=True),
        Loader("files", load, reads_files=True, pools=True),
    ]
