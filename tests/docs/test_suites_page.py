"""The page of the named suites cannot drift from their files."""

from __future__ import annotations

from pathlib import Path

from generate.suites import render_suites

PAGE = Path(__file__).parents[2] / "docs" / "suites.md"


def test_the_page_is_the_one_that_the_suites_generate() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_suites(), "run python docs/generate"
