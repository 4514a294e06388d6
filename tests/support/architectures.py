"""Tiny checkpoints of the architectures that the catalogue's models have, with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.checkpoints import CHAT_TEMPLATE, save_adapter, save_tokenizer
from zoo.authoring.tiny import Kind

TINY: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 32,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
    "initializer_range": 0.2,
}
DECODERS: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Olmo2": {},
    "Qwen2": {},
    "Qwen3": {"head_dim": 8},
    "Gemma2": {"head_dim": 8, "sliding_window": 48},
    "Gemma3Text": {"head_dim": 8, "sliding_window": 48},
    "Mistral": {"sliding_window": 48},
    "Falcon": {"alibi": False},
    "GPTNeoX": {},
    "SmolLM3": {},
}
"""Architectures of the catalogue by the name of their configuration's class. Falcon 3 is a Llama,
OLMo 3 came after the oldest transformers that is allowed."""
KINDS: dict[str, Kind] = {"T5": "encoder-decoder", "Bert": "masked"}
"""Those that are no decoders."""


@cache
def tiny(architecture: str, *, seed: int = 0, chat: bool = False, card: str = "") -> dict[str, Any]:
    """Files of a checkpoint by name. architecture: of DECODERS, or T5, Bert or Classifier.

    card: the front matter of its card.
    """
    import torch
    import transformers

    more = DECODERS.get(architecture, {})
    config: Any
    kind: Any
    if architecture == "T5":
        sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
        config = transformers.T5Config(
            vocab_size=320, **sizes, pad_token_id=2, eos_token_id=1, decoder_start_token_id=2
        )
        kind = transformers.T5ForConditionalGeneration
    elif architecture == "Bert":
        config, kind = transformers.BertConfig(**TINY), transformers.BertForMaskedLM
    elif architecture == "Classifier":
        config, kind = transformers.BertConfig(**TINY), transformers.BertForSequenceClassification
    else:
        config = getattr(transformers, f"{architecture}Config")(**{**TINY, **more})
        kind = transformers.AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]), TemporaryDirectory() as place:
        torch.manual_seed(seed)
        made = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
        folder = Path(place)
        made.save_pretrained(folder, safe_serialization=True)
        template = CHAT_TEMPLATE if chat else None
        save_tokenizer(folder, chat_template=template, kind=KINDS.get(architecture, "causal"))
        files: dict[str, Any] = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert "architectures" in json.loads(files["config.json"])
    return {**files, "README.md": f"---\n{card}\n---\n# Tiny\n"} if card else files


def adapter_over(base: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files of an adapter that names its base by an id. files: of the base, a Llama."""
    with TemporaryDirectory() as place:
        below, over = Path(place) / "base", Path(place) / "adapter"
        below.mkdir()
        for name, data in files.items():
            (below / name).write_bytes(data)
        save_adapter(over, below)
        found = {each.name: each.read_bytes() for each in over.iterdir() if each.is_file()}
    settings = json.loads(found["adapter_config.json"])
    found["adapter_config.json"] = json.dumps(
        {**settings, "base_model_name_or_path": base}
    ).encode()
    card = f"---\nbase_model: {base}\nlibrary_name: peft\n---\n"
    return {**found, "README.md": card.encode()}
