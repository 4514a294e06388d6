"""Stock Hugging Face models over a chunk of the stream, by transformers' AttentionInterface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel

from zoo.engine.flex import Flex
from zoo.engine.kernels import Kernel
from zoo.engine.last_layer import Wanted, is_last, narrowed
from zoo.engine.layout import Layout
from zoo.engine.merged import Merged
from zoo.engine.varlen import Varlen

INTERFACE = "zoo_packed"
"""Name under which transformers knows our attention."""


class UnsuitedError(Exception):
    """A model asks attention for something that the stream does not carry."""


def kernels_for(device: torch.device, dtype: torch.dtype) -> tuple[Kernel, ...]:
    """The kernels to try on a device, fastest first."""
    if device.type != "cuda":
        return (Merged(),)
    if dtype in (torch.bfloat16, torch.float16):
        return (Varlen(), Flex(), Merged())
    return (Flex(), Merged())


@dataclass(frozen=True)
class _Pass:
    """The forward pass under way."""

    kernel: Kernel
    layout: Layout
    wanted: Wanted


_ACTIVE: ContextVar[_Pass | None] = ContextVar("packed attention", default=None)


def _active() -> _Pass:
    if (active := _ACTIVE.get()) is None:
        raise UnsuitedError("a packed model was called outside a packed forward pass")
    return active


@contextmanager
def packed(model: PreTrainedModel) -> Iterator[None]:
    """Within, the model's attention is ours, and its last layer does what is wanted alone."""
    before = model.config._attn_implementation
    model.set_attn_implementation(INTERFACE)
    try:
        with narrowed(model, lambda: _active().wanted):
            yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def attending(kernel: Kernel, layout: Layout, rows: Tensor) -> Iterator[None]:
    """Within, a forward pass of a `packed` model reads the chunk of this layout.

    rows: [r], the chunk's tokens of which logits are wanted.
    """
    rows = rows if len(rows) else rows.new_zeros(1)  # modules may not expect to be given nothing
    token = _ACTIVE.set(_Pass(kernel, layout, Wanted(rows, layout.size)))
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,  # noqa: ARG001 -- part of transformers' interface; models are in eval mode
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """What transformers calls. query: [1, H, T, D]; key, value: [1, G, P + T, D]."""
    active = _active()
    layout = active.layout
    if query.shape[0] != 1 or query.shape[2] != layout.size:
        raise UnsuitedError(f"attention is asked for queries of shape {tuple(query.shape)}")
    if key.shape[2] != layout.path + layout.size:
        raise UnsuitedError(f"a layer keeps {key.shape[2]} keys of {layout.path + layout.size}")
    if kwargs.get("position_bias") is not None or attention_mask is not None:
        raise UnsuitedError("the model adds a bias of its own to attention scores")
    if kwargs.get("is_causal", getattr(module, "is_causal", True)) is False:
        raise UnsuitedError("the model's attention is not causal")
    asked: dict[str, Any] = {
        "scale": query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        "window": kwargs.get("sliding_window"),
        "softcap": kwargs.get("softcap"),
        "sinks": kwargs.get("s_aux"),
    }
    if is_last(module) and (few := active.wanted.layout(layout)) is not None:
        rows = active.wanted.rows.to(query.device)
        out = Merged().attend(query[0, :, rows], key[0], value[0], few, **asked)
        return active.wanted.widen(out[None]), None
    return active.kernel.attend(query[0], key[0], value[0], layout, **asked)[None], None


AttentionInterface.register(INTERFACE, _attention)
