"""Finds the snippets of a page: commands, Python, and files that the reader is told to write."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """One fenced block. kind: console, python, or file (then `name` is where it is written)."""

    kind: str
    body: str
    line: int
    name: str = ""


@dataclass(frozen=True)
class Shown:
    """One command of a console block and the lines of output the page shows under it.

    A line "..." stands for lines that are left out.
    """

    words: list[str]
    lines: list[str]


def snippets_of(page: Path) -> list[Snippet]:
    """Blocks that a reader can follow, in order. A block without a language is only looked at."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        language, _, rest = match["info"].strip().partition(" ")
        if name := re.fullmatch(r"file=(\S+)", rest):
            found.append(Snippet("file", match["body"], line, name[1]))
        elif language in ("console", "python"):
            found.append(Snippet(language, match["body"], line))
    return found


def commands_of(snippet: Snippet) -> list[Shown]:
    """The commands of a console block: lines that begin with `$ `, comments left out."""
    commands: list[Shown] = []
    for line in snippet.body.splitlines():
        if line.startswith("$ "):
            commands.append(Shown(shlex.split(line[2:], comments=True), []))
        elif commands and line.strip():
            commands[-1].lines.append(line.strip())
    return commands
