"""A model that sees, small enough to be made on the spot: random weights, images of 16 by 16."""

from __future__ import annotations

from pathlib import Path

from zoo.authoring.tiny import CONTEXT, save_tokenizer

SIDE, PATCH = 16, 8
"""Pixels of an image's side, and of those of its patches."""

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{% for part in message.content %}"
    "{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""A chat template that takes each message in parts, and nothing else."""


def save_seeing(folder: Path, *, seed: int = 0, chat_template: str | None = CHAT) -> Path:
    """A whole checkpoint of some 50,000 parameters: LLaVA with its processor. Needs Pillow."""
    import torch
    import transformers

    save_tokenizer(folder)
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    sizes = {
        "intermediate_size": 64,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    eyes = transformers.CLIPVisionConfig(
        **sizes, image_size=SIDE, patch_size=PATCH, projection_dim=32
    )
    text = transformers.LlamaConfig(
        **sizes,
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.2,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    config = transformers.LlavaConfig(
        vision_config=eyes.to_dict(),
        text_config=text.to_dict(),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlavaForConditionalGeneration(config)
    model.save_pretrained(folder, safe_serialization=True)
    side = {"height": SIDE, "width": SIDE}
    transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessor(
            size={"shortest_edge": SIDE}, crop_size=side
        ),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # CLIP's own, which the strategy drops
        chat_template=chat_template,
    ).save_pretrained(folder)
    return folder
