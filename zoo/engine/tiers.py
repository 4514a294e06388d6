"""Which way of scoring a model gets, and why: packed, else padded, else lm-eval's own.

A list of architectures and a self-test decide together. The list knows what no short test can see
(a window longer than the test, attention in chunks); the self-test knows the model in hand.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import PreTrainedModel

from zoo.engine.attention import kernels_for
from zoo.engine.layers import odd_layers, windows_of
from zoo.engine.merged import Merged
from zoo.engine.padded import Padded
from zoo.engine.scorer import Packed, budget_for, keeps_logits
from zoo.engine.selftest import (
    HALF,
    Probe,
    Way,
    in_float32,
    kernel_trouble,
    probe_for,
)
from zoo.probing import describe

logger = logging.getLogger("zoo")

Tier = Literal["packed", "padded", "hflm"]

EXACT = frozenset(
    """cohere cohere2 deepseek_v3 ernie4_5 gemma gemma2 gemma3_text glm4 gpt2 gpt_bigcode
    gpt_neox gpt_oss granite llama mistral mixtral nemotron olmo2 opt phi phi3 qwen2 qwen3 qwen3_moe
    smollm3 stablelm starcoder2""".split()
)
"""Architectures whose every layer reads the stream exactly, windows of any length included."""

UNSUITED = {
    "bloom": "its positions are a bias on attention scores (ALiBi)",
    "codegen": "its attention does not go through transformers' interface",
    "falcon": "its attention does not go through transformers' interface",
    "gptj": "its attention does not go through transformers' interface",
    "llama4_text": "its attention is in chunks",
    "mpt": "its positions are a bias on attention scores (ALiBi)",
}
"""Architectures that the stream does not suit, and why."""


@dataclass(frozen=True)
class Choice:
    """What scores a model.

    kernel: of attention, of the packed way. reason: why not a faster way, or what was verified.
    """

    tier: Tier
    kernel: str
    reason: str

    def __str__(self) -> str:
        return f"{self.tier}{f'/{self.kernel}' if self.kernel else ''} ({self.reason})"


def choose(
    model: Any, max_length: int, device: torch.device, wanted: Tier | None = None
) -> tuple[Way | None, Choice]:
    """The fastest way that gives a model's own answers, and the choice as it is to be told.

    The way is None where only lm-eval's HFLM is left. wanted: the fastest tier to try.
    """
    way, choice = _choose(model, max_length, device, wanted)
    logger.log(
        logging.INFO if choice.tier == "packed" else logging.WARNING, "scoring is %s", choice
    )
    return way, choice


def _choose(
    model: Any, max_length: int, device: torch.device, wanted: Tier | None
) -> tuple[Way | None, Choice]:
    if not isinstance(model, PreTrainedModel):
        return None, Choice("hflm", "", f"a {type(model).__name__} is no model of transformers")
    if wanted == "hflm":
        return None, Choice("hflm", "", "as asked")
    packed = Packed(model, Merged(), max_length, device, budget_for(device))
    padded = Padded(model, max_length, device, budget_for(device))
    trouble = None
    try:
        with in_float32(model) as exact:
            probe = probe_for(model, max_length, device)
            reason = "as asked" if wanted == "padded" else _unsuited(model, probe, exact)
            reason = reason or trouble_in_chunks(packed, probe)
            if reason is not None:
                trouble = probe.trouble(padded)
    except Exception as problem:
        return None, Choice("hflm", "", f"the model fails on a plain sequence: {describe(problem)}")
    if trouble is not None:
        return None, Choice("hflm", "", f"{reason}; padded, {trouble}")
    if reason is None:
        reason = _with_kernel(packed, probe)
        if reason is None:
            verified = f"verified against the plain model up to {probe.length} tokens"
            return packed, Choice("packed", packed.kernel.name, verified)
    return padded, Choice("padded", "", reason)


def _with_kernel(packed: Packed, probe: Probe) -> str | None:
    """Gives the packed way its device's fastest kernel that can be trusted; else says why none."""
    model, device = packed.model, packed.device
    if model.dtype in HALF:
        probe = probe_for(model, packed.max_length, device)
    said = []
    for kernel in kernels_for(device, model.dtype):
        packed.kernel = kernel
        trouble = kernel_trouble(kernel, probe, model.config, device, model.dtype)
        trouble = trouble or trouble_in_chunks(packed, probe)
        if trouble is None:
            return None
        said.append(f"{kernel.name}: {trouble}")
        logger.info("the kernel %s is passed over: %s", kernel.name, trouble)
    return "; ".join(said)


def trouble_in_chunks(way: Packed, probe: Probe) -> str | None:
    """Trouble with the probe as one chunk, or as several that its path is carried over."""
    whole = way.budget
    try:
        for tokens in (whole.tokens, max(8, probe.length // 3)):
            way.budget = type(whole)(tokens, whole.logits)
            if trouble := probe.trouble(way):
                return trouble
    finally:
        way.budget = whole
    return None


def _unsuited(model: PreTrainedModel, probe: Probe, exact: bool) -> str | None:
    """Why the stream is not even tried, or None. exact: whether the self-test is in fp32."""
    config = model.config.get_text_config(decoder=True)
    kind = str(config.model_type)
    if kind in UNSUITED:
        return UNSUITED[kind]
    if not keeps_logits(model):
        return "its forward pass makes logits of every position"
    if odd := odd_layers(config):
        return odd
    if kind in EXACT:
        return None
    if not exact:
        return f"{kind} is not known, and its weights cannot be tested in fp32"
    if long := [span for span in windows_of(model.config) if span >= probe.length]:
        return f"the window of {kind} ({long[-1]} tokens) is longer than the self-test"
    return None
