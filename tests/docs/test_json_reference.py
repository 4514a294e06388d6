"""The reference of the JSON report cannot drift from its schema."""

from __future__ import annotations

from pathlib import Path

from generate.json_report import render_json

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"


def test_the_page_is_the_one_that_the_schema_generates() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_json(), "run python docs/generate"
