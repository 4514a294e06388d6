"""The reference of zoo.toml cannot drift from what is read."""

from __future__ import annotations

from pathlib import Path

from generate.toml import render_toml

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "zoo-toml.md"


def test_the_page_is_the_one_that_the_dataclasses_generate() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_toml(), "run python docs/generate"
