"""What a model's configuration says of its layers: the kinds that reading a tree suits, windows."""

from __future__ import annotations

from typing import Any

SUITED = frozenset({"full_attention", "sliding_attention"})
"""Kinds of layers whose every state is keys and values of single tokens."""


def odd_layers(config: Any) -> str | None:
    """Names the kinds of layers that neither the stream nor a shared prefix suits, if any."""
    config = config.get_text_config(decoder=True)
    odd = sorted(set(getattr(config, "layer_types", None) or ()) - SUITED)
    return f"it has layers of {', '.join(odd)}" if odd else None


def windows_of(config: Any) -> tuple[int, ...]:
    """The spans that a model's layers look back over, other than all: windows and chunks."""
    config = config.get_text_config(decoder=True)
    names = ("sliding_window", "attention_chunk_size")
    found = {getattr(config, name, None) for name in names}
    if getattr(config, "use_sliding_window", True) is False:
        found = set()
    return tuple(sorted(span for span in found if isinstance(span, int) and span > 0))
