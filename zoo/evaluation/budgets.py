"""How much a model may write, how it is drawn, and where it stops. Pure but for the tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.checkpoints import Checkpoint
from zoo.evaluation.kinds import is_encoder_decoder
from zoo.evaluation.requests import Request
from zoo.models import Model, Prompting
from zoo.plan import one_budget

DEFAULT_BUDGET = 256
"""Tokens that lm-eval's models generate where a task does not say how many."""


def generation(
    requests: tuple[Request, ...], prompting: Prompting, model: Model, checkpoint: Checkpoint
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The generation arguments, laid over the task's own, and the stops held back for scoring.

    A model that thinks is not stopped by the task's stop strings, which its thinking may contain;
    they cut its answer when it is scored. A budget that is larger than the task's own is clipped
    to what the longest prompt leaves of the context, so that no prompt is cut for it.
    Raises CellError where it leaves a prompt no room at all.
    """
    room = _room(model, checkpoint)
    own = {"max_gen_toks": DEFAULT_BUDGET, **one_budget(requests[0].gen_kwargs or {})}
    merged = {**own, **one_budget(prompting.gen_kwargs)}
    stops: tuple[str, ...] = ()
    if prompting.thinks:
        until = merged.get("until") or []
        stops = (until,) if isinstance(until, str) else tuple(until)
        merged["until"] = []
    if room is not None:
        budget, least = int(merged["max_gen_toks"]), int(own["max_gen_toks"])
        if budget > least:
            budget = max(least, min(budget, room - _longest(requests, checkpoint)))
        if budget >= room:
            raise CellError(
                f"max_gen_toks {budget} leaves no room for a prompt: the context of this model is "
                f"{room} tokens; lower it with --gen-kwargs"
            )
        merged["max_gen_toks"] = budget
    return merged, stops


def _room(model: Model, checkpoint: Checkpoint) -> int | None:
    """Tokens that fit into the model, or as many as its loader is told; None where unknown."""
    told = model.loader_args.get("max_length")
    return told if isinstance(told, int) else checkpoint.context_length


def _longest(requests: tuple[Request, ...], checkpoint: Checkpoint) -> int:
    """Tokens of the longest prompt, where prompt and answer share the context."""
    if is_encoder_decoder(checkpoint.config):
        return 0
    encoded = checkpoint.tokenizer()(
        [request.context for request in requests], add_special_tokens=True
    )
    return max(len(ids) for ids in encoded["input_ids"])


def draws(gen_kwargs: Mapping[str, Any]) -> bool:
    """Whether answers are drawn, as lm-eval reads the arguments, so that another one may differ.

    >>> draws({"temperature": 0.6}), draws({"do_sample": False, "temperature": 0.6}), draws({})
    (True, False, False)
    """
    warm, wished = gen_kwargs.get("temperature"), gen_kwargs.get("do_sample")
    if warm is None:
        return bool(wished)
    return float(warm) > 0 and wished is not False
