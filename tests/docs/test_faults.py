"""docs/faults.md names the test that holds each row, and none that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "faults.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(test_\w+)`")

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for part in PAGE.split("\n## ")[1:3]
    for line in part.splitlines()
    if line.startswith("| ") and not line.startswith("| what ")
]


def defined() -> set[str]:
    """Names of all test functions."""
    return {
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(NAMED.findall(PAGE))
    assert len(named) > 50
    assert not named - defined()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_names_what_holds_it_or_says_that_it_is_to_come(row: list[str]) -> None:
    _fault, does, held = row
    assert does
    assert NAMED.findall(held) or held == "not yet"
