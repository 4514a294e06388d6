"""Instruction tuning: a base model learns to answer in conversation."""

from __future__ import annotations

from zoo.training import Assignment
from zoo_trl.chat import open_chat
from zoo_trl.fitting import Pace, prepared
from zoo_trl.parents import read_parent
from zoo_trl.saving import finish, tokenizer_beside
from zoo_trl.supervised import tune

FORMS = (("instruction", "output"), ("messages",), ("text",))
"""Columns of the rows; beside an instruction may stand an "input"."""


@prepared
def instruct(
    assignment: Assignment,
    *,
    learning_rate: float = 2e-5,
    epochs: float = 2.0,
    steps: int = 0,
    batch: int = 16,
    accumulate: int = 1,
    warmup: int = 20,
    schedule: str = "cosine",
    max_length: int = 0,
) -> None:
    """Tunes every weight on instructions with inputs and outputs, or on conversations; of each the
    last answer is learned. Rows that have a text instead are learned whole: rehearsing what the
    parent was trained on keeps it from being forgotten.

    A parent without a chat template is given one; one that has a template is made to stop where
    that ends a turn (`zoo_trl.chat`).
    max_length: tokens of a row, 0 for the model's context but at most 1,024.
    """
    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    parent = read_parent(assignment)
    if changed := open_chat(parent.model, parent.tokenizer):
        assignment.tell("note", {"text": f"{parent.name} {changed}"})
    beside = tokenizer_beside(parent.tokenizer)
    tuned = tune(assignment, parent, pace, max_length, beside)
    finish(assignment, parent, tuned, beside)
