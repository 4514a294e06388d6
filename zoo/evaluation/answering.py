"""Asks a loaded model the requests of cells and brings back its raw answers."""

from __future__ import annotations

import copy
import inspect
import logging
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy

from zoo.errors import CellError
from zoo.evaluation.images import SHOWN as IMAGES
from zoo.evaluation.requests import CellRequests, Request, RequestKind, Response

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM

SHOWN = 16
"""Ids of a request's beginning that are kept with its answers."""

logger = logging.getLogger("zoo")

Answers = list[list[Response]]
"""For each request of a cell, in order, its samples."""


class Written(Protocol):
    """A generated answer."""

    @property
    def text(self) -> str:
        """What was written, up to the stop."""
        ...

    @property
    def n_tokens(self) -> int | None:
        """How many tokens that took, the one that ended it aside; None where not known."""
        ...

    @property
    def truncated(self) -> bool | None:
        """Whether the cap ended it; None where not known."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A model that knows how long its answers are; of others' answers the text is counted."""

    def generate_counted(self, requests: list[Instance]) -> Sequence[Written]:
        """As lm-eval's `generate_until`."""
        ...


def answer(
    lm: LM, cells: Sequence[CellRequests], *, seed: int = 0, hook: Any = None
) -> dict[str, Answers | CellError]:
    """The model's answers by cell; a CellError for a cell with a likelihood that is no number.

    All requests of one kind are asked in one call, so that a model may share work among them.
    hook: an lm-eval cache hook, told of each answer as it comes.
    Raises what the model raises.
    """
    if hook is not None:
        lm.set_cache_hook(hook)
    found: dict[str, Answers | CellError] = {}
    by_kind: dict[RequestKind, list[CellRequests]] = {}
    for cell in cells:
        by_kind.setdefault(cell.kind, []).append(cell)
    for kind, alike in by_kind.items():
        _seed(seed)
        asked = [instance for cell in alike for instance in instances(cell)]
        raw = iter(_call(lm, kind, asked))
        tokenizer = getattr(lm, "tokenizer", None)
        for cell in alike:
            found[cell.key] = _gathered(cell, raw, tokenizer)
    return found


def instances(cell: CellRequests) -> list[Instance]:
    """A cell's requests as lm-eval's models take them, each as often as it is asked, in a row."""
    from lm_eval.api.instance import Instance

    return [
        Instance(
            request_type=request.kind,
            doc={},
            arguments=_arguments(request),
            idx=request.index,
            # equal prompts of two cells are two items
            metadata=(cell.key, request.doc, cell.repeats),
        )
        for request in cell.requests
        for _ in range(cell.repeats)
    ]


def _arguments(request: Request) -> tuple[Any, ...]:
    shown = ({IMAGES: list(request.pixels)},) if request.pixels else ()
    if request.kind == "generate_until":
        # lm-eval's loaders write into what they are given
        return (request.context, copy.deepcopy(dict(request.gen_kwargs or {})), *shown)
    if request.kind == "loglikelihood":
        return (request.context, request.continuation)
    return (request.context,)


def _call(lm: LM, kind: RequestKind, instances: list[Instance]) -> list[Any]:
    """The answers, one for each instance; lm-eval's own bar is off where the model knows how to."""
    if kind == "generate_until" and isinstance(lm, CountsTokens):
        raw = list(lm.generate_counted(instances))
    else:
        method = getattr(lm, kind)
        takes = inspect.signature(method).parameters
        raw = list(method(instances, **({"disable_tqdm": True} if "disable_tqdm" in takes else {})))
    if len(raw) != len(instances):
        raise CellError(f"the model gave {len(raw)} answers to {len(instances)} requests")
    return raw


def _gathered(cell: CellRequests, raw: Iterator[Any], tokenizer: Any) -> Answers | CellError:
    """The cell's share of the answers, which is taken from `raw` to the last."""
    values = [(request, next(raw)) for request in cell.requests for _ in range(cell.repeats)]
    try:
        flat = [response_of(request, value, tokenizer) for request, value in values]
    except CellError as problem:
        return problem
    return [flat[i : i + cell.repeats] for i in range(0, len(flat), cell.repeats)]


def response_of(request: Request, value: Any, tokenizer: Any) -> Response:
    """A model's raw answer as it is kept.

    Raises CellError where a likelihood is no number: an argmax over nan would pick the nan.
    """
    if request.kind == "generate_until":
        return _written(value, request.gen_kwargs or {}, tokenizer)
    likelihood, greedy = value if isinstance(value, tuple) else (value, None)
    likelihood = float(likelihood)
    if not math.isfinite(likelihood) and not likelihood == -math.inf:
        raise CellError(
            f"the model's likelihood of item {request.doc} is {likelihood}: its weights or its "
            "dtype overflow; try --dtype float32"
        )
    return Response(loglikelihood=likelihood, is_greedy=None if greedy is None else bool(greedy))


def _written(value: Any, gen_kwargs: Mapping[str, Any], tokenizer: Any) -> Response:
    text = str(getattr(value, "text", value))
    n_tokens, truncated = getattr(value, "n_tokens", None), getattr(value, "truncated", None)
    if n_tokens is None:
        n_tokens = _count(text, tokenizer)
    if truncated is None:
        cap = gen_kwargs.get("max_gen_toks")
        truncated = None if n_tokens is None or not isinstance(cap, int) else n_tokens >= cap
    return Response(text=text, n_tokens=n_tokens, truncated=truncated)


def _count(text: str, tokenizer: Any) -> int | None:
    """Tokens of a text, counted from the text: the special token that ended it is not in it."""
    if tokenizer is None or not callable(tokenizer):
        return None
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def in_smaller_batches(lm: Any, problem: BaseException) -> bool:
    """Halves how many rows lm-eval's own model is asked at once, where memory ran out.

    False where that is not what went wrong, or there is nothing to halve: the engine halves by
    itself, and a batch of one row is the least.
    """
    hflm = lm if hasattr(lm, "batch_size_per_gpu") else getattr(lm, "reference", None)
    if hflm is None or getattr(lm, "way", None) is not None:
        return False
    from zoo.engine.memory import is_out_of_memory

    rows = hflm.batch_size_per_gpu
    rows = rows if isinstance(rows, int) else int(hflm.max_batch_size)  # "auto": at most that
    if rows < 2 or not is_out_of_memory(problem):
        return False
    hflm.batch_size_per_gpu = rows // 2
    logger.warning("memory ran out: lm-eval's model is asked %d rows at once", rows // 2)
    return True


def first_tokens(lm: LM, request: Request) -> tuple[int, ...]:
    """The first ids of a request as lm-eval's models encode it, before one that is too long is cut.

    () where the model has no tokens to show.
    """
    prefix = getattr(lm, "prefix_token_id", None)
    encode = getattr(lm, "tok_encode", None)
    if not callable(encode):
        return ()
    try:
        if request.kind == "loglikelihood" and not request.context:
            ids = list(encode(request.continuation or "", add_special_tokens=False))
            ids = ids if ids[:1] == [prefix] else [prefix, *ids]
        else:
            ids = list(encode(request.context + (request.continuation or "")))
            if request.kind == "loglikelihood_rolling":
                ids = [prefix, *ids]
        return tuple(int(each) for each in ids[:SHOWN])
    except Exception:  # whoever encodes otherwise than lm-eval's models need not answer
        return ()


def _seed(seed: int) -> None:
    """The same draw for the same cell, whatever ran before it."""
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    if "torch" in sys.modules:  # a model that does without it need not wait for its import
        sys.modules["torch"].manual_seed(seed)
