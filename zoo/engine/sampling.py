"""The next token of each row: greedy, or drawn from a stream that belongs to the row alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo.errors import CellError, ConfigError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, in the order transformers applies it: temperature, top_k, top_p.

    temperature: > 0; top_k: the likeliest tokens kept, 0 for all; top_p: in (0, 1], the share of
    probability that the likeliest tokens kept must reach, 1 for all.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(f"temperature is {self.temperature}; sampling needs one above 0")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is {self.top_p}; it lies above 0 and at most at 1")
        if self.top_k < 0:
            raise ConfigError(f"top_k is {self.top_k}; it is 0 (all tokens) or more")


def uniforms(streams: Sequence[tuple[int, int]], steps: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), [streams, steps]: a stream is known by its (item seed, sample).

    They depend on nothing else, so that another batch, or a run again, draws the same.
    """
    drawn = np.empty((len(streams), steps))
    for row, (seed, sample) in enumerate(streams):
        source = np.random.Philox(np.random.SeedSequence((seed, sample)))
        drawn[row] = np.random.Generator(source).random(steps)
    return drawn


def choose(
    logits: torch.Tensor, sampling: Sampling | None = None, drawn: torch.Tensor | None = None
) -> torch.Tensor:
    """The next token of each row, [rows]. logits: [rows, vocabulary]; drawn: [rows] in [0, 1).

    Sampling inverts the cumulative distribution at `drawn`, in double precision. Raises CellError
    where logits are no numbers: the likeliest of them would be one that is none.
    """
    if sampling is None or drawn is None:
        best = logits.max(-1)  # the first of several, as argmax, of which it takes a third
        _check(best.values)
        return best.indices
    scores, order = logits.double() / sampling.temperature, None
    if 0 < sampling.top_k < scores.shape[-1]:
        scores, order = scores.topk(sampling.top_k)
    elif sampling.top_p < 1:
        scores, order = scores.sort(dim=-1, descending=True, stable=True)
    probabilities = scores.softmax(-1)
    _check(probabilities[:, 0])
    if sampling.top_p < 1:
        before = probabilities.cumsum(-1) - probabilities
        probabilities = probabilities.where(before < sampling.top_p, 0)
    cumulative = probabilities.cumsum(-1)
    target = drawn[:, None] * cumulative[:, -1:]
    # the first place whose sum exceeds the target: never one of probability zero
    place = (cumulative > target).int().argmax(-1, keepdim=True)
    return (place if order is None else order.gather(-1, place))[:, 0]


def _check(numbers: torch.Tensor) -> None:
    if numbers.isnan().any():
        raise CellError(
            "the model's logits are no numbers: its weights or its dtype overflow; "
            "try --dtype float32"
        )
