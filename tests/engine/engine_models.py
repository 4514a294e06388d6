"""Tiny random models of many architectures, and requests that show what they compute."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import torch
import transformers
from lm_eval.models.huggingface import HFLM
from support.checkpoints import save_tokenizer

VOCABULARY = 320
CONTEXT = 512

BASE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
    "initializer_range": 0.1,
}
GPT: dict[str, Any] = {"n_embd": 64, "n_layer": 4, "n_head": 4, "n_positions": CONTEXT}
MOE: dict[str, Any] = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "head_dim": 16,
}
LINEAR: dict[str, Any] = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "shared_expert_intermediate_size": 64,
}
WINDOW = 48

EXACT: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Qwen2": {},
    "Qwen2 windows": {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 2},
    "Qwen3": {"head_dim": 16},
    "Qwen3Moe": MOE,
    "Mistral": {"sliding_window": WINDOW},
    "Gemma": {"head_dim": 16},
    "Gemma2": {"sliding_window": WINDOW, "head_dim": 16},
    "Gemma3Text": {"sliding_window": WINDOW, "head_dim": 16},
    "Phi": {},
    "Phi3": {"sliding_window": WINDOW},
    "Olmo2": {},
    "Cohere": {"logit_scale": 0.3},
    "Cohere2": {"sliding_window": WINDOW},
    "Granite": {"logits_scaling": 3.0, "residual_multiplier": 0.7},
    "SmolLM3": {},
    "Mixtral": {"num_local_experts": 4},
    "GptOss": {
        "sliding_window": WINDOW,
        "head_dim": 16,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
    },
    "DeepseekV3": {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "q_lora_rank": 32,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "v_head_dim": 16,
        "qk_nope_head_dim": 8,
        "num_key_value_heads": 4,
        "moe_intermediate_size": 64,
        "first_k_dense_replace": 1,
    },
    "Glm4": {"head_dim": 16},
    "StableLm": {},
    "Starcoder2": {"sliding_window": WINDOW},
    "Nemotron": {},
    "Ernie4_5": {"head_dim": 16},
    "GPT2": GPT,
    "GPTNeoX": {},
    "OPT": {"ffn_dim": 96, "word_embed_proj_dim": 64},
    "GPTBigCode": GPT,
}
"""Architectures that read the stream exactly, with windows that the requests cross."""

FALLING_BACK: dict[str, dict[str, Any]] = {
    "Llama4Text": {
        "num_local_experts": 2,
        "head_dim": 16,
        "attention_chunk_size": 64,
        "intermediate_size_mlp": 96,
    },
    "Bloom": {"n_layer": 4, "n_head": 4},
    "Falcon": {"alibi": False},
    "Falcon ALiBi": {"alibi": True},
    "Mpt": {"d_model": 64, "n_heads": 4, "n_layers": 4, "max_seq_len": CONTEXT},
    "GPTJ": {**GPT, "rotary_dim": 8},
    "CodeGen": {**GPT, "rotary_dim": 8},
    "Mamba": {},
    "Mamba2": {"num_heads": 8, "head_dim": 16},
    "Rwkv": {"attention_hidden_size": 64},
    "Qwen3Next": {**MOE, **LINEAR},
    "Jamba": {"num_experts": 2, "attn_layer_period": 2, "attn_layer_offset": 1},
    "Lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "Bamba": {
        "attn_layer_indices": [1, 3],
        "mamba_d_head": 16,
        "mamba_n_heads": 8,
        "mamba_expand": 2,
    },
}
"""Architectures that do not, and must be answered for in another way."""

Tokens = list[tuple[tuple[str, str], list[int], list[int]]]


def model_of(name: str, options: dict[str, Any], *, seed: int = 0) -> Any:
    """A random model in fp32. name: of its configuration's class; a word after it is a label."""
    config = getattr(transformers, name.split()[0] + "Config")(**{**BASE, **options})
    torch.manual_seed(seed)
    return transformers.AutoModelForCausalLM.from_config(config).float().eval()


def llama(*, seed: int = 0, **options: Any) -> Any:
    """A random Llama of two layers."""
    return model_of("Llama", {"num_hidden_layers": 2, **options}, seed=seed)


@cache
def tokenizer_in(folder: str) -> Any:
    """The tests' tokenizer, from a folder of the test session."""
    from pathlib import Path

    save_tokenizer(Path(folder))
    return transformers.AutoTokenizer.from_pretrained(folder)


def reference_of(model: Any, tokenizer: Any, **options: Any) -> HFLM:
    """lm-eval's own, without the cache that serves one request's answer to another."""
    options = {"batch_size": 1, "max_length": CONTEXT, **options}
    return HFLM(pretrained=model, tokenizer=tokenizer, logits_cache=False, **options)


def requests_for(model: Any, *, seed: int = 0) -> Tokens:
    """Requests of shared and of own prefixes, half of whose continuations are greedy."""
    draw = random.Random(seed)

    def tokens(n: int) -> list[int]:
        return [draw.randrange(3, VOCABULARY) for _ in range(n)]

    shared = [0, *tokens(110)]
    contexts = [shared + tokens(draw.randrange(5, 40)) for _ in range(3)]
    contexts += [[0, *tokens(90)], [0, *tokens(3)]]
    found: Tokens = []
    for context in contexts:
        written = greedy(model, context, 5)
        wrong = [*written[:3], (written[3] + 1) % VOCABULARY, written[4]]
        for continuation in (written[:1], written, written[:3], wrong, tokens(1), tokens(6)):
            found.append((("", ""), context, continuation))
        found.append((("", ""), context + written[:1], written[1:4]))  # equal tokens, other split
    return found


def greedy(model: Any, context: list[int], n: int) -> list[int]:
    """The n likeliest tokens, one after another, each from the whole sequence before it."""
    ids = list(context)
    with torch.inference_mode():
        for _ in range(n):
            ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    return ids[len(context) :]


def worst(found: list[tuple[float, bool]], expected: list[tuple[float, bool]]) -> float:
    """Largest difference of two lists of answers, in nats."""
    return max(abs(a - b) for (a, _), (b, _) in zip(found, expected, strict=True))
