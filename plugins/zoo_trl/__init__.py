"""Ways of training through TRL and PEFT: one recipe for each step of a lineage.

supervised      full, lora, prompt-tuning
"""

from __future__ import annotations

from zoo import hookimpl
from zoo.hookspecs import Recipe
from zoo_trl import supervised


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
        ),
        Recipe(
            "lora",
            "fine-tuned",
            supervised.lora,
            "supervised fine-tuning of a low-rank adapter",
            columns=supervised.FORMS,
            adapter=True,
        ),
        Recipe(
            "prompt-tuning",
            "fine-tuned",
            supervised.prompt_tuning,
            "supervised fine-tuning of vectors before the prompt",
            columns=supervised.FORMS,
            adapter=True,
        ),
    ]
