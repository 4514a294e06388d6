"""Decoding through a model's own `generate`, for models that the shared prefix does not suit.

It stops, draws and cuts as ours does; only the work is not shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from zoo.engine.batches import Batch
from zoo.engine.sampling import choose


class _Pick(LogitsProcessor):
    """Leaves one token possible: the one that we choose."""

    def __init__(self, job: Any, drawn: Tensor | None, width: int) -> None:
        self._job, self._drawn, self._width = job, drawn, width

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        step = input_ids.shape[1] - self._width
        now = None if self._drawn is None else self._drawn[:, step]
        picked = choose(scores, self._job.sampling, now)
        only = torch.full_like(scores, -torch.inf)
        return only.scatter_(1, picked[:, None], 0.0)


class _Ended(StoppingCriteria):
    """Which rows have said a stop."""

    def __init__(self, job: Any, width: int) -> None:
        self._job, self._width = job, width

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:  # noqa: ARG002
        rows = input_ids[:, self._width :].tolist()
        return torch.tensor(self._job.watch.said(rows), device=input_ids.device)


def decode_stock(model: Any, tokenizer: Any, job: Any) -> Callable[[Batch], list[list[int]]]:
    """How a batch is decoded: (batch) -> the tokens generated for each row."""

    def decode(batch: Batch) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in batch.rows]
        drawn = job.drawn(batch, model.device)
        for places in _together(model, len(batch.rows)):
            prompts = [list(job.prompts[batch.rows[place][0]]) for place in places]
            width = max(map(len, prompts))
            pad = [width - len(prompt) for prompt in prompts]
            mine = None if drawn is None else drawn[places]
            with torch.inference_mode():
                made = model.generate(
                    input_ids=_tensor(
                        [[0] * n + p for n, p in zip(pad, prompts, strict=True)], model
                    ),
                    attention_mask=_tensor([[0] * n + [1] * (width - n) for n in pad], model),
                    max_new_tokens=job.most,
                    do_sample=False,
                    temperature=None,
                    top_p=None,
                    top_k=None,
                    eos_token_id=sorted(job.eos) or None,
                    pad_token_id=_pad(tokenizer, job),
                    logits_processor=LogitsProcessorList([_Pick(job, mine, width)]),
                    stopping_criteria=StoppingCriteriaList([_Ended(job, width)]),
                )
            for place, row in zip(places, made[:, width:].tolist(), strict=True):
                found[place] = _until_ended(row, job)
        return found

    return decode


def _together(model: Any, rows: int) -> list[list[int]]:
    """Places to decode together: a model with a running state would take padding for text."""
    if getattr(model, "_is_stateful", False):
        return [[place] for place in range(rows)]
    return [list(range(rows))]


def _until_ended(row: list[int], job: Any) -> list[int]:
    """A row up to the token that ended it: `generate` fills up what others still needed."""
    for end in range(1, len(row)):
        if row[end - 1] in job.eos or job.watch.said([row[:end]])[0]:
            return row[:end]
    return row


def _pad(tokenizer: Any, job: Any) -> int:
    """Any token: what stands after the end of a row is cut off."""
    return int(
        tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(job.eos, default=0)
    )


def _tensor(rows: Sequence[Sequence[int]], model: Any) -> Tensor:
    return torch.tensor(rows, dtype=torch.long, device=model.device)
