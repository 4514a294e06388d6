"""What a dataclass's docstring says of its fields, for the reference pages."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Sequence
from typing import Any

_NAMED = re.compile(r"(?:^|(?<=\n)|(?<=[.;] ))\s*(?P<names>\w+(?:, \w+)*): ")


def meanings(cls: Any) -> dict[str, str]:
    """Meaning by field, where the docstring has "field: ...".

    What it says of several at once ("one, other: ...") is not the meaning of any of them.
    """
    fields = {field.name for field in dataclasses.fields(cls)}
    found: dict[str, str] = {}
    for paragraph in (inspect.getdoc(cls) or "").split("\n\n"):
        starts = [m for m in _NAMED.finditer(paragraph) if set(m["names"].split(", ")) <= fields]
        ends = [*(match.start() for match in starts), len(paragraph)][1:]
        for match, end in zip(starts, ends, strict=True):
            if match["names"] in fields:
                text = " ".join(paragraph[match.end() : end].split())
                found[match["names"]] = text.rstrip(".;")
    return found


def summary(cls: Any) -> str:
    """The docstring's first paragraph on one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A markdown table; a bar inside a cell stays a bar."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
