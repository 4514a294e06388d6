"""Prompts into a stock model, what they share once, then one token after another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from zoo.engine.prefix_attention import shared_prefix
from zoo.engine.prefix_cache import Place, PrefixCache

PREFILL = 1024
"""Tokens of a forward pass over prompts."""


class PrefixReader:
    """Reads batches of prompts. Keeps the last prefix: the next batch may begin alike."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._ids: list[int] = []
        self._cache = DynamicCache()

    @contextlib.contextmanager
    def read(self, prompts: Sequence[Sequence[int]], shared: int, more: int) -> Iterator[OpenRows]:
        """The prompts as rows that can be continued, within the block.

        shared: tokens with which all begin, fewer than any has. more: tokens that may follow.
        """
        prefix = self._read_prefix(list(prompts[0][:shared]))
        own = [tuple(prompt[shared:]) for prompt in prompts]
        distinct = {ids: place for place, ids in enumerate(dict.fromkeys(own))}
        layers = self._model.config.get_text_config(decoder=True).num_hidden_layers
        slots = max(map(len, own)) + min(more, PREFILL)
        cache = PrefixCache(prefix, layers, len(distinct), slots)
        with shared_prefix(self._model, cache):
            self._read_rows(cache, [ids[:-1] for ids in distinct])
            if len(distinct) < len(own):
                places = [distinct[ids] for ids in own]
                cache.spread(torch.tensor(places, device=self._model.device))
            yield OpenRows(self._model, cache, own)

    def _read_prefix(self, ids: list[int]) -> list[tuple[Tensor, Tensor]] | None:
        """Keys and values of the shared tokens, [1, heads, tokens, size] for each layer."""
        if not ids:
            return None
        kept = 0
        while kept < min(len(ids), len(self._ids)) and ids[kept] == self._ids[kept]:
            kept += 1
        if kept == 0:
            # a cache made from the config would drop what lies outside a sliding window
            self._cache = DynamicCache()
        elif kept < len(self._ids):
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[:, :, :kept], layer.values[:, :, :kept]
        self._ids = ids[:kept]
        for start in range(kept, len(ids), PREFILL):
            chunk = ids[start : start + PREFILL]
            places = torch.arange(start, start + len(chunk), device=self._model.device)
            last_logits(self._model, _tensor([chunk], self._model), places[None], self._cache)
            self._ids = self._ids + chunk
        return [(layer.keys, layer.values) for layer in self._cache.layers]

    def _read_rows(self, cache: PrefixCache, rows: list[tuple[int, ...]]) -> None:
        """Reads rows a few at a time, padded on the right, where a pad is seen by none."""
        first = 0
        while first < len(rows):
            after, width = first + 1, len(rows[first])
            while after < len(rows):
                wider = max(width, len(rows[after]))
                if wider * (after + 1 - first) > PREFILL:
                    break
                after, width = after + 1, wider
            padded = [list(row) + [0] * (width - len(row)) for row in rows[first:after]]
            for start in range(0, width, PREFILL):
                chunk = _tensor([row[start : start + PREFILL] for row in padded], self._model)
                slots = start + torch.arange(chunk.shape[1], device=chunk.device)
                slots = slots.expand_as(chunk)
                cache.put(Place(first, slots, start + chunk.shape[1], fresh=start == 0))
                last_logits(self._model, chunk, cache.prefix_length + slots, cache)
            first = after


class OpenRows:
    """Rows that are being continued; their last token is still to be read."""

    def __init__(self, model: Any, cache: PrefixCache, own: Sequence[Sequence[int]]) -> None:
        """own: each row's tokens after the prefix, all but the last of them read."""
        self._model, self._cache = model, cache
        self._tokens = _tensor([ids[-1:] for ids in own], model)
        self._lengths = [len(ids) for ids in own]

    def logits(self) -> Tensor:
        """Reads each row's last token; gives the logits of the next, [rows, vocabulary]."""
        slots = torch.tensor(self._lengths, device=self._tokens.device)[:, None] - 1
        self._cache.put(Place(0, slots, max(self._lengths)))
        places = self._cache.prefix_length + slots
        return last_logits(self._model, self._tokens, places, self._cache)

    def append(self, tokens: Tensor, ended: Sequence[bool]) -> list[int]:
        """Appends a token to each row, and lets ended rows go: the last rows take their places.

        Returns, for each place that is left, the place its row had.
        """
        kept = list(range(len(ended)))
        for place in [place for place, over in enumerate(ended) if over][::-1]:
            last = kept.pop()
            if place < len(kept):
                self._cache.move(len(kept), place)
                kept[place] = last
        self._tokens = tokens[kept, None]
        self._lengths = [self._lengths[place] + 1 for place in kept]
        return kept


def last_logits(model: Any, ids: Tensor, places: Tensor, cache: Any) -> Tensor:
    """Reads tokens into a cache; logits after the last of each row, [rows, vocabulary].

    ids, places: [rows, tokens], token ids and their positions.
    """
    logits: Tensor = model(
        input_ids=ids,
        position_ids=places,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits
    return logits[:, -1]


def _tensor(rows: Sequence[Sequence[int]], model: Any) -> Tensor:
    return torch.tensor(rows, dtype=torch.long, device=model.device)
