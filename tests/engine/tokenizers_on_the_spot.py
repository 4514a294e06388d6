"""Real tokenizers of several kinds, trained on a few lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

TEXT = (
    "the cat sat on the mat and the dog ran to the red house\n\nAnswer: B\n",
    "Question: what is the colour of the sky?\nA. blue\nB. 12 345\nAnswer: blue",
    "naïve café — über, 文字 한국어 русский; don't, we'll, I'm\t\tone two  three",
    "def f():\n        return    1\n        x   = 2  \n\n\n"
    "            y    = 3    \n    z  = 4    \n",
)
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "[CLS]", "[SEP]"]


def _wrapped(tokenizer: Any, template: str | None, **tokens: str) -> Any:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    if template:
        names = [name for name in SPECIAL if name in template]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[(name, tokenizer.token_to_id(name)) for name in names]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", **tokens)


def _trained(model: Any, trainer: Any, pre_tokenizer: Any, decoder: Any, normalizer: Any) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoder
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(TEXT * 4, trainer)
    return tokenizer


def _byte_level(pre_tokenizer: Any = None, normalizer: Any = None) -> Any:
    from tokenizers import decoders, models, pre_tokenizers, trainers

    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    step = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    return _trained(models.BPE(), trainer, step, decoders.ByteLevel(), normalizer)


def byte_level_with_bos() -> Any:
    return _wrapped(_byte_level(), "<s> $A", bos_token="<s>", eos_token="</s>")


def byte_level_without_bos() -> Any:
    return _wrapped(_byte_level(), None, eos_token="</s>")


def llama_3_like() -> Any:
    from tokenizers import Regex, pre_tokenizers

    from zoo.engine.boundaries import _CL100K

    steps = [
        pre_tokenizers.Split(Regex(_CL100K[0]), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    inner = _byte_level(pre_tokenizers.Sequence(steps))
    return _wrapped(inner, "<s> $A </s>", bos_token="<s>", eos_token="</s>")


def digits_and_nfc() -> Any:
    from tokenizers import normalizers, pre_tokenizers

    steps = [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Punctuation(),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ]
    inner = _byte_level(pre_tokenizers.Sequence(steps), normalizers.NFC())
    return _wrapped(inner, "<s> $A", bos_token="<s>", eos_token="</s>")


def o200k_like() -> Any:
    from tokenizers import Regex, pre_tokenizers

    from zoo.engine.boundaries import _O200K

    steps = [
        pre_tokenizers.Split(Regex(_O200K[0]), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    return _wrapped(_byte_level(pre_tokenizers.Sequence(steps)), None, eos_token="</s>")


def byte_level_with_prefix_space() -> Any:
    from tokenizers import pre_tokenizers

    inner = _byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    return _wrapped(inner, "<s> $A", bos_token="<s>", eos_token="</s>")


def _metaspace(scheme: str, *, split: bool) -> Any:
    from tokenizers import decoders, models, pre_tokenizers, trainers

    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    step = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    decoder = decoders.Metaspace(prepend_scheme=scheme)
    inner = _trained(models.BPE(unk_token="<unk>"), trainer, step, decoder, None)
    return _wrapped(inner, "<s> $A", bos_token="<s>", eos_token="</s>")


def metaspace() -> Any:
    return _metaspace("first", split=True)


def metaspace_always() -> Any:
    return _metaspace("always", split=True)


def metaspace_whole() -> Any:
    """As Llama 2: the whole text is one word, and nothing may be cut."""
    return _metaspace("first", split=False)


def wordpiece() -> Any:
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    inner = _trained(
        models.WordPiece(unk_token="<unk>"),
        trainer,
        pre_tokenizers.BertPreTokenizer(),
        decoders.WordPiece(),
        normalizers.BertNormalizer(),
    )
    return _wrapped(inner, "[CLS] $A [SEP]", bos_token="[CLS]", eos_token="[SEP]")


def with_wide_added_token() -> Any:
    """An added token across the place where a cut would be."""
    tokenizer = byte_level_with_bos()
    tokenizer.add_tokens(["mat and"])
    return tokenizer


KINDS: dict[str, Callable[[], Any]] = {
    make.__name__: lru_cache(make)
    for make in (
        byte_level_with_bos,
        byte_level_without_bos,
        llama_3_like,
        o200k_like,
        digits_and_nfc,
        byte_level_with_prefix_space,
        metaspace,
        metaspace_always,
        metaspace_whole,
        wordpiece,
        with_wide_added_token,
    )
}
"""Each made once."""
