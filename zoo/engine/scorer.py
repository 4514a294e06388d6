"""Log-likelihoods from a stock Hugging Face causal LM that reads the stream of unique tokens.

The stream goes through the model in chunks, one row without padding. Between chunks only the keys
and values of the path stay: the tokens that later ones still see. The model's own head makes
logits, of the scored rows alone, so that a scaled, soft-capped or tied head is what it is.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from zoo.engine.attention import attending, packed
from zoo.engine.kernels import Kernel
from zoo.engine.layout import Layout
from zoo.engine.memory import free_memory, is_out_of_memory
from zoo.engine.trie import Integers, Pair, Trie, next_stop, plan, still_open
from zoo.errors import CellError

logger = logging.getLogger("zoo")

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

Answer = tuple[float, bool]
"""Log-likelihood of a continuation in nats, and whether greedy decoding would have written it."""

OnDone = Callable[[int, Answer], None]
"""Told the number of each request as soon as it is answered, and its answer."""

SMALLEST = 16
"""Tokens of a chunk below which running out of memory is final."""


@dataclass
class Budget:
    """How much a chunk may hold. tokens: of the stream. logits: bytes of fp32 logits. halvings: how
    often memory did not suffice."""

    tokens: int
    logits: int
    halvings: int = 0

    def rows(self, vocabulary: int) -> int:
        """Scored rows of a chunk."""
        return max(1, self.logits // (4 * vocabulary))

    def halve(self) -> None:
        """After memory ran out."""
        self.tokens //= 2
        self.logits //= 2
        self.halvings += 1


def budget_for(device: torch.device) -> Budget:
    """Large enough to keep the device busy, small beside a model."""
    if device.type == "cuda":
        return Budget(8192, 1024**3)
    return Budget(1024, 128 * 1024**2)  # 2048 is no faster, and holds two thirds more memory


@dataclass
class Packed:
    """Scores requests over the trie of all of them.

    max_length: most tokens the model reads at once. budget: halved when memory runs out, and then
    kept. device: where the first layer is. statistics: of the last call: tokens read, rows given to
    the head, (query, key) pairs a full attention layer sees, and chunks.
    """

    model: PreTrainedModel
    kernel: Kernel
    max_length: int
    device: torch.device
    budget: Budget
    statistics: dict[str, int] = field(default_factory=dict)

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair], on_done: OnDone | None = None) -> list[Answer]:
        """The answers, in the order of the pairs of token ids.

        Raises CellError for a request that no model could answer.
        """
        if not pairs:
            return []
        trie = plan(pairs, self.max_length)
        sums = np.zeros(len(pairs), np.float64)
        greedy = np.ones(len(pairs), np.bool_)
        finishing = np.argsort(trie.last, kind="stable")
        ends = trie.last[finishing]
        done = chunks = 0
        for stop, rows, values, hits in self._read(trie):
            np.add.at(sums, trie.owners[rows], values)
            greedy[trie.owners[rows][~hits]] = False
            chunks += 1
            finished = int(np.searchsorted(ends, stop))
            if on_done is not None:
                for number in finishing[done:finished].tolist():
                    on_done(number, (float(sums[number]), bool(greedy[number])))
            done = finished
        self.statistics = {
            "tokens": len(trie),
            "rows": len(trie.needed),
            "pairs": int((trie.depth + 1).sum()),
            "chunks": chunks,
        }
        return list(zip(sums.tolist(), greedy.tolist(), strict=True))

    def _read(self, trie: Trie) -> Iterator[tuple[int, slice, Floats, Flags]]:
        """For each chunk: (its end, which of the trie's rows it answers, their log-probabilities,
        whether each was the likeliest token)."""
        start, path, cache = 0, np.empty(0, np.int64), DynamicCache()
        vocabulary = vocabulary_of(self.model)
        with packed(self.model):
            while start < len(trie):
                stop = next_stop(trie, start, self.budget.tokens, self.budget.rows(vocabulary))
                try:
                    found = self._chunk(trie, start, stop, path, cache)
                except (MemoryError, RuntimeError) as problem:
                    if not is_out_of_memory(problem):
                        raise
                    found = None
                if found is None:  # out of the handler, which holds what the chunk had allocated
                    self._shrink()
                    _keep(cache, np.ones(len(path), np.bool_))
                    continue
                keys = np.concatenate([path, np.arange(start, stop)])
                kept = still_open(trie, keys, stop)
                path, start = keys[kept], stop
                if len(path) == 0:
                    cache = DynamicCache()
                else:
                    _keep(cache, kept)
                yield stop, *found

    def _shrink(self) -> None:
        """Halves the budget. Raises CellError where that cannot help."""
        if self.budget.tokens // 2 < SMALLEST:
            raise CellError(
                f"scoring runs out of memory with chunks of {self.budget.tokens} tokens; "
                "use another device or a smaller dtype"
            )
        self.budget.halve()
        free_memory(self.device)
        logger.info("out of memory: chunks of %d tokens from here on", self.budget.tokens)

    def _chunk(
        self, trie: Trie, start: int, stop: int, path: Integers, cache: DynamicCache
    ) -> tuple[slice, Floats, Flags]:
        """Reads stream [start, stop); `cache` holds the path and gains the chunk."""
        keys = np.concatenate([path, np.arange(start, stop)])
        layout = Layout(len(path), np.minimum(trie.end[keys], stop) - start, trie.depth[keys])
        first, past = np.searchsorted(trie.needed, [start, stop])
        needed = trie.needed[first:past]
        begin, finish = np.searchsorted(trie.rows, [start, stop])
        rows_wanted = self._tensor(needed - start)
        with attending(self.kernel, layout, rows_wanted):
            # not of the config's making: its sliding layers would drop keys of the path
            logits = self.model(
                input_ids=self._tensor(trie.tokens[start:stop])[None],
                position_ids=self._tensor(trie.depth[start:stop])[None],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=rows_wanted,
            ).logits[0]
        rows = slice(int(begin), int(finish))
        values, hits = log_probabilities(
            logits, np.searchsorted(needed, trie.rows[rows]), trie.targets[rows]
        )
        return rows, values, hits

    def _tensor(self, values: Integers) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def log_probabilities(
    logits: Tensor, rows: Integers, targets: Integers, step: int = 64
) -> tuple[Floats, Flags]:
    """(log-probabilities in fp32, whether each is the likeliest) of targets.

    logits: [r, vocabulary]. rows, targets: [n], the row of each target and its id.
    """
    if len(rows) == 0:
        return np.empty(0, np.float32), np.empty(0, np.bool_)
    norms, likeliest = [], []
    for part in logits.split(step):  # logsumexp holds a copy of what it is given
        norms.append(part.float().logsumexp(-1))
        likeliest.append(part.argmax(-1))
    at = torch.from_numpy(rows).to(logits.device)
    ids = torch.from_numpy(targets).to(logits.device)
    values = logits[at, ids].float() - torch.cat(norms)[at]
    hits = torch.cat(likeliest)[at] == ids
    return values.cpu().numpy(), hits.cpu().numpy()


def vocabulary_of(model: PreTrainedModel) -> int:
    """Logits of a row."""
    return int(model.config.get_text_config(decoder=True).vocab_size)


def keeps_logits(model: PreTrainedModel) -> bool:
    """Whether the model's forward pass can be told of which rows logits are wanted."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def _keep(cache: DynamicCache, kept: Flags) -> None:
    """Drops all but the kept of the leading keys, and whatever comes after them."""
    positions = np.flatnonzero(kept)
    leading = len(positions) == 0 or positions[-1] == len(positions) - 1
    index = torch.from_numpy(positions)
    layer: Any
    for layer in cache.layers:
        if layer.keys is None or layer.keys.numel() == 0:
            continue
        if leading:
            layer.keys, layer.values = (
                x[:, :, : len(positions)] for x in (layer.keys, layer.values)
            )
        else:
            here = index.to(layer.keys.device)
            layer.keys, layer.values = (x[:, :, here] for x in (layer.keys, layer.values))
