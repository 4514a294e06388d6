"""Tiny checkpoints as tests change them: a chat template, an adapter, a weight that is none."""

from __future__ import annotations

from pathlib import Path

from zoo.authoring.tiny import CONTEXT, save_checkpoint, save_model, save_tokenizer

__all__ = ["CHAT_TEMPLATE", "CONTEXT", "save_checkpoint", "save_model", "save_tokenizer"]

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}]{{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant]"
    "{% if enable_thinking %}<think>{% endif %}{% endif %}"
)
"""Holds BOS, as Llama's does, so that encoding its text must not add another."""


def save_adapter(folder: Path, base: Path, *, kind: str = "lora", seed: int = 0) -> Path:
    """An adapter whose weights change what its base says. kind: lora, ia3, prompt or prefix."""
    import torch
    from peft import (
        IA3Config,
        LoraConfig,
        PeftConfig,
        PrefixTuningConfig,
        PromptTuningConfig,
        get_peft_model,
    )
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    configs: dict[str, PeftConfig] = {
        "lora": LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False),
        "ia3": IA3Config(
            target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"]
        ),
        "prompt": PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
        "prefix": PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
    }
    model = get_peft_model(LlamaForCausalLM.from_pretrained(base), configs[kind])
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "ia3" in name:  # it begins at one, which changes nothing
                weight.add_(torch.rand_like(weight))
    model.save_pretrained(folder)
    return folder


def change_weights(folder: Path, change: float) -> None:
    """Sets one weight of a checkpoint (nan, say) and saves it again."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"][3] = change
    save_file(tensors, path, metadata={"format": "pt"})
