"""Pretraining: plain next-token prediction over the document stream."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_nano.checkpoint import CONTEXT
from zoo_nano.world.documents import documents

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Pretraining:
    """Hyper-parameters. A batch is `batch` windows of `CONTEXT` tokens."""

    steps: int = 2000
    batch: int = 16
    learning_rate: float = 3e-3
    warmup: int = 60
    floor: float = 0.05
    weight_decay: float = 0.05


def windows(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, batch: int
) -> Iterator[torch.Tensor]:
    """Batches of packed documents, (batch, CONTEXT) token ids, documents drawn as they go."""
    import torch

    stream = documents(rng)
    ids: list[int] = []
    need = batch * CONTEXT
    while True:
        while len(ids) < need:
            for encoded in tokenizer([next(stream) for _ in range(500)])["input_ids"]:
                ids += [*encoded, tokenizer.eos_token_id]
        yield torch.tensor(ids[:need]).view(batch, CONTEXT)
        ids = ids[need:]


def pretrain(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, plan: Pretraining, seed: int
) -> None:
    """Train `model` in place; warm-up, then a cosine down to `floor` of the learning rate."""
    import torch

    def schedule(step: int) -> float:
        wave = 0.5 * (1 + math.cos(math.pi * step / plan.steps))
        return min(1.0, (step + 1) / plan.warmup) * (plan.floor + (1 - plan.floor) * wave)

    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=plan.learning_rate,
        betas=(0.9, 0.95),
        weight_decay=plan.weight_decay,
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
    batches = windows(tokenizer, random.Random(seed), plan.batch)
    model.train()
    for step in range(plan.steps):
        batch = next(batches)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0:
            print(f"pretrained: step {step} of {plan.steps}, loss {loss.item():.3f}", flush=True)
    model.eval()
