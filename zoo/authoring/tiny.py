"""Models small enough to be made on the spot: random weights, a byte-level tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

Kind = Literal["causal", "encoder-decoder", "masked"]

CONTEXT = 256
"""Longest sequence of the tiny models, in tokens."""

TEXT = (
    "the cat sat on the mat and the dog ran to the red house",
    "question: what is the colour of the sky? answer: blue",
    "one two three four five six seven eight nine ten",
)

AROUND: dict[Kind, str] = {
    "causal": "<s> $A",
    "encoder-decoder": "$A </s>",
    "masked": "<s> $A </s>",
}
"""What stands around a text, as in Llama, T5 and RoBERTa."""


def save_tokenizer(
    folder: Path, *, chat_template: str | None = None, kind: Kind = "causal"
) -> None:
    """Trains a tokenizer that begins and ends texts as is usual with its kind, and saves it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>", "<pad>", *(["<mask>"] if kind == "masked" else [])],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=AROUND[kind],
        special_tokens=[
            (name, i) for i, name in enumerate(("<s>", "</s>")) if name in AROUND[kind]
        ],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=None if kind == "encoder-decoder" else "<s>",
        eos_token="</s>",
        pad_token="<pad>",
        mask_token="<mask>" if kind == "masked" else None,
        chat_template=chat_template,
    ).save_pretrained(folder)


def save_model(folder: Path, *, seed: int = 0, kind: Kind = "causal") -> None:
    """Saves a random model of some 40,000 parameters as safetensors: Llama, T5 or RoBERTa."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _model(kind).save_pretrained(folder, safe_serialization=True)


def _model(kind: Kind) -> Any:
    import transformers

    ids = {"vocab_size": 320, "eos_token_id": 1, "pad_token_id": 2}
    if kind == "encoder-decoder":
        return transformers.T5ForConditionalGeneration(
            transformers.T5Config(
                **ids,
                d_model=32,
                d_kv=8,
                d_ff=64,
                num_layers=2,
                num_heads=4,
                n_positions=CONTEXT,
                decoder_start_token_id=2,
                initializer_factor=2.0,
            )
        )
    sizes = {
        "bos_token_id": 0,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "initializer_range": 0.2,
    }
    if kind == "masked":
        # positions are counted from behind that of padding
        length = {"max_position_embeddings": CONTEXT + ids["pad_token_id"] + 1}
        return transformers.RobertaForMaskedLM(transformers.RobertaConfig(**ids, **sizes, **length))
    config = transformers.LlamaConfig(
        **ids, **sizes, num_key_value_heads=2, max_position_embeddings=CONTEXT
    )
    return transformers.LlamaForCausalLM(config)


def save_checkpoint(
    folder: Path, *, seed: int = 0, chat_template: str | None = None, kind: Kind = "causal"
) -> Path:
    """A whole checkpoint: model and tokenizer."""
    save_model(folder, seed=seed, kind=kind)
    save_tokenizer(folder, chat_template=chat_template, kind=kind)
    return folder
