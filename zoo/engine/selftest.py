"""A small tree on which a way of scoring is compared with the plain model, before it is trusted.

The plain model reads one sequence at a time, without a cache, as it was loaded. The tree branches
near its root, in the middle and at its leaves, reaches beyond the model's sliding window where that
is affordable, and is read in chunks small enough that the path is carried over several.

In half precision rounding would hide a wrong mask, so the comparison runs in fp32 with the
reference kernel, and the kernel for the device is compared with the reference kernel by itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from transformers import PreTrainedModel

from zoo.engine.kernels import Kernel
from zoo.engine.layers import windows_of
from zoo.engine.layout import Layout
from zoo.engine.memory import free_memory, is_out_of_memory
from zoo.engine.merged import Merged
from zoo.engine.scorer import (
    Answer,
    OnDone,
    log_probabilities,
    vocabulary_of,
)
from zoo.engine.trie import Pair, model_inputs, next_stop, plan, still_open

SHORTEST = 96
"""Tokens of the tree's longest sequence where no window asks for more."""

LONGEST = 1280
"""And at most, whatever the windows are."""

GATE = 2e-4
"""Largest difference in fp32, in nats."""


HALF = (torch.bfloat16, torch.float16)


class Way(Protocol):
    """A way of scoring: `Packed` or `Padded`."""

    def score(self, pairs: Sequence[Pair], on_done: OnDone | None = None) -> list[Answer]:
        """The answers, in the order of the pairs of token ids."""
        ...


@dataclass(frozen=True)
class Probe:
    """A tree with the plain model's answers.

    length: of its longest sequence. tolerance: largest difference that is rounding, in nats.
    """

    pairs: tuple[Pair, ...]
    expected: tuple[Answer, ...]
    length: int
    tolerance: float

    def trouble(self, way: Way) -> str | None:
        """Why a way of scoring cannot be trusted with the model, or None."""
        try:
            found = way.score(self.pairs)
        except Exception as problem:
            return f"it fails with {type(problem).__name__}: {str(problem)[:160]}"
        differences = [
            abs(a - b) if np.isfinite(a) and np.isfinite(b) else np.inf
            for (a, _), (b, _) in zip(found, self.expected, strict=True)
        ]
        if (worst := max(differences)) > self.tolerance:
            allowed = f"{self.tolerance:.2g} allowed"
            return f"it differs from the plain model by {worst:.2g} nats ({allowed})"
        return None


