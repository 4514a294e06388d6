"""The reference of a leaderboard's JSON cannot drift from its schema, nor what is given from it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from generate.json_leaderboard import render_leaderboard_json
from ranking.synthetic import fill

from zoo.ranking import choose_suite, leaderboard_of, read_material
from zoo.reporting.leaderboard import render_leaderboard, schema

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json-leaderboard.md"


def test_the_page_is_the_one_that_the_schema_generates() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_leaderboard_json(), "run python docs/generate"


def test_a_leaderboard_satisfies_the_schema(tmp_path: Path) -> None:
    store = fill(tmp_path, 12, 8)
    board = leaderboard_of(read_material(store, choose_suite(store)))
    jsonschema.Draft202012Validator.check_schema(schema())
    said = json.loads(render_leaderboard(board, "json"))
    jsonschema.validate(said, schema())
    assert len(said["rows"]) == 12
