"""Ways of training through TRL and PEFT: one recipe for each step of a lineage.

supervised      full, lora, prompt-tuning
instruct        instruct, and the chat template that a base model is given (chat)
preferences     dpo
reinforcement   grpo with a computed reward (rewards), rlhf with a learned one (rewarding)

Each reads its parent (parents), turns rows into tokens (rows) or leaves that to TRL, runs a trainer
(fitting), resumable from its checkpoints, and writes the finished stage (saving).
"""

from __future__ import annotations

from zoo import hookimpl
from zoo.hookspecs import Recipe
from zoo_trl import instruct, preferences, reinforcement, supervised
from zoo_trl.fitting import check_pace


@hookimpl
def zoo_recipes() -> list[Recipe]:
    """The recipes; what they need beyond stagezoo is the extra `train`."""
    return [
        Recipe(
            "full",
            "fine-tuned",
            supervised.full,
            "supervised fine-tuning of every weight",
            columns=supervised.FORMS,
            check=check_pace,
        ),
        Recipe(
            "lora",
            "fine-tuned",
            supervised.lora,
            "supervised fine-tuning of a low-rank adapter",
            columns=supervised.FORMS,
            adapter=True,
            check=check_pace,
        ),
        Recipe(
            "prompt-tuning",
            "fine-tuned",
            supervised.prompt_tuning,
            "supervised fine-tuning of vectors before the prompt",
            columns=supervised.FORMS,
            adapter=True,
            check=check_pace,
        ),
        Recipe(
            "instruct",
            "instruction-tuned",
            instruct.instruct,
            "instructions with inputs and outputs, or conversations",
            columns=instruct.FORMS,
            check=check_pace,
        ),
        Recipe(
            "dpo",
            "RL-tuned",
            preferences.dpo,
            "direct preference optimisation",
            columns=preferences.FORMS,
            check=check_pace,
        ),
        Recipe(
            "grpo",
            "RL-tuned",
            reinforcement.grpo,
            "reinforcement of a reward that is computed",
            columns=reinforcement.FORMS,
            check=reinforcement.check_grpo,
        ),
        Recipe(
            "rlhf",
            "RL-tuned",
            reinforcement.rlhf,
            "a reward learned from preferences, and reinforcement of it",
            columns=preferences.FORMS,
            check=reinforcement.check_rlhf,
        ),
    ]
