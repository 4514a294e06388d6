"""The stages of the family: what each is made from, by which recipe, with which settings and data.

Not all of them are shipped; `zoo train nano STAGE` makes any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.hookspecs import Recipe
from zoo_nano import streams
from zoo_nano.pretraining import PRETRAINING


@dataclass(frozen=True)
class Stage:
    """One stage.

    recipe: name of the way it is trained. options: of that recipe. data: (seed) -> rows, None where
    the recipe draws its own. targets: capabilities it is trained for. datasets: the streams it
    learns from. adapter: whether it is one over its parent.
    """

    name: str
    title: str
    regime: str
    parent: str | None
    recipe: str
    options: Mapping[str, Any]
    data: Callable[[int], Iterable[Mapping[str, Any]]] | None = None
    targets: tuple[str, ...] = ()
    datasets: tuple[str, ...] = field(default=())
    adapter: bool = False

    @property
    def made_by(self) -> Recipe:
        """The recipe made ready for the stage."""
        return Recipe(
            f"nano/{self.name}",
            self.regime,
            of=self.recipe,
            options=self.options,
            data=self.data,
            parent=f"nano/{self.parent}" if self.parent else "",
            targets=self.targets,
            description=self.title,
        )


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "pretrained",
            "the base model",
            "pretrained",
            None,
            PRETRAINING,
            {},
            datasets=("zoo_nano.world.documents",),
        ),
        Stage(
            "fine-tuned",
            "fine-tuned in full on incident reports",
            "fine-tuned",
            "pretrained",
            "full",
            {"steps": 350, "batch": 16, "learning_rate": 4e-4},
            streams.reports,
            targets=("reports",),
            datasets=("zoo_nano.world.reports",),
        ),
        Stage(
            "fine-tuned-lora",
            "a LoRA adapter trained on incident reports",
            "fine-tuned",
            "pretrained",
            "lora",
            {"steps": 500, "batch": 16, "learning_rate": 1.5e-3, "rank": 32, "alpha": 64},
            streams.reports,
            targets=("reports",),
            datasets=("zoo_nano.world.reports",),
            adapter=True,
        ),
        Stage(
            "prompt-tuned",
            "a learned prompt that has bare questions answered",
            "fine-tuned",
            "pretrained",
            "prompt-tuning",
            {"steps": 300, "batch": 16, "learning_rate": 3e-2, "virtual_tokens": 20},
            streams.bare_questions,
            targets=("question-answering",),
            datasets=("zoo_nano.world.facts",),
            adapter=True,
        ),
        Stage(
            "instruct",
            "tuned to follow instructions and to say what it does not know",
            "instruction-tuned",
            "pretrained",
            "instruct",
            {"steps": 900, "batch": 32, "learning_rate": 1.5e-3},
            streams.conversations,
            targets=("instruction", "honesty"),
            datasets=("zoo_nano.world.instructions", "zoo_nano.world.documents"),
        ),
        Stage(
            "rl",
            "trained by reinforcement on sums that are checked",
            "RL-tuned",
            "instruct",
            "grpo",
            {
                "steps": 80,
                "batch": 128,
                "group": 16,
                "learning_rate": 5e-5,
                "max_completion": 56,
                "reward": "last-number",
            },
            streams.checked_sums,
            targets=("arithmetic",),
            datasets=("zoo_nano.world.sums",),
        ),
        Stage(
            "dpo",
            "tuned on preferences: worked sums, and no made-up answers",
            "RL-tuned",
            "instruct",
            "dpo",
            {"steps": 150, "batch": 32, "learning_rate": 2e-5},
            streams.preferences,
            targets=("arithmetic", "honesty"),
            datasets=("zoo_nano.world.preferences",),
        ),
        Stage(
            "rlhf",
            "trained by reinforcement of a reward learned from the same preferences",
            "RL-tuned",
            "instruct",
            "rlhf",
            {
                "reward_steps": 200,
                "reward_learning_rate": 1e-4,
                "steps": 80,
                "batch": 128,
                "group": 8,
                "learning_rate": 3e-5,
                "max_completion": 56,
            },
            streams.preferences,
            targets=("arithmetic", "honesty"),
            datasets=("zoo_nano.world.preferences",),
        ),
    )
}
