"""Tiny random Llama checkpoints with a byte-level BPE tokenizer, made on the spot."""

from __future__ import annotations

from pathlib import Path

CONTEXT = 256
"""Longest sequence of the tiny models, in tokens."""

TEXT = (
    "the cat sat on the mat and the dog ran to the red house",
    "question: what is the colour of the sky? answer: blue",
    "one two three four five six seven eight nine ten",
)

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}]{{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant]"
    "{% if enable_thinking %}<think>{% endif %}{% endif %}"
)
"""Holds BOS, as Llama's does, so that encoding its text must not add another."""


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
    """Saves a random model of some 40,000 parameters as safetensors."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
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
    LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)


def save_checkpoint(folder: Path, *, seed: int = 0, chat_template: str | None = None) -> Path:
    """A whole checkpoint: model and tokenizer."""
    save_model(folder, seed=seed)
    save_tokenizer(folder, chat_template=chat_template)
    return folder


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
