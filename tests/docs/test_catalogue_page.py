"""The page of the catalogue cannot drift from its data."""

from __future__ import annotations

from pathlib import Path

from generate.catalogue import render_catalogue

PAGE = Path(__file__).parents[2] / "docs" / "catalogue.md"


def test_the_page_is_the_one_that_the_data_generate() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_catalogue(), "run python docs/generate"
