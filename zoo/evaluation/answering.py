"""Asks a loaded model the requests of a cell and brings back its raw answers."""

from __future__ import annotations

import copy
import inspect
import math
import random
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy

from zoo.errors import CellError
from zoo.evaluation.requests import Request, Response

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM


def answer(
    lm: LM,
    requests: Sequence[Request],
    *,
    repeats: int = 1,
    seed: int = 0,
    hook: Any = None,
) -> list[list[Response]]:
    """The model's answers: for each request in order, `repeats` samples.

    hook: an lm-eval cache hook, told of each answer as it comes.
    Raises CellError where a likelihood is no number: an argmax over nan would pick the nan.
    """
    _seed(seed)
    kinds = {request.kind for request in requests}
    if len(kinds) != 1:
        raise CellError(f"a task asks in one way, this one in {len(kinds)}")
    kind = kinds.pop()
    if hook is not None:
        lm.set_cache_hook(hook)
    raw = _call(getattr(lm, kind), instances(requests, repeats))
    tokenizer = getattr(lm, "tokenizer", None)
    flat = [
        response_of(request, value, tokenizer) for request, value in _paired(requests, raw, repeats)
    ]
    return [flat[i : i + repeats] for i in range(0, len(flat), repeats)]


def instances(requests: Sequence[Request], repeats: int = 1) -> list[Instance]:
    """The requests as lm-eval's models take them, each `repeats` times in a row."""
    from lm_eval.api.instance import Instance

    return [
        Instance(
            request_type=request.kind,
            doc={},
            arguments=_arguments(request),
            idx=request.index,
            metadata=("", request.doc, repeats),
        )
        for request in requests
        for _ in range(repeats)
    ]


def _arguments(request: Request) -> tuple[Any, ...]:
    if request.kind == "generate_until":
        # lm-eval's loaders write into what they are given
        return (request.context, copy.deepcopy(dict(request.gen_kwargs or {})))
    if request.kind == "loglikelihood":
        return (request.context, request.continuation)
    return (request.context,)


def _call(method: Callable[..., list[Any]], instances: list[Any]) -> list[Any]:
    """Asks without lm-eval's own bar where the model knows how to."""
    quiet = {"disable_tqdm": True} if "disable_tqdm" in inspect.signature(method).parameters else {}
    return list(method(instances, **quiet))


def _paired(
    requests: Sequence[Request], raw: Sequence[Any], repeats: int
) -> list[tuple[Request, Any]]:
    repeated = [request for request in requests for _ in range(repeats)]
    if len(raw) != len(repeated):
        raise CellError(f"the model gave {len(raw)} answers to {len(repeated)} requests")
    return list(zip(repeated, raw, strict=True))


def response_of(request: Request, value: Any, tokenizer: Any) -> Response:
    """A model's raw answer as it is kept. Raises CellError where a likelihood is no number."""
    if request.kind == "generate_until":
        text = str(value)
        n_tokens = _count(text, tokenizer)
        cap = (request.gen_kwargs or {}).get("max_gen_toks")
        cut = None if n_tokens is None or not isinstance(cap, int) else n_tokens >= cap
        return Response(text=text, n_tokens=n_tokens, truncated=cut)
    likelihood, greedy = value if isinstance(value, tuple) else (value, None)
    likelihood = float(likelihood)
    if not math.isfinite(likelihood) and not likelihood == -math.inf:
        raise CellError(
            f"the model's likelihood of item {request.doc} is {likelihood}: its weights or its "
            "dtype overflow; try --dtype float32"
        )
    return Response(loglikelihood=likelihood, is_greedy=None if greedy is None else bool(greedy))


def _count(text: str, tokenizer: Any) -> int | None:
    """Tokens of a text, counted from the text: the special token that ended it is not in it."""
    if tokenizer is None or not callable(tokenizer):
        return None
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _seed(seed: int) -> None:
    """The same draw for the same cell, whatever ran before it."""
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    if "torch" in sys.modules:  # a model that does without it need not wait for its import
        sys.modules["torch"].manual_seed(seed)
