"""Supervised fine-tuning: every weight, a LoRA adapter, or a learned prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.errors import ModelError, UnknownNameError
from zoo.training import Assignment
from zoo_trl.fitting import Beside, Pace, configured, fit, prepared
from zoo_trl.parents import Parent, read_parent
from zoo_trl.saving import base_named, finish, tokenizer_beside

FORMS = (("text",), ("prompt", "completion"))
"""Columns of the rows."""

EVERYWHERE = ("all-linear",)
"""Every linear layer but the last."""


@prepared
def full(
    assignment: Assignment,
    *,
    learning_rate: float = 2e-5,
    epochs: float = 1.0,
    steps: int = 0,
    batch: int = 16,
    accumulate: int = 1,
    warmup: int = 20,
    schedule: str = "cosine",
    max_length: int = 0,
) -> None:
    """Tunes every weight on texts, or on prompts with completions, of which these are learned.

    max_length: tokens of a row, 0 for the model's context but at most 1,024.
    """
    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    parent = read_parent(assignment)
    beside = tokenizer_beside(parent.tokenizer)
    tuned = tune(assignment, parent, pace, max_length, beside)
    finish(assignment, parent, tuned, beside)


@prepared
def lora(
    assignment: Assignment,
    *,
    learning_rate: float = 2e-4,
    epochs: float = 1.0,
    steps: int = 0,
    batch: int = 16,
    accumulate: int = 1,
    warmup: int = 20,
    schedule: str = "cosine",
    max_length: int = 0,
    rank: int = 16,
    alpha: int = 32,
    target_modules: tuple[str, ...] = EVERYWHERE,
) -> None:
    """Trains an adapter of low rank (Hu et al. 2021, arXiv:2106.09685) and writes it alone.

    alpha: the adapter counts alpha / rank times. target_modules: layers it lies over, by
    the end of their names.
    """
    from peft import LoraConfig

    everywhere = tuple(target_modules) == EVERYWHERE
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=EVERYWHERE[0] if everywhere else list(target_modules),
        task_type="CAUSAL_LM",
    )
    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    _adapt(assignment, config, pace, max_length, layers=() if everywhere else target_modules)


@prepared
def prompt_tuning(
    assignment: Assignment,
    *,
    learning_rate: float = 3e-2,
    epochs: float = 1.0,
    steps: int = 0,
    batch: int = 16,
    accumulate: int = 1,
    warmup: int = 20,
    schedule: str = "cosine",
    max_length: int = 0,
    virtual_tokens: int = 20,
) -> None:
    """Learns vectors that stand before each prompt (Lester et al. 2021, arXiv:2104.08691), starting
    from those of tokens drawn from the vocabulary, and writes them alone."""
    from peft import PromptTuningConfig, PromptTuningInit

    config = PromptTuningConfig(
        task_type="CAUSAL_LM",
        num_virtual_tokens=virtual_tokens,
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
    )
    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    _adapt(assignment, config, pace, max_length, room=virtual_tokens)


def _adapt(
    assignment: Assignment,
    adapter: Any,
    pace: Pace,
    max_length: int,
    *,
    room: int = 0,
    layers: Sequence[str] = (),
) -> None:
    if assignment.parent is not None and assignment.parent.loader_args.get("peft"):
        raise ModelError(
            f"{assignment.parent.id} is an adapter itself, over which none is laid; use the recipe "
            "full, or start from its base"
        )
    parent = read_parent(assignment)
    known = {name.rpartition(".")[2] for name, _ in parent.model.named_modules() if name}
    for layer in layers:
        if layer not in known:
            raise UnknownNameError(f"layer of {assignment.parent.id}", layer, known)
    beside = base_named(parent.name)
    tuned = tune(assignment, parent, pace, max_length, beside, adapter=adapter, room=room)
    finish(assignment, parent, tuned, beside)


def tune(
    assignment: Assignment,
    parent: Parent,
    pace: Pace,
    max_length: int,
    beside: Beside,
    *,
    adapter: Any = None,
    room: int = 0,
) -> Any:
    """Trains on the rows by next-token prediction of what is to be learned; the model.

    room: tokens of the context that are taken already.
    """
    from trl import SFTConfig, SFTTrainer

    from zoo_trl.rows import tokenize

    longest = min(parent.longest(max_length), parent.context - room)
    tokenized = tokenize(assignment.rows, parent.tokenizer, parent.end_of_text, longest)
    for count, what in (
        (tokenized.cut, f"are longer than {longest} tokens and lose their end"),
        (tokenized.empty, "hold nothing to learn and are left out"),
        (tokenized.unanswered, "are conversations without an answer and are left out"),
        (tokenized.shortened, "go on after their last answer and are learned up to it"),
    ):
        if count:
            assignment.tell("note", {"text": f"{count} of {len(assignment.rows)} rows {what}"})
    return fit(
        SFTTrainer,
        configured(SFTConfig, assignment, pace, max_length=None),
        assignment,
        model=parent.model,
        tokenizer=parent.tokenizer,
        beside=beside,
        train_dataset=tokenized.rows,
        peft_config=adapter,
    )
