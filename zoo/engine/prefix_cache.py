"""Keys and values of rows that begin alike: the beginning is there once, for all of them.

A row is a *prefix* shared by the batch, then *own* tokens in slots of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

Made = TypeVar("Made")

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
        self._made: dict[Any, Any] = {}

    def put(self, place: Place) -> None:
        """Says where the tokens of the next pass go."""
        for layer in self.layers:
            layer.place = place
        self.place = place
        self._made = {}

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

    def hidden(self, window: int | None) -> Tensor:
        """Keys that each token must not see, [rows, tokens, prefix + slots] (bool).

        window: how many positions, its own included, a token sees; None means all before it.
        """
        place, prefix = self.place, self.prefix_length
        at = torch.arange(prefix + place.length, device=place.slots.device)
        token = (prefix + place.slots)[..., None]
        hidden = at > token
        if window is not None:
            hidden |= at <= token - window
        return hidden

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What `make` gives, made at the first call for `key` in a pass: layers share it."""
        if key not in self._made:
            self._made[key] = make()
        found: Made = self._made[key]
        return found
