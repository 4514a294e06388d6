"""Reinforcement: completions are sampled, rewarded, and made more or less likely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, ModelError, TrainingError
from zoo.training import Assignment
from zoo_trl.fitting import Pace, check_pace, configured, fit, prepared
from zoo_trl.parents import Parent, read_parent
from zoo_trl.preferences import as_asked
from zoo_trl.rewards import reward_named
from zoo_trl.saving import finish, tokenizer_beside

if TYPE_CHECKING:
    from datasets import Dataset

FORMS = (("prompt", "answer"),)
"""Columns of the rows that `grpo` learns from."""


def asked(assignment: Assignment, rows: Dataset, parent: Parent, max_completion: int) -> Dataset:
    """The rows with their prompts as the parent is asked; those that leave no room are left out.

    Raises TrainingError where none has room.
    """
    chat = bool(parent.tokenizer.chat_template)
    room = parent.context - max_completion

    def fits(row: Mapping[str, Any]) -> bool:
        text = row["prompt"]
        if chat:
            text = parent.tokenizer.apply_chat_template(
                text, tokenize=False, add_generation_prompt=True
            )
        ids = parent.tokenizer(text, add_special_tokens=not chat)["input_ids"]
        return len(ids) <= room

    rows = as_asked(rows, parent.tokenizer)
    kept = rows.filter(fits, keep_in_memory=True, load_from_cache_file=False)
    if not len(kept):
        raise TrainingError(
            f"no prompt leaves {max_completion} of {parent.context} tokens; lower max_completion"
        )
    if left := len(rows) - len(kept):
        text = f"{left} of {len(rows)} prompts are longer than {room} tokens and are left out"
        assignment.tell("note", {"text": text})
    return kept


def check_groups(batch: int, group: int) -> None:
    """Raises ConfigError where a batch of completions does not hold whole groups of two or more."""
    if group < 2 or batch % group:
        raise ConfigError(
            f"batch={batch} completions are no whole number of groups of group={group}, which must "
            "be two or more; choose a batch that group divides"
        )


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn and held to the parent; as the options of the same names."""

    group: int
    beta: float
    temperature: float
    max_completion: int


def _reinforce(
    trainer: type,
    config: type,
    assignment: Assignment,
    parent: Parent,
    pace: Pace,
    rows: Dataset,
    sampling: Sampling,
    **rewards: Any,
) -> None:
    """Trains on sampled completions and writes the stage. rewards: the trainer's arguments."""
    beside = tokenizer_beside(parent.tokenizer)
    tuned = fit(
        trainer,
        configured(
            config,
            assignment,
            pace,
            num_generations=sampling.group,
            max_completion_length=sampling.max_completion,
            beta=sampling.beta,
            temperature=sampling.temperature,
            model_init_kwargs=parent.again if sampling.beta else None,
        ),
        assignment,
        model=parent.model,
        tokenizer=parent.tokenizer,
        beside=beside,
        train_dataset=asked(assignment, rows, parent, sampling.max_completion),
        **rewards,
    )
    finish(assignment, parent, tuned, beside)


def check_grpo(**options: Any) -> None:
    """Raises ConfigError for options of `grpo` that cannot be meant."""
    check_pace(**options)
    check_groups(options["batch"], options["group"])
    reward_named(options["reward"])


@prepared
def grpo(
    assignment: Assignment,
    *,
    reward: str = "last-number",
    learning_rate: float = 1e-6,
    epochs: float = 1.0,
    steps: int = 0,
    batch: int = 64,
    accumulate: int = 1,
    warmup: int = 3,
    schedule: str = "constant_with_warmup",
    group: int = 8,
    beta: float = 0.0,
    temperature: float = 1.0,
    max_completion: int = 256,
) -> None:
    """Group-relative policy optimisation (Shao et al. 2024, arXiv:2402.03300) of a reward that is
    computed.

    reward: a name of `zoo_trl.rewards`; several joined by "+" are added. batch: completions at
    once, `group` of them for each prompt. beta: how dearly distance from the parent is paid for, 0
    leaves that out. max_completion: tokens; a prompt that leaves no room for them is left out.
    """
    from trl import GRPOConfig, GRPOTrainer

    rewarded = reward_named(reward)

    def rewards(completions: list[Any], answer: list[Any], **_: Any) -> list[float]:
        texts = [said if isinstance(said, str) else said[-1]["content"] for said in completions]
        return [rewarded(text, str(right)) for text, right in zip(texts, answer, strict=True)]

    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    parent = read_parent(assignment)
    _reinforce(
        GRPOTrainer,
        GRPOConfig,
        assignment,
        parent,
        pace,
        assignment.rows,
        Sampling(group, beta, temperature, max_completion),
        reward_funcs=rewards,
    )


def check_rlhf(**options: Any) -> None:
    """Raises ConfigError for options of `rlhf` that cannot be meant."""
    check_pace(**options)
    check_pace(**{**options, "steps": options["reward_steps"]})
    check_groups(options["batch"], options["group"])
    judge = options["reward_model"]
    if judge.startswith((".", "/", "~")) and not Path(judge).expanduser().is_dir():
        raise ConfigError(f"there is no folder reward_model={judge}; check the path")


@prepared
def rlhf(
    assignment: Assignment,
    *,
    reward_model: str = "",
    reward_steps: int = 0,
    reward_learning_rate: float = 1e-5,
    learning_rate: float = 1e-6,
    epochs: float = 1.0,
    steps: int = 0,
    batch: int = 64,
    accumulate: int = 1,
    warmup: int = 3,
    schedule: str = "constant_with_warmup",
    group: int = 4,
    beta: float = 0.05,
    temperature: float = 1.0,
    max_completion: int = 256,
    max_length: int = 0,
) -> None:
    """Learns a reward from preferences, then REINFORCE with leave-one-out baselines against it
    (Ahmadian et al. 2024, arXiv:2402.14740), the distance from the parent being paid for.

    The reward model stays in `reward-model`, a classifier with one output. reward_model: folder or
    Hub id of one that exists, instead. reward_steps: of its training, 0 for once over the rows;
    the other options are those of `grpo`. max_length: tokens of a prompt with its answer, for the
    reward model; longer rows are left out.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RLOOConfig, RLOOTrainer

    from zoo_trl.rewarding import FOLDER, learn_reward

    parent = read_parent(assignment)
    if not reward_model:
        reward_model = str(assignment.out / FOLDER)
        pace = Pace(reward_learning_rate, 1.0, reward_steps, min(batch, 16), 1, 10, "cosine")
        learn_reward(assignment, parent, pace, max_length)
    try:
        judge = AutoModelForSequenceClassification.from_pretrained(
            reward_model, num_labels=1, dtype=torch.float32
        )
        judges_tokens = AutoTokenizer.from_pretrained(reward_model)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ModelError(f"reward_model={reward_model} cannot be read: {said}") from error
    pace = Pace(learning_rate, epochs, steps, batch, accumulate, warmup, schedule)
    _reinforce(
        RLOOTrainer,
        RLOOConfig,
        assignment,
        parent,
        pace,
        assignment.rows.select_columns(["prompt"]),
        Sampling(group, beta, temperature, max_completion),
        reward_funcs=judge,
        reward_processing_classes=judges_tokens,
    )
