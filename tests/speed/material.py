"""What the speed scripts run on: a tokenizer trained on the spot, random models, running text."""

from __future__ import annotations

import os
import platform
import random
import re
import sysconfig
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

VOCABULARY = 32_000

_SMALL = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8}
_SMALL |= {"num_attention_heads": 6, "num_key_value_heads": 2}
_MEDIUM = {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12}
_MEDIUM |= {"num_attention_heads": 12, "num_key_value_heads": 4}
_LARGE = {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
_LARGE |= {"num_attention_heads": 32, "num_key_value_heads": 8}

SHAPES: dict[str, dict[str, int]] = {
    "25m": {**_SMALL, "vocab_size": VOCABULARY},
    "62m": {**_SMALL, "vocab_size": 128_256},
    "100m": {**_MEDIUM, "vocab_size": VOCABULARY},
    "8b": {**_LARGE, "vocab_size": 128_256},
}
"""Of the random Llama models, by name."""


@lru_cache(maxsize=1)
def sources() -> list[str]:
    """Python's own standard library: text that every machine has."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for path in folder.glob("**/*.py") if "site-packages" not in path.parts)
    return [file.read_text(errors="ignore") for file in files[:1500]]


@lru_cache(maxsize=1)
def words() -> list[str]:
    """Words in the order in which they run."""
    return re.findall(r"[A-Za-z]{2,12}", "\n".join(sources()[:300]))


def text(source: random.Random, count: int) -> str:
    """A stretch of so many running words."""
    start = source.randrange(len(words()) - count)
    return " ".join(words()[start : start + count])


def text_of(source: random.Random, tokens: int) -> str:
    """A stretch of about so many tokens."""
    encoded = tokenizer()(text(source, tokens), add_special_tokens=False).input_ids
    return str(tokenizer().decode(encoded[:tokens])).strip()


@lru_cache(maxsize=1)
def tokenizer() -> Any:
    """A byte-level BPE of 32k with BOS, trained once and kept in the temporary folder."""
    from transformers import AutoTokenizer

    folder = Path(tempfile.gettempdir()) / f"stagezoo-speed-tokenizer-{os.getuid()}"
    if not (folder / "tokenizer.json").is_file():
        _train().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def _train() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(sources(), trainer)
    trained.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def model(size: str, *, seed: int = 0, device: str = "cpu", dtype: str = "float32") -> Any:
    """A random Llama of one of the SHAPES."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        **SHAPES[size],
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
        initializer_range=0.05,
    )
    with torch.device(device):
        return LlamaForCausalLM(config).to(getattr(torch, dtype)).eval()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    import torch
    import transformers

    return {
        "machine": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
