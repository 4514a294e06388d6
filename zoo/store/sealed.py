"""JSON that carries the hash of its own bytes: a flipped bit anywhere in it is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "seal"


def sha256(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def seal(table: Mapping[str, Any]) -> bytes:
    """The table as JSON with one more key, the sha256 of the JSON without it."""
    return _spell({**table, SEAL: sha256(_spell(table))})


def unseal(data: bytes) -> dict[str, Any]:
    """The inverse of `seal`. Raises ValueError unless every byte is as `seal` wrote it."""
    table = json.loads(data)
    if not isinstance(table, dict):
        raise ValueError("it holds no JSON object")
    own = {key: value for key, value in table.items() if key != SEAL}
    if table.get(SEAL) != sha256(_spell(own)) or _spell(table) != data:
        raise ValueError("it is not what was written (its sha256 differs)")
    return own


def _spell(table: Mapping[str, Any]) -> bytes:
    text = json.dumps(table, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")
