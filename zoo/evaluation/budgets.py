"""How much a model may write, how it is drawn, and where it stops. Pure but for the tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.checkpoints import Checkpoint
from zoo.evaluation.kinds import is_encoder_decoder
from zoo.evaluation.requests import Request
from zoo.models import Model, Prompting

DEFAULT_BUDGET = 256
"""Tokens that lm-eval's models generate where a task does not say how many."""

BUDGET_ALIASES = ("max_new_tokens", "max_tokens", "max_completion_tokens")
"""Other names for max_gen_toks, which lm-eval passes over where that is given too."""


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
    own = {"max_gen_toks": DEFAULT_BUDGET, **_one_budget(requests[0].gen_kwargs or {})}
    merged = {**own, **_one_budget(prompting.gen_kwargs)}
    stops: tuple[str, ...] = ()
    if _thinks(prompting):
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


def _thinks(prompting: Prompting) -> bool:
    """Whether an answer may begin with thinking: it is asked to, or only its end is known."""
    if prompting.enable_thinking is None:
        return prompting.think_end_token is not None
    return prompting.enable_thinking


def _one_budget(gen_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Generation arguments whose budget, if any, is called max_gen_toks, chosen as lm-eval does."""
    found = [gen_kwargs[k] for k in ("max_gen_toks", *BUDGET_ALIASES) if k in gen_kwargs]
    others = {k: v for k, v in gen_kwargs.items() if k not in BUDGET_ALIASES}
    return {**others, "max_gen_toks": found[0]} if found else others


def _longest(requests: tuple[Request, ...], checkpoint: Checkpoint) -> int:
    """Tokens of the longest prompt, where prompt and answer share the context."""
    if is_encoder_decoder(checkpoint.config):
        return 0
    encoded = checkpoint.tokenizer()(
        [request.context for request in requests], add_special_tokens=True
    )
    return max(len(ids) for ids in encoded["input_ids"])
