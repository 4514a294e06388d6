"""Encoders that outlive a model: the stages of a lineage often share a tokenizer and are asked the
same, so what was encoded for one is there for the next."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from zoo.engine.encoding import Encoder, plain_backend
from zoo.fingerprints import digest

KEPT = 2
"""Encoders that are kept: a base and its chat stages may differ in special tokens alone."""

_kept: OrderedDict[str, Encoder] = OrderedDict()
_lock = Lock()


def encoder_for(
    tokenizer: Any, *, add_bos: bool | None, max_length: int, prefix_token_id: int | None = None
) -> Encoder:
    """The encoder of a tokenizer: an earlier one where it encodes alike. See `Encoder`."""
    options: dict[str, Any] = {
        "add_bos": add_bos,
        "max_length": max_length,
        "prefix_token_id": prefix_token_id,
    }
    key = _content(tokenizer, options)
    if key is None:
        return Encoder(tokenizer, **options)
    with _lock:
        encoder = _kept.pop(key, None) or Encoder(tokenizer, **options)
        _kept[key] = encoder
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return encoder


def _content(tokenizer: Any, options: dict[str, Any]) -> str | None:
    """Hash of all that decides how it encodes; None where that cannot be read."""
    backend = plain_backend(tokenizer)
    if backend is None:
        return None
    backend.no_truncation()
    backend.no_padding()
    return digest(
        [
            type(tokenizer).__qualname__,
            backend.to_str(),
            tokenizer.split_special_tokens,
            [tokenizer.bos_token, tokenizer.bos_token_id, tokenizer.eos_token_id],
            options,
        ]
    )
