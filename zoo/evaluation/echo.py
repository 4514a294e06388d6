"""A model that needs no weights: it repeats the last line it was given. For trying things out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.hookspecs import Loader

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM

    from zoo.models import Model


def load_echo(model: Model, **_: Any) -> LM:  # noqa: ARG001 - every echo is the same
    """An lm-eval LM whose answers are a pure function of the request.

    It writes the prompt's last line, up to the first stop, and finds a continuation as likely as a
    hash of context and continuation says, between -1 and 0 a character; none is its greedy choice.
    """
    from lm_eval.api.model import LM

    class Echo(LM):
        def generate_until(self, requests: Sequence[Instance]) -> list[str]:
            return [_told(self, "generate_until", r, _last_line(*r.args)) for r in requests]

        def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
            return [
                _told(self, "loglikelihood", r, (_likelihood(*r.args), False)) for r in requests
            ]

        def loglikelihood_rolling(self, requests: Sequence[Instance]) -> list[float]:
            return [
                _told(self, "loglikelihood_rolling", r, _likelihood("", *r.args)) for r in requests
            ]

    return Echo()


ECHO = Loader("echo", load_echo, reads_files=False)
"""`zoo run MODEL --loader echo`: everything but the model is real."""


def _told(lm: LM, kind: str, request: Instance, answer: Any) -> Any:
    """The answer, which whoever listens is told of first."""
    lm.cache_hook.add_partial(kind, request.args, answer)
    return answer


def _last_line(prompt: str, arguments: dict[str, Any]) -> str:
    text = prompt.rstrip().rpartition("\n")[2]
    stops = arguments.get("until") or ()
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0] if stop else text
    return text


def _likelihood(context: str, continuation: str) -> float:
    text = f"{len(context)} {context}{continuation}".encode("utf-8", "surrogatepass")
    drawn = int.from_bytes(hashlib.sha256(text).digest()[:4]) / 2**32
    return -drawn * len(continuation)
