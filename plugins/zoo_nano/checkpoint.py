"""The tokenizer and the empty model, and how a checkpoint folder is written."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_nano.world.documents import documents
from zoo_nano.world.reports import draw_report

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

CONTEXT = 256
VOCABULARY = 2048
PAD, BOS, EOS = "<pad>", "<s>", "</s>"
USER, ASSISTANT, END_OF_TURN = "<|user|>", "<|assistant|>", "<|end|>"

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %} {{ message['content'] }}<|end|>{% endgeneration %}\n"
    "{% elif message['role'] == 'user' %}<|user|> {{ message['content'] }}\n"
    "{% else %}{{ message['content'] }}\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Mirrors "Question: ...\\nAnswer: ..." line by line: what was learned there carries over."""

TOKENIZER_SETTINGS = (
    "bos_token",
    "clean_up_tokenization_spaces",
    "eos_token",
    "model_input_names",
    "model_max_length",
    "pad_token",
    "padding_side",
)

MEANING = {USER: "Question", ASSISTANT: "Answer", END_OF_TURN: EOS}
"""Tokens never seen in pretraining, and the ones whose embeddings they start from."""


def train_tokenizer(rng: random.Random, sample: int = 12_000) -> PreTrainedTokenizerFast:
    """A byte-level BPE of `VOCABULARY` tokens with single digits, trained on a sample of text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    text = list(islice(documents(rng), sample))
    text += [draw_report(rng).text for _ in range(sample // 20)]
    core.train_from_iterator(
        text,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[PAD, BOS, EOS, USER, ASSISTANT, END_OF_TURN],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    core.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, core.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        model_max_length=CONTEXT,
        model_input_names=["input_ids", "attention_mask"],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of 1.6 million parameters, freshly initialised."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=160,
            intermediate_size=448,
            num_hidden_layers=4,
            num_attention_heads=5,
            num_key_value_heads=5,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def load(folder: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A checkpoint in full precision, ready to be trained, with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)


def save(model, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:  # type: ignore[no-untyped-def]
    """Write a checkpoint in half precision; a chat model ends its turns with `END_OF_TURN`."""
    generation = model.generation_config
    generation.bos_token_id = tokenizer.bos_token_id
    generation.pad_token_id = tokenizer.pad_token_id
    generation.eos_token_id = tokenizer.eos_token_id
    model.config.eos_token_id = tokenizer.eos_token_id
    if tokenizer.chat_template:
        ends = [tokenizer.convert_tokens_to_ids(END_OF_TURN), tokenizer.convert_tokens_to_ids(EOS)]
        generation.eos_token_id = model.config.eos_token_id = ends
    model.config.use_cache = True  # the trainers of TRL leave it off
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    tidy(folder)


def tidy(folder: Path) -> None:
    """Make a tokenizer's settings readable by older releases of transformers."""
    path = folder / "tokenizer_config.json"
    kept = {k: v for k, v in json.loads(path.read_text()).items() if k in TOKENIZER_SETTINGS}
    kept["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(kept, indent=2) + "\n")
