"""A causal LM small enough to be made on the spot: random weights, a byte-level tokenizer."""

from __future__ import annotations

from pathlib import Path

CONTEXT = 256
"""Longest sequence of the tiny models, in tokens."""

TEXT = (
    "the cat sat on the mat and the dog ran to the red house",
    "question: what is the colour of the sky? answer: blue",
    "one two three four five six seven eight nine ten",
)


def save_tokenizer(folder: Path, *, chat_template: str | None = None) -> None:
    """Trains a tokenizer that begins each text with BOS, and saves it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        chat_template=chat_template,
    ).save_pretrained(folder)


def save_model(folder: Path, *, seed: int = 0) -> None:
    """Saves a random Llama of some 40,000 parameters as safetensors."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=320,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        initializer_range=0.2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)


def save_checkpoint(folder: Path, *, seed: int = 0, chat_template: str | None = None) -> Path:
    """A whole checkpoint: model and tokenizer."""
    save_model(folder, seed=seed)
    save_tokenizer(folder, chat_template=chat_template)
    return folder
