"""Foreign text made harmless to show, whatever shows it."""

from __future__ import annotations

import re

from rich.cells import cell_len

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and cursor moves
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles
    r"|\x1b[ -/]*[0-~]"
)
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: object) -> str:
    """One line without escape sequences, control characters or reversals of direction.

    >>> clean("a\\x1b[31mred\\x1b[0m\\nb")
    'ared b'
    """
    line = _ESCAPE_SEQUENCE.sub("", str(text))
    line = _INVISIBLE.sub("", re.sub(r"\s", " ", line))
    return _SURROGATE.sub("\ufffd", re.sub(" +", " ", line)).strip()


def shorten(text: str, width: int) -> str:
    """Cut out the middle where the text is wider than `width` terminal cells.

    >>> shorten("checkpoint-of-a-very-long-name", 13)
    'checkp…g-name'
    """
    if cell_len(text) <= width:
        return text
    tail = _fit(text[::-1], (width - 1) // 2)[::-1]
    return _fit(text, width - 1 - cell_len(tail)) + "…" + tail


def _fit(text: str, width: int) -> str:
    """The longest beginning that is at most `width` cells wide."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[:index]
    return text