def probe_for(model: PreTrainedModel, max_length: int, device: torch.device) -> Probe:
    """The tree for a model, and what the model answers when it is run plainly."""
    spans = windows_of(model.config)
    length = max([SHORTEST, *(span + SHORTEST // 2 for span in spans if span <= LONGEST)])
    length = min(length, LONGEST, max_length)
    vocabulary = min(vocabulary_of(model), 1000)
    pairs = _tree(length, vocabulary)
    expected = _plainly(model, pairs, max_length, device)
    tolerance = GATE
    if model.dtype in HALF:
        tolerance = _rounding(model, pairs, expected)
    return Probe(pairs, expected, length, tolerance)


def _tree(length: int, vocabulary: int) -> tuple[Pair, ...]:
    """Pairs of token ids that share prefixes of many lengths; the same for every model."""
    draw = random.Random(length)

    def tokens(n: int) -> list[int]:
        return [draw.randrange(3 % vocabulary, vocabulary) for _ in range(n)]

    tail = length // 4
    trunk = tokens(length - tail)
    pairs: list[Pair] = []
    for _ in range(3):
        question = trunk + tokens(tail // 2)
        pairs += [(question, tokens(n)) for n in (1, 1, 2, 5)]
    for cut in range(1, 9):  # requests that end inside the trunk
        at = cut * len(trunk) // 9
        pairs += [(trunk[:at], trunk[at : at + 2]), (trunk[:at], tokens(1))]
    pairs += [(tokens(7), tokens(3)), (tokens(1), tokens(1))]
    return tuple((context, continuation) for context, continuation in pairs if context)


@torch.inference_mode()
def _plainly(
    model: PreTrainedModel, pairs: Sequence[Pair], max_length: int, device: torch.device
) -> tuple[Answer, ...]:
    answers = []
    for sequence, targets in zip(*model_inputs(pairs, max_length), strict=True):
        ids = torch.from_numpy(sequence)[None].to(device)
        logits = model(input_ids=ids, use_cache=False).logits[0]
        rows = np.arange(len(sequence) - len(targets), len(sequence))
        values, hits = log_probabilities(logits, rows, targets)
        answers.append((float(values.sum(dtype=np.float64)), bool(hits.all())))
    return tuple(answers)


def _rounding(model: PreTrainedModel, pairs: Sequence[Pair], expected: Sequence[Answer]) -> float:
    """What half precision may cost on these pairs: some units in the last place of a logit for
    each layer's rounding, which adds up like a random walk."""
    config = model.config.get_text_config(decoder=True)
    layers = int(getattr(config, "num_hidden_layers", 32))
    each = max(abs(value) / len(pair[1]) for (value, _), pair in zip(expected, pairs, strict=True))
    longest = max(len(continuation) for _, continuation in pairs)
    return 4 * torch.finfo(model.dtype).eps * each * (layers * longest) ** 0.5


@contextmanager
def in_float32(model: PreTrainedModel) -> Iterator[bool]:
    """Within, the model's weights are fp32; after it they are what they were, bit for bit.

    Gives whether they are: not where they are quantized, elsewhere, or too many for the memory.
    """
    device = model.device
    tensors = {id(t): t for t in (*model.parameters(), *model.buffers())}.values()
    halves = [(t, t.dtype) for t in tensors if t.dtype in HALF]
    exact = not getattr(model, "is_quantized", False) and not any(t.is_meta for t in tensors)
    try:
        if exact:
            try:
                for tensor, _ in halves:
                    tensor.data = tensor.data.float()
            except (MemoryError, RuntimeError) as problem:
                if not is_out_of_memory(problem):
                    raise
                exact = False
        if not exact:
            _restore(halves)
        yield exact
    finally:
        _restore(halves)
        free_memory(device)


def _restore(halves: Sequence[tuple[torch.Tensor, torch.dtype]]) -> None:
    for tensor, dtype in halves:
        tensor.data = tensor.data.to(dtype)


def kernel_trouble(
    kernel: Kernel, probe: Probe, config: Any, device: torch.device, dtype: torch.dtype
) -> str | None:
    """Why a kernel cannot be trusted on a device, or None: against the reference kernel in fp32."""
    if isinstance(kernel, Merged):
        return None
    config = config.get_text_config(decoder=True)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    source = torch.Generator().manual_seed(0)
    allowed = 1e-4 if dtype == torch.float32 else 16 * torch.finfo(dtype).eps
    try:
        for layout in _layouts(probe):
            keys = layout.path + layout.size
            query, key, value = (
                torch.randn(heads, length, width, generator=source).to(device, dtype)
                for heads, length in ((4, layout.size), (2, keys), (2, keys))
            )
            for window in (None, *windows_of(config)):
                asked: dict[str, Any] = {"scale": width**-0.5, "window": window}
                found = kernel.attend(query, key, value, layout, **asked)
                expected = Merged().attend(
                    query.float(), key.float(), value.float(), layout, **asked
                )
                worst = float((found.float() - expected).abs().max())
                if not worst <= allowed:
                    return f"it differs from the reference by {worst:.2g} ({allowed:.2g} allowed)"
    except Exception as problem:
        return f"it fails with {type(problem).__name__}: {str(problem)[:160]}"
    return None


def _layouts(probe: Probe) -> Iterator[Layout]:
    """The probe's tree as one chunk, and as several."""
    trie = plan(probe.pairs, probe.length + 1)
    for tokens in (len(trie), max(8, probe.length // 3)):
        start, path = 0, np.empty(0, np.int64)
        while start < len(trie):
            stop = next_stop(trie, start, tokens, len(trie))
            keys = np.concatenate([path, np.arange(start, stop)])
            until = np.minimum(trie.end[keys], stop) - start
            yield Layout(len(path), until, trie.depth[keys])
            start, path = stop, keys[still_open(trie, keys, stop)]
