"""What the speed scripts run on: a tokenizer trained on the spot, random models, running text."""

from __future__ import annotations

import os
import platform
import random
import re
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

SIZES = {
    "25m": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8,
            "num_attention_heads": 6, "num_key_value_heads": 2},
    "100m": {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12,
             "num_attention_heads": 12, "num_key_value_heads": 4},
}  # fmt: skip
"""Shapes of the random Llama models."""

VOCABULARY = 32_000


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
    """A stretch of running words."""
    start = source.randrange(len(words()) - count)
    return " ".join(words()[start : start + count])


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


def model(size: str, *, vocabulary: int = VOCABULARY, seed: int = 0, device: str = "cpu") -> Any:
    """A random Llama in fp32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
        initializer_range=0.05,
        **SIZES[size],
    )
    return LlamaForCausalLM(config).to(device).eval()


def hflm(model: Any, tokenizer: Any, batch_size: int) -> Any:
    """lm-eval's HFLM over a model, the reference."""
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size, logits_cache=False)


def timed(runs: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, list[float]], dict]:
    """Seconds of each run, in turn, `rounds` times, and what each gave."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    given: dict[str, Any] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            given[name] = run()
            seconds[name].append(time.perf_counter() - started)
    return seconds, given


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


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)
