"""Stock Hugging Face models over a `PrefixCache`, by transformers' AttentionInterface.

Queries see the shared prefix by one call for all rows together, their own slots by another, and
the two are merged by their log-sum-exp.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

from zoo.engine.pieces import merge, piece
from zoo.engine.prefix_cache import PrefixCache

IMPLEMENTATION = "zoo_shared_prefix"
"""Name under which transformers knows our attention."""

_running: list[PrefixCache] = []
"""The cache of the pass under way: attention functions are only given tensors."""


@contextlib.contextmanager
def shared_prefix(model: Any, cache: PrefixCache) -> Iterator[None]:
    """Within, the model's attention is ours and reads from the cache."""
    before = model.config._attn_implementation
    model.set_attn_implementation(IMPLEMENTATION)
    _running.append(cache)
    try:
        yield
    finally:
        _running.pop()
        model.set_attn_implementation(before)


@dataclass(frozen=True)
class _Masks:
    """What a pass must not see, for queries whose heads of a group (g) lie side by side.

    own: added to the scores of own slots, [rows, 1, g * tokens, slots]; None where each token sees
    itself and all before it. prefix: of the prefix, for all rows together,
    [1, 1, rows * g * tokens, prefix], and blind: [rows * g * tokens], which of them see nothing of
    it; both None where every query sees the whole prefix.
    """

    own: Tensor | None
    prefix: Tensor | None = None
    blind: Tensor | None = None


def _added(hidden: Tensor, group: int) -> Tensor:
    """What hides keys from scores: [rows, tokens, k] (bool) -> [rows, group * tokens, k]."""
    added = torch.zeros(hidden.shape, device=hidden.device).masked_fill_(hidden, -torch.inf)
    return added.repeat(1, group, 1)


def _masks(cache: PrefixCache, window: int | None, group: int) -> _Masks:
    def make() -> _Masks:
        hidden = cache.hidden(window)
        over, own = hidden.tensor_split([cache.prefix_length], -1)
        causal = cache.place.fresh and bool(
            (own.sum(-1) == own.shape[-1] - 1 - cache.place.slots).all()
        )
        first = _added(over, group).flatten(0, 1) if over.any() else None
        return _Masks(
            own=None if causal else _added(own, group)[:, None],
            prefix=None if first is None else first[None, None],
            blind=None if first is None else first.isneginf().all(-1),
        )

    return cache.once((window, group), make)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001 - the interface's; ours is the cache's
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of queries [rows, heads, tokens, size] to prefix and own slots.

    Returns [rows, tokens, heads, size]. softcap: bound of the scores (Gemma 2); s_aux: [heads], the
    score of a sink that takes attention and gives nothing (GPT-OSS).
    """
    cache = _running[-1]
    layer = cache.layers[module.layer_idx]
    rows, heads, tokens, size = query.shape
    shared = key.shape[1]
    group = heads // shared
    scale = size**-0.5 if scaling is None else scaling
    masks = _masks(cache, sliding_window, group)
    # heads of a group share keys: they lie side by side as further queries
    grouped = query.reshape(rows, shared, group * tokens, size)
    if masks.own is None:
        keys, values = (x.repeat_interleave(group, 1) for x in (key, value))
        out, lse = piece(query, keys, values, scale=scale, causal=True, softcap=softcap)
        out, lse = out.reshape(*grouped.shape[:3], -1), lse.reshape(grouped.shape[:3])
    else:
        out, lse = piece(grouped, key, value, scale=scale, mask=masks.own, softcap=softcap)
    if cache.prefix_length:
        first, sums = piece(
            grouped.transpose(0, 1).reshape(1, shared, -1, size),
            layer.keys,
            layer.values,
            scale=scale,
            mask=masks.prefix,
            blind=masks.blind,
            softcap=softcap,
        )
        first = first.view(shared, rows, group * tokens, -1).transpose(0, 1)
        merge(out, lse, first, sums.view(shared, rows, -1).transpose(0, 1))
    out, lse = out.view(rows, heads, tokens, -1), lse.reshape(rows, heads, tokens)
    if s_aux is not None:
        out = out * torch.sigmoid(lse - s_aux.float().view(1, heads, 1)).unsqueeze(-1)
    return out.transpose(1, 2).to(value.dtype).contiguous(), None


AttentionInterface.register(IMPLEMENTATION, _attend)
