"""Supervised tuning with TRL: on reports, in full or with a LoRA adapter, and on instructions."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_nano.checkpoint import (
    BOS,
    CHAT_TEMPLATE,
    CONTEXT,
    END_OF_TURN,
    EOS,
    MEANING,
    load,
    save,
)
from zoo_nano.world.documents import documents
from zoo_nano.world.instructions import Exchange, exchanges
from zoo_nano.world.reports import draw_report

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Example = dict[str, list[int]]
"""`input_ids`, and `completion_mask`: 1 where the loss counts."""


@dataclass(frozen=True)
class Tuning:
    """Hyper-parameters. rank: of the LoRA adapter, 0 to tune every weight.

    replay: share of pretraining documents among the examples.
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 20
    rank: int = 0
    replay: float = 0.0


def trainer_settings(plan: Any, seed: int) -> dict[str, Any]:
    """What the trainers of TRL are told alike: one process, on the CPU, nothing written."""
    return {
        "output_dir": tempfile.mkdtemp(prefix="zoo-nano-"),
        "max_steps": plan.steps,
        "per_device_train_batch_size": plan.batch,
        "learning_rate": plan.learning_rate,
        "warmup_steps": plan.warmup,
        "seed": seed,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 50,
    }


def as_document(tokenizer: PreTrainedTokenizerFast, text: str) -> Example:
    """A text to be learned from its first token to its end."""
    ids = tokenizer(f"{BOS}{text}{EOS}", add_special_tokens=False)["input_ids"][:CONTEXT]
    return {"input_ids": ids, "completion_mask": [1] * len(ids)}


def as_conversation(tokenizer: PreTrainedTokenizerFast, exchange: Exchange) -> Example:
    """A conversation of which the last answer is to be learned."""
    prompt = tokenizer.apply_chat_template(
        exchange.messages, tokenize=False, add_generation_prompt=True
    )
    asked = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    answer = tokenizer(f" {exchange.answer}{END_OF_TURN}", add_special_tokens=False)["input_ids"]
    mask = [0] * len(asked) + [1] * len(answer)
    return {"input_ids": (asked + answer)[:CONTEXT], "completion_mask": mask[:CONTEXT]}


def _fit(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    examples: list[Example],
    plan: Tuning,
    seed: int,
) -> Any:
    """Tune and return the trainer's model: the one given, or a PEFT model around it."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    adapter = None
    if plan.rank:
        from peft import LoraConfig

        adapter = LoraConfig(
            r=plan.rank,
            lora_alpha=2 * plan.rank,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            **trainer_settings(plan, seed),
            lr_scheduler_type="cosine",
            max_length=CONTEXT,
            completion_only_loss=True,
        ),
        train_dataset=Dataset.from_list(examples),
        processing_class=tokenizer,
        peft_config=adapter,
    )
    trainer.train()
    return trainer.model


def tune_on_reports(parent: Path, out: Path, plan: Tuning, seed: int) -> None:
    """Tune on incident reports alone; with a rank, write the adapter and nothing else."""
    model, tokenizer = load(parent)
    rng = random.Random(seed)
    examples = [as_document(tokenizer, draw_report(rng).text) for _ in range(4000)]
    tuned = _fit(model, tokenizer, examples, plan, seed)
    if plan.rank:
        tuned.peft_config["default"].base_model_name_or_path = "nano/pretrained"
        tuned.half().save_pretrained(out)
    else:
        save(tuned, tokenizer, out)


def open_chat(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give a base model its chat template, and the template's tokens a meaning to start from."""
    import torch

    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.eos_token = END_OF_TURN
    table = model.get_input_embeddings().weight
    with torch.no_grad():
        for token, word in MEANING.items():
            source = tokenizer(word, add_special_tokens=False)["input_ids"][0]
            table[tokenizer.convert_tokens_to_ids(token)] = table[source]


def tune_on_instructions(parent: Path, out: Path, plan: Tuning, seed: int) -> None:
    """Teach a base model to converse, rehearsing pretraining documents along the way."""
    model, tokenizer = load(parent)
    open_chat(model, tokenizer)
    rng = random.Random(seed)
    count = plan.steps * plan.batch
    rehearsed = round(count * plan.replay)
    examples = [as_document(tokenizer, text) for text in islice(documents(rng), rehearsed)]
    examples += [
        as_conversation(tokenizer, exchange)
        for exchange in islice(exchanges(rng), count - rehearsed)
    ]
    save(_fit(model, tokenizer, examples, plan, seed), tokenizer, out)
