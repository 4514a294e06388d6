"""zoo.toml is added to, and all that a person wrote in it stays."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.config import read_config
from zoo.errors import ConfigError
from zoo.rewriting import add_models, with_models

NEW = [
    {"id": "org/new", "regime": "fine-tuned", "base_model": ["org/a", "org/b"]},
    {"id": "org/lora@x", "loader_args": {"pretrained": "org/a", "revision": "c" * 40}},
]
SHAPES = {
    "nothing": "",
    "other tables": "# mine\n[zoo]\nstore = 'r'  # here\n",
    "one line": "[families.f]\nmodels = [{ id = 'org/a' }]\n[zoo]\n",
    "lines and comments": "[families.f] # why\nmodels = [\n  { id = 'org/a' }, # first\n"
    "  # the second\n  { id = 'org/b' }  # no comma\n]\nsuite = 'core'\n\n[zoo] # tail\n",
    "tables in an array": "[[families.f.models]]\nid = 'org/a'\n\n[zoo]\nstore = 'x'\n",
    "dotted": "families.f.models = [{ id = 'org/a' }]\n",
    "inline": "families = { f = { models = [{ id = 'org/a' }] } }\n",
    "another family": "[families.g]\nmodels = [{ id = 'org/z' }]\n# the end\n",
    "empty": "[families.f]\nmodels = []\n",
}


def models(text: str, family: str = "f") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text)["families"][family]["models"]
    return found


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("shape", SHAPES)
def test_models_are_added_to_a_file_of_any_shape_and_the_rest_stays(
    shape: str, newline: str
) -> None:
    before = SHAPES[shape].replace("\n", newline)
    after = with_models(before, "f", NEW)
    tables = tomllib.loads(before)
    there = tables.get("families", {}).get("f", {}).get("models", [])
    assert models(after) == [*there, *NEW]
    rest = tomllib.loads(after)
    rest["families"].pop("f")
    expected = {**tables, "families": dict(tables.get("families", {}))}
    expected["families"].pop("f", None)
    assert rest == expected
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in before else 0)
    for line in SHAPES[shape].splitlines():
        comment = line.partition("#")[2]
        assert comment in after


@settings(max_examples=40)
@given(
    name=st.text(min_size=1),
    values=st.dictionaries(st.text(min_size=1), st.text() | st.integers(0, 9) | st.booleans()),
)
def test_whatever_a_card_says_is_a_value_and_no_syntax(name: str, values: dict[str, Any]) -> None:
    entry = {"id": name, **values}
    assert models(with_models(SHAPES["lines and comments"], "f", [entry]))[-1] == entry


def test_a_file_is_replaced_whole_or_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "zoo.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SHAPES["another family"].encode())
    path.chmod(0o640)
    add_models(path, "f", NEW[:1], "A title")
    family = read_config(path).families["f"]
    assert (family.title, family.models[0].id) == ("A title", "org/new")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf[families.g]"), "with its byte order mark"
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"org/new is models\[0\] already"):
        add_models(path, "f", NEW[:1])
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["zoo.toml"]


def test_a_family_that_is_no_table_is_refused(tmp_path: Path) -> None:
    for text in ("families = 3\n", "[families]\nf = 'x'\n", "[families\n"):
        with pytest.raises(ConfigError, match=r"models cannot be added to zoo\.toml"):
            with_models(text, "f", NEW)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "data",
    [b"families = { f = { models = [] } }\n", "# caf\u00e9\n".encode("latin-1")],
    ids=["inline", "latin-1"],
)
def test_a_file_that_cannot_be_added_to_is_named_and_left(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "zoo.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as raised:
        add_models(path, "g", NEW[:1])
    assert "zoo.toml" in str(raised.value)
    assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["zoo.toml"]
