"""JSON that carries the hash of its own bytes: a flipped bit anywhere in it is seen."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

SEAL = "seal"

_LINE = re.compile(rb'\n "seal": "(?P<hash>[0-9a-f]{64})"(?P<comma>,?)(?=\n)')
"""The seal as `seal` spells it: alone on its line, at the depth of the outermost table, where no
text of the table can stand, since JSON has no newline within a text."""

_CHANGED = "it is not what was written (its sha256 differs)"


def sha256(data: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def seal(table: Mapping[str, Any]) -> bytes:
    """The table as JSON with one more key, the sha256 of the JSON without it."""
    lines = {name: _spell({name: value}) for name, value in table.items()}
    return _joined({**lines, SEAL: _spell({SEAL: sha256(_joined(lines))})})


def unseal(data: bytes) -> dict[str, Any]:
    """The inverse of `seal`. Raises ValueError unless every byte is as `seal` wrote it.

    The hash is taken of the bytes that are there without the seal's line: to spell the table again
    would take ten times as long.
    """
    seals = list(_LINE.finditer(data))
    if len(seals) != 1:
        raise ValueError(f"it has {len(seals)} seals, wanted one")
    (line,) = seals
    head, tail = data[: line.start()], data[line.end() :]
    # the last line has no comma behind it, and then the one before it has one for its sake
    own = (head if line["comma"] else head.removesuffix(b",")) + tail
    if line["hash"].decode() != sha256(b"{}" if own == b"{\n}" else own):
        raise ValueError(_CHANGED)
    table: dict[str, Any] = json.loads(data)  # a comma too few is found here
    if list(table) != sorted(table):  # the seal's line stands elsewhere
        raise ValueError(_CHANGED)
    del table[SEAL]
    return table


def _joined(lines: Mapping[str, bytes]) -> bytes:
    """The table whose keys are spelled so, each on a line of its own."""
    return b"{\n" + b",\n".join(lines[name] for name in sorted(lines)) + b"\n}" if lines else b"{}"


def _spell(pair: Mapping[str, Any]) -> bytes:
    """A key and its value on one line: what is indented, Python's json spells ten times slower."""
    text = json.dumps(pair, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return b" " + text[1:-1].encode("utf-8", "surrogatepass")
