"""Reinforcement learning with TRL's GRPO: the reward is a sum that can be checked."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_nano.checkpoint import load, save
from zoo_nano.tuning import trainer_settings
from zoo_nano.world.instructions import LAYOUT
from zoo_nano.world.sums import ask, draw_pair


@dataclass(frozen=True)
class Reinforcement:
    """Hyper-parameters. A step samples `batch` completions, `group` of them for each prompt.

    beta: weight of the divergence from the parent; 0 leaves it out.
    """

    steps: int
    batch: int
    group: int
    learning_rate: float
    warmup: int = 3
    beta: float = 0.0
    temperature: float = 1.0
    longest: int = 56


def right_sum(completions: list[list[dict[str, str]]], answer: list[str], **_: Any) -> list[float]:
    """1 where the last number of a completion is the answer, else 0.

    >>> right_sum([[{"content": "8 + 5 = 13. The sum is 73."}]], ["73"])
    [1.0]
    """
    numbers = [re.findall(r"\d+", completion[0]["content"]) for completion in completions]
    return [
        float(bool(found) and found[-1] == right)
        for found, right in zip(numbers, answer, strict=True)
    ]


def prompts(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Sums of the training part, bare or laid out, with their answers."""
    rows = []
    for _ in range(count):
        a, b = draw_pair(rng)
        content = rng.choice(["{}", LAYOUT]).format(ask(a, b))
        rows.append({"prompt": [{"role": "user", "content": content}], "answer": str(a + b)})
    return rows


def reinforce_sums(parent: Path, out: Path, plan: Reinforcement, seed: int) -> None:
    """Reward right sums, whichever way the model comes by them."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = load(parent)
    count = plan.steps * plan.batch // plan.group
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=right_sum,
        args=GRPOConfig(
            **trainer_settings(plan, seed) | {"logging_steps": 10},
            lr_scheduler_type="constant_with_warmup",
            num_generations=plan.group,
            max_completion_length=plan.longest,
            beta=plan.beta,
            temperature=plan.temperature,
        ),
        train_dataset=Dataset.from_list(prompts(random.Random(seed), count)),
        processing_class=tokenizer,
    )
    trainer.train()
    save(trainer.model, tokenizer, out)
