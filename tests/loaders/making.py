"""Tiny checkpoints of several architectures, each with the tokenizer that is usual for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from zoo.authoring.tiny import TEXT, save_tokenizer

SIZES: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "pad_token_id": 2,
}

WORDPIECE = ("Bert", "Electra", "DistilBert", "DebertaV2")
"""Those that are given BERT's tokenizer; the others have RoBERTa's."""


def save_masked(folder: Path, architecture: str = "Bert", *, head: str = "ForMaskedLM") -> Path:
    """A random masked language model. head: of the class it is saved from."""
    own: dict[str, Any] = {
        "DistilBert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
        "DebertaV2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        "ModernBert": {"cls_token_id": 0, "sep_token_id": 1, "bos_token_id": 0, "eos_token_id": 1},
    }.get(architecture, {})
    config = getattr(transformers, f"{architecture}Config")(**{**SIZES, **own})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = getattr(transformers, f"{architecture}{head}")(config)
    model.save_pretrained(folder, safe_serialization=True)
    if architecture in WORDPIECE:
        save_wordpiece(folder)
    else:
        save_tokenizer(folder, kind="masked")
    return folder


def save_wordpiece(folder: Path) -> None:
    """BERT's tokenizer over a few words and all letters: other words have several pieces."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )

    special = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([*TEXT * 4, "a b c d e f g h i j k l m n o p q r s t"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    ).save_pretrained(folder)


def save_bart(folder: Path) -> Path:
    """A random encoder-decoder whose positions are counted from the left, unlike T5's."""
    config = transformers.BartConfig(
        vocab_size=320,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=128,
        init_std=0.3,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        decoder_start_token_id=1,
        forced_eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.BartForConditionalGeneration(config)
    model.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(folder, kind="encoder-decoder")
    return folder


def instances(kind: str, *arguments: tuple[Any, ...]) -> list[Any]:
    """Requests as lm-eval makes them."""
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, each, number) for number, each in enumerate(arguments)]
