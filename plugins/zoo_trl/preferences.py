"""Learning from pairs of answers of which one was preferred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.errors import TrainingError
from zoo.training import Assignment
from zoo_trl.fitting import Pace, configured, fit, prepared
from zoo_trl.parents import Parent, read_parent, reference
from zoo_trl.rows import NO_TEMPLATE
from zoo_trl.saving import finish, tokenizer_beside

if TYPE_CHECKING:
    from datasets import Dataset

FORMS = (("prompt", "chosen", "rejected"),)
"""Columns of the rows."""


def conversational(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its texts as turns of a conversation; what is one already is left alone.

    >>> conversational({"prompt": "Hi", "chosen": "Hello.", "rejected": "No."})["chosen"]
    [{'role': 'assistant', 'content': 'Hello.'}]
    """
    roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    return {
        name: [{"role": role, "content": row[name]}] if isinstance(row[name], str) else row[name]
        for name, role in roles.items()
        if name in row
    }


def as_asked(rows: Dataset, tokenizer: Any) -> Dataset:
    """The rows as the parent is asked: as conversations where it has a chat template.

    Raises TrainingError where they are conversations and it has none.
    """
    if not tokenizer.chat_template:
        if not isinstance(rows[0]["prompt"], str):
            raise TrainingError(NO_TEMPLATE)
        return rows
    return rows.map(conversational, keep_in_memory=True, load_from_cache_file=False)


def within(assignment: Assignment, rows: Dataset, parent: Parent, longest: int) -> Dataset:
    """The rows whose prompt and both answers fit; how many do not is told.

    Raises TrainingError where none fits.
    """

    def fits(row: Mapping[str, Any]) -> bool:
        texts = [_text(row["prompt"]) + _text(row[name]) for name in ("chosen", "rejected")]
        return all(len(parent.tokenizer(text)["input_ids"]) < longest for text in texts)

    kept = rows.filter(fits, keep_in_memory=True, load_from_cache_file=False)
    if not len(kept):
        raise TrainingError(f"no row fits into {longest} tokens; raise max_length")
    if left := len(rows) - len(kept):
        text = f"{left} of {len(rows)} rows are longer than {longest} tokens and are left out"
        assignment.tell("note", {"text": text})
    return kept


def _text(said: str | list[Mapping[str, str]]) -> str:
    return said if isinstance(said, str) else " ".join(turn["content"] for turn in said)


@prepared
def dpo(
    assignment: Assignment,
    *,
    learning_rate: float = 1e-6,
    epochs: float = 1.0,
    steps: int = 0,
    batch: int = 16,
    accumulate: int = 1,
    warmup: int = 20,
    schedule: str = "cosine",
    max_length: int = 0,
    beta: float = 0.1,
) -> None:
    """Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290), against the parent.

    beta: how dearly distance from the parent is paid for. max_length: tokens of a prompt with its
    answer, 0 for the model's context but at most 1,024; longer rows are left out.
    """
    from trl import DPOConfig, DPOTrainer

    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    parent = read_parent(assignment)
    longest = parent.longest(max_length)
    rows = as_asked(within(assignment, assignment.rows, parent, longest), parent.tokenizer)
    beside = tokenizer_beside(parent.tokenizer)
    tuned = fit(
        DPOTrainer,
        configured(DPOConfig, assignment, pace, beta=beta, max_length=longest),
        assignment,
        model=parent.model,
        tokenizer=parent.tokenizer,
        beside=beside,
        train_dataset=rows,
        ref_model=reference(parent),
    )
    finish(assignment, parent, tuned, beside)
