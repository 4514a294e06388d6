"""Pretraining: plain next-token prediction over the document stream."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import TrainingError
from zoo.training import Assignment, checkpoints
from zoo_nano.checkpoint import CONTEXT, load, new_model, save, save_tokenizer, train_tokenizer
from zoo_nano.world.documents import documents

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

PRETRAINING = "nano-pretraining"
"""The recipe's name."""

MOMENTS = "optimizer.state"
"""What a resumption needs beside the weights, in the format of safetensors; a file that is named so
would count as weights."""

RESUMPTIONS = 10


def pretrain(
    assignment: Assignment,
    *,
    steps: int = 2000,
    batch: int = 16,
    learning_rate: float = 3e-3,
    warmup: int = 60,
    floor: float = 0.05,
    weight_decay: float = 0.05,
) -> None:
    """Trains the base from nothing: tokenizer, then model, over documents drawn as it goes.

    batch: windows of `CONTEXT` tokens. floor: share of the learning rate at which its cosine ends.
    """
    import torch
    from transformers import set_seed

    steps = assignment.steps or steps
    set_seed(assignment.seed)
    found = checkpoints.latest(assignment.out, [MOMENTS])
    if found:
        model, tokenizer = load(found)
    else:
        tokenizer = train_tokenizer(random.Random(assignment.seed))
        model = new_model(tokenizer)
    model.to(assignment.device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=weight_decay
    )

    def schedule(step: int) -> float:
        wave = 0.5 * (1 + math.cos(math.pi * step / steps))
        return min(1.0, (step + 1) / warmup) * (floor + (1 - floor) * wave)

    batches = windows(tokenizer, random.Random(assignment.seed), batch)
    done = _go_on(found, model, optimizer) if found else 0
    for _ in range(done if done < steps else 0):
        next(batches)  # the stream begins anew: what was learned from is drawn and passed over
    model.train()
    for step in range(done + 1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * schedule(step - 1)
        tokens = next(batches).to(assignment.device)
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not math.isfinite(loss.item()):
            raise TrainingError(f"the loss is no number at step {step}; lower learning_rate")
        assignment.tell("step", {"step": step, "steps": steps, "loss": loss.item()})
        often = max(1, math.ceil(steps / RESUMPTIONS))
        if step % often == 0 or step == steps or checkpoints.stays(step, assignment.save_every):
            _keep(assignment.out / f"checkpoint-{step}", step, steps, model, tokenizer, optimizer)
            checkpoints.clear(assignment.out, assignment.save_every, before=step)
    model.eval()
    save(model, tokenizer, assignment.out)


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


def _keep(
    folder: Path,
    step: int,
    steps: int,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Writes a checkpoint: what says that it is complete comes last, at once."""
    from safetensors.torch import save_file

    model.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    held = {
        f"{name}/{kind}": value
        for name, parameter in model.named_parameters()
        for kind, value in optimizer.state[parameter].items()
    }
    save_file(held, folder / MOMENTS)
    told = folder / f"{checkpoints.STATE}.new"
    told.write_text(json.dumps({"global_step": step, "max_steps": steps}), encoding="utf-8")
    os.replace(told, folder / checkpoints.STATE)


def _go_on(folder: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer) -> int:
    """Puts the optimiser where it was at a checkpoint; the checkpoint's step."""
    from safetensors.torch import load_file

    held: dict[str, dict[str, Any]] = {}
    for name, value in load_file(folder / MOMENTS).items():
        parameter, _, kind = name.rpartition("/")
        held.setdefault(parameter, {})[kind] = value
    for name, parameter in model.named_parameters():
        optimizer.state[parameter] = {
            # the count of steps stays where it is made
            kind: value if kind == "step" else value.to(parameter.device)
            for kind, value in held[name].items()
        }
    return int(checkpoints.state_of(folder)["global_step"])
