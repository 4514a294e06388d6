"""Keys and values of rows that begin alike: the beginning is there once, for all of them.

A row is a *prefix* shared by the batch, then *own* tokens in slots of its own. A stock model runs
over it through transformers' attention interface: its queries see the prefix by one product for
all rows together, their own slots by another, and one softmax joins the two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

IMPLEMENTATION = "zoo_shared_prefix"

BLOCK = 64
"""Slots are made this many at a time."""


@dataclass(frozen=True)
class Place:
    """Where the tokens of a forward pass lie.

    first: the first row; slots: [rows, tokens] of each token in its row. length: slots in use,
    the largest of `slots` and one. fresh: the rows hold nothing yet and `slots` begin at 0.
    """

    first: int
    slots: Tensor
    length: int
    fresh: bool = False

    @property
    def rows(self) -> slice:
        """The rows of the pass."""
        return slice(self.first, self.first + self.slots.shape[0])


class _Layer(CacheLayerMixin):
    """One layer. keys, values: the prefix, [1, heads, prefix, size], or None where it is empty.
    own_keys, own_values: [rows, heads, slots, size]."""

    is_sliding = False

    def __init__(self, keys: Tensor | None, values: Tensor | None, shape: tuple[int, int]) -> None:
        super().__init__()
        self.keys, self.values = keys, values
        self._shape = shape
        self.own_keys: Tensor | None = None
        self.own_values: Tensor | None = None
        self.place: Place | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Makes the slots, now that the sizes are known."""
        rows, slots = self._shape
        self.own_keys = key_states.new_zeros(rows, key_states.shape[1], slots, key_states.shape[3])
        self.own_values = value_states.new_zeros(
            rows, value_states.shape[1], slots, value_states.shape[3]
        )
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Writes the pass's keys and values into their slots; returns all of its rows' slots."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        place, keys, values = self.place, self.own_keys, self.own_values
        assert place is not None
        assert keys is not None
        assert values is not None
        if (missing := place.length - keys.shape[2]) > 0:
            more = max(missing, BLOCK)
            keys = self.own_keys = torch.nn.functional.pad(keys, (0, 0, 0, more))
            values = self.own_values = torch.nn.functional.pad(values, (0, 0, 0, more))
        keys, values = keys[place.rows], values[place.rows]
        row = torch.arange(keys.shape[0], device=keys.device)[:, None]
        keys[row, :, place.slots] = key_states.transpose(1, 2)
        values[row, :, place.slots] = value_states.transpose(1, 2)
        return keys[:, :, : place.length], values[:, :, : place.length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Nobody asks: the mask is ours."""
        return self.get_seq_length() + query_length, 0

    def get_seq_length(self) -> int:
        """Tokens in the longest row."""
        prefix = 0 if self.keys is None else self.keys.shape[2]
        return prefix + (0 if self.place is None else self.place.length)

    def get_max_length(self) -> int:
        """No bound."""
        return -1

    def get_max_cache_shape(self) -> int:
        """No bound (the older name)."""
        return -1


class PrefixCache(Cache):
    """The cache of a batch. prefix: keys and values of each layer, [1, heads, prefix, size]."""

    def __init__(
        self, prefix: list[tuple[Tensor, Tensor]] | None, layers: int, rows: int, slots: int
    ) -> None:
        pairs: list[Any] = list(prefix) if prefix else [(None, None)] * layers
        super().__init__(layers=[_Layer(keys, values, (rows, slots)) for keys, values in pairs])
        self.prefix_length = prefix[0][0].shape[2] if prefix else 0
        self._unseen: dict[int | None, Tensor] = {}

    def put(self, place: Place) -> None:
        """Says where the tokens of the next pass go."""
        for layer in self.layers:
            layer.place = place
        self._place = place
        self._unseen = {}

    def move(self, source: int, target: int) -> None:
        """Copies a row over another."""
        for layer in self.layers:
            layer.own_keys[target] = layer.own_keys[source]
            layer.own_values[target] = layer.own_values[source]

    def spread(self, rows: Tensor) -> None:
        """Makes the rows anew: row i becomes what row rows[i] was."""
        for layer in self.layers:
            if layer.is_initialized:
                layer.own_keys, layer.own_values = layer.own_keys[rows], layer.own_values[rows]
            else:
                layer._shape = (len(rows), layer._shape[1])

    def unseen(self, window: int | None) -> Tensor:
        """Keys that each query must not see, [rows, 1, 1, tokens, prefix + slots] (bool).

        window: how many positions, its own included, a query sees; None means all before it.
        """
        if window not in self._unseen:
            place, prefix = self._place, self.prefix_length
            at = torch.arange(prefix + place.length, device=place.slots.device)
            query = (prefix + place.slots)[..., None]
            hidden = at > query
            if window is not None:
                hidden |= at <= query - window
            self._unseen[window] = hidden[:, None, None]
        return self._unseen[window]


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
    layer, place, prefix = cache.layers[module.layer_idx], cache._place, cache.prefix_length
    rows, heads, tokens, size = query.shape
    scaling = size**-0.5 if scaling is None else scaling
    plain = sliding_window is None and not softcap and s_aux is None
    if plain and not prefix and place.fresh and tokens > 1:
        mixed = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=heads != key.shape[1]
        )
        return mixed.transpose(1, 2).contiguous(), None
    shared = key.shape[1]
    grouped = query.reshape(rows, shared, -1, size)
    scores = grouped @ key.transpose(2, 3)
    if prefix:
        together = grouped.transpose(0, 1).reshape(shared, -1, size)
        first = (together @ layer.keys[0].transpose(1, 2)).view(shared, rows, -1, prefix)
        scores = torch.cat((first.transpose(0, 1), scores), -1)
    scores = scores.view(rows, shared, -1, tokens, prefix + place.length).mul_(scaling)
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    scores = scores.masked_fill_(cache.unseen(sliding_window), -torch.inf).float()
    if s_aux is None:
        weights = scores.softmax(-1)
    else:
        sink = s_aux.float().view(1, shared, -1, 1, 1).expand(*scores.shape[:4], 1)
        weights = torch.cat((scores, sink), -1).softmax(-1)[..., :-1]
    weights = weights.to(value.dtype).view(rows, shared, -1, prefix + place.length)
    mixed = weights[..., prefix:] @ value
    if prefix:
        together = weights[..., :prefix].transpose(0, 1).reshape(shared, -1, prefix)
        first = (together @ layer.values[0]).view(shared, rows, -1, value.shape[3])
        mixed += first.transpose(0, 1)
    return mixed.view(rows, heads, tokens, -1).transpose(1, 2).contiguous(), None


AttentionInterface.register(IMPLEMENTATION, _attend)
