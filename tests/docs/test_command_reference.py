"""The command reference cannot drift from the commands."""

from __future__ import annotations

from pathlib import Path

from generate.commands import render_commands

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def test_the_page_is_the_one_that_the_parsers_generate() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_commands(), "run python docs/generate"
