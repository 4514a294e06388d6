"""Kinds of language models, as a config.json tells them: encoder-decoder, masked, causal, and those
that see.

A checkpoint is of one kind. What reads one kind as another gives numbers that mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_encoder_decoder(config: Mapping[str, Any]) -> bool:
    """Whether a text is read by an encoder and answered by a decoder, as in T5 and BART."""
    return config.get("is_encoder_decoder") is True


def is_masked(config: Mapping[str, Any]) -> bool:
    """Whether each token is seen by all others, as in BERT, and gaps are what is predicted.

    BERT and its kin can be made causal too: then they are saved as decoders. A classifier made of
    one is none: it has no head that could fill a gap.

    >>> is_masked({"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    True
    >>> is_masked({"model_type": "bert", "is_decoder": True})
    False
    """
    if is_encoder_decoder(config) or config.get("is_decoder"):
        return False
    named = config.get("architectures")
    saved = str(named[0]) if isinstance(named, list) and named else ""
    if saved.endswith("ForMaskedLM"):
        return True
    bare = not saved or saved.endswith(("ForPreTraining", "Model"))
    return bare and not saved.endswith("LMHeadModel") and _encodes(config.get("model_type"))


def sees(config: Mapping[str, Any]) -> bool:
    """Whether it reads images among text and writes text from left to right, as LLaVA does.

    >>> sees({"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]})
    True
    """
    named = config.get("architectures")
    saved = str(named[0]) if isinstance(named, list) and named else ""
    if is_encoder_decoder(config) or saved.endswith("ForCausalLM") or not saved:
        return False
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return saved == MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.get(str(config.get("model_type")))


def is_causal(config: Mapping[str, Any]) -> bool:
    """Whether it reads from left to right, or is of no other kind that is known.

    One that sees may be both: Gemma 3 is loaded with or without its eyes.
    """
    if is_encoder_decoder(config) or is_masked(config):
        return False
    return not sees(config) or _writes(config.get("model_type"))


def _writes(model_type: Any) -> bool:
    """Whether transformers knows a type of model by a causal language model's head."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES


def _encodes(model_type: Any) -> bool:
    """Whether transformers knows a type of model by a masked language model's head."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
