"""The JSON that others read: schema zoo.tradeoff/1, described by tradeoff.schema.json."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

from zoo.contrasts import Tradeoff

_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def to_json(tradeoff: Tradeoff) -> str:
    """Fractions in 0..1, unknown is null. Raises ValueError for an infinite number."""
    return dump(tradeoff.to_dict())


def dump(value: Any) -> str:
    """JSON in the world's letters.

    Control characters and lone surrogates stay escaped: a terminal obeys the first, and the second
    cannot be written as UTF-8. Raises ValueError for nan and infinity, which JSON cannot say.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every such JSON satisfies."""
    return json.loads(files("zoo.reporting").joinpath("tradeoff.schema.json").read_text("utf-8"))
