"""The stages of the family: what each is made from, how, and with which settings."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo_nano.pretraining import Pretraining
from zoo_nano.reinforcement import Reinforcement, reinforce_sums
from zoo_nano.tuning import Tuning, tune_on_instructions, tune_on_reports

Plan = Pretraining | Tuning | Reinforcement
SEED = 1


def _pretrain(parent: Path | None, out: Path, plan: Pretraining, seed: int) -> None:
    from zoo_nano.checkpoint import new_model, save, train_tokenizer
    from zoo_nano.pretraining import pretrain

    del parent
    tokenizer = train_tokenizer(random.Random(seed))
    model = new_model(tokenizer)
    pretrain(model, tokenizer, plan, seed)
    save(model, tokenizer, out)


@dataclass(frozen=True)
class Stage:
    """One stage.

    make: (parent folder or None, folder to write, plan, seed) -> None.
    targets: capabilities it is trained for. datasets: the streams it learns from.
    """

    name: str
    title: str
    regime: str
    parent: str | None
    make: Callable[..., None]
    plan: Plan
    targets: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    @property
    def is_adapter(self) -> bool:
        """Whether the stage is a LoRA adapter over its parent."""
        return isinstance(self.plan, Tuning) and self.plan.rank > 0


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "pretrained",
            "the base model",
            "pretrained",
            None,
            _pretrain,
            Pretraining(),
            datasets=("zoo_nano.world.documents",),
        ),
        Stage(
            "fine-tuned",
            "fine-tuned in full on incident reports",
            "fine-tuned",
            "pretrained",
            tune_on_reports,
            Tuning(steps=350, batch=16, learning_rate=4e-4),
            targets=("reports",),
            datasets=("zoo_nano.world.reports",),
        ),
        Stage(
            "fine-tuned-lora",
            "a LoRA adapter trained on incident reports",
            "fine-tuned",
            "pretrained",
            tune_on_reports,
            Tuning(steps=500, batch=16, learning_rate=1.5e-3, rank=32),
            targets=("reports",),
            datasets=("zoo_nano.world.reports",),
        ),
        Stage(
            "instruct",
            "tuned to follow instructions and to say what it does not know",
            "instruction-tuned",
            "pretrained",
            tune_on_instructions,
            Tuning(steps=900, batch=32, learning_rate=1.5e-3, replay=0.3),
            targets=("instruction", "honesty"),
            datasets=("zoo_nano.world.instructions", "zoo_nano.world.documents"),
        ),
        Stage(
            "rl",
            "trained by reinforcement on sums that are checked",
            "RL-tuned",
            "instruct",
            reinforce_sums,
            Reinforcement(steps=80, batch=128, group=16, learning_rate=5e-5),
            targets=("arithmetic",),
            datasets=("zoo_nano.world.sums",),
        ),
    )
}


def train_stage(
    name: str, out: Path, parent: Path | None, *, seed: int = SEED, steps: int | None = None
) -> None:
    """Make one stage in `out`; `steps` shortens the recipe, for trying it out."""
    from transformers import set_seed

    stage = STAGES[name]
    plan: Any = stage.plan if steps is None else replace(stage.plan, steps=steps)
    set_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    stage.make(parent, out, plan, seed)
