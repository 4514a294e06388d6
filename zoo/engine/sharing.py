"""Whether a model can decode over a shared prefix: known architectures, and a comparison."""

from __future__ import annotations

import inspect
import math
import weakref
from typing import Any

import torch
from torch import Tensor

from zoo.engine.layers import odd_layers
from zoo.engine.prefix import PrefixReader
from zoo.probing import describe

NEEDED = frozenset({"input_ids", "position_ids", "past_key_values", "logits_to_keep"})
"""Arguments of a forward pass."""

LONGEST_PROBE = 1200
"""Tokens. A sliding window longer than this is taken on trust: it is given to attention as a
number, and shorter ones are verified."""

TOLERANCE = {torch.float32: 2e-3, torch.float64: 2e-3}
"""Largest difference of logits, as a share of their spread; others get COARSE."""

COARSE = 0.1

STEPS = 3
"""Tokens decoded in the comparison."""

SHORT = 40
"""Tokens of the prompts that are compared without a prefix."""

CHANGED = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "min_length",
    "min_new_tokens",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "sequence_bias",
    "encoder_repetition_penalty",
    "exponential_decay_length_penalty",
    "guidance_scale",
    "num_beams",
    "penalty_alpha",
)
"""Fields of a generation config that change the choice of a token."""

_known: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def why_not_shared(model: Any) -> str | None:
    """Why the model must decode through its own `generate`; None where it need not.

    The comparison runs once for a model: three prompts with a common beginning, past the model's
    sliding window, against a plain pass over each.
    """
    if model not in _known:
        _known[model] = _unsuited(model) or _trouble(model) or ""
    return _known[model] or None


def _unsuited(model: Any) -> str | None:
    config = model.config.get_text_config(decoder=True)
    if odd := odd_layers(config):
        return odd
    if getattr(config, "alibi", False):
        return "its positions are a bias on attention scores (ALiBi)"
    if missing := sorted(NEEDED - set(inspect.signature(model.forward).parameters)):
        return f"its forward pass takes no {', '.join(missing)}"
    generation, plain = model.generation_config, type(model.generation_config)()
    for name in CHANGED:
        if getattr(generation, name, None) not in (None, getattr(plain, name, None), 0, 1, 1.0):
            return f"its generation config sets {name}"
    return None


def _trouble(model: Any) -> str | None:
    """What goes wrong in the comparison, if anything."""
    config = model.config.get_text_config(decoder=True)
    window = getattr(config, "sliding_window", None) or 0
    room = int(getattr(config, "max_position_embeddings", None) or LONGEST_PROBE)
    shared = min(max(48, window + 8), LONGEST_PROBE, room - 16)
    if shared < 8:
        return f"its context of {room} tokens is too short to compare"
    source = torch.Generator().manual_seed(0)
    text = torch.randint(config.vocab_size, (shared + 24,), generator=source).tolist()
    prompts = [
        text[:shared] + text[shared + skip :][:own] for skip, own in ((0, 1), (3, 3), (7, 6))
    ]
    short = [prompt[-SHORT:] for prompt in prompts]
    try:
        with torch.inference_mode():
            worst = max(_differences(model, prompts, shared) + _differences(model, short, 0))
    except Exception as problem:
        return f"the comparison fails: {describe(problem)}"
    if worst <= TOLERANCE.get(model.dtype, COARSE):
        return None
    return f"its logits differ by {worst:.1g} of their spread"


def _differences(model: Any, prompts: list[list[int]], shared: int) -> list[float]:
    """Differences of logits over their spread; infinite where one is no number.

    Greedily for a few steps; the first row leaves the batch after one.
    """
    texts = [list(prompt) for prompt in prompts]
    made: list[tuple[int, int, Tensor]] = []
    alive = list(range(len(texts)))
    with PrefixReader(model).read(prompts, shared, STEPS) as rows:
        for step in range(STEPS):
            logits = rows.logits()
            tokens = logits.argmax(-1)
            for row, mine, token in zip(alive, logits, tokens.tolist(), strict=True):
                made.append((row, len(texts[row]) - 1, mine.float().cpu()))
                texts[row].append(token)
            kept = rows.append(tokens, [step == 0 and row == 0 for row in alive])
            alive = [alive[place] for place in kept]
    plain = [_plain(model, ids) for ids in texts]
    found = []
    for row, place, mine in made:
        theirs = plain[row][place - len(texts[row])]
        found.append(float((mine - theirs).abs().max() / theirs.std()))
    return [each if math.isfinite(each) else math.inf for each in found]


def _plain(model: Any, ids: list[int]) -> Tensor:
    """Logits of the last places, [STEPS + 1, vocabulary], from one pass over all tokens."""
    tokens = torch.tensor([ids], device=model.device)
    logits: Tensor = model(tokens, use_cache=False, logits_to_keep=STEPS + 1).logits
    return logits[0].float().cpu()
