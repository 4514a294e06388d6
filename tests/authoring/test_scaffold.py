"""What `zoo new` writes is a plugin: it can be installed, passes its own tests and is checked."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from zoo import __version__
from zoo.authoring.scaffold import KINDS, names_of, scaffold, write
from zoo.errors import ConfigError


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_distribution_with_an_entry_point_and_a_test(kind: str) -> None:
    made = {str(path): text for path, text in scaffold(names_of("self-play"), kind, "1.2").items()}
    project = tomllib.loads(made["pyproject.toml"])["project"]
    assert project["name"] == "zoo-self-play"
    assert project["entry-points"]["zoo"] == {"self-play": "zoo_self_play"}
    assert project["dependencies"] == ["stagezoo>=1.2"]
    assert "src/zoo_self_play/__init__.py" in made
    assert "tests/test_zoo_self_play.py" in made
    for path, text in made.items():
        assert "{{ name" not in text
        assert "MODULE" not in path + text
        if path.endswith(".py"):
            ast.parse(text)


@given(st.text(max_size=20))
def test_a_name_makes_a_module_that_can_be_imported_or_is_refused(name: str) -> None:
    try:
        names = names_of(name)
    except ConfigError:
        return
    assert names.module.isidentifier()
    assert names.module.isascii()
    assert canonicalize_name(names.distribution) == names.distribution
    assert names_of(names.distribution) == names


@pytest.mark.parametrize("name", ["", "9lives", "a b", "../up", "-", "class", "naïve", "zoo-"])
def test_a_name_that_no_module_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a plugin"):
        names_of(name)


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ConfigError, match="belongs to an installed plugin"):
        names_of("Zoo_RL", taken=["rl"])


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    made = scaffold(names_of("mine"), "regime", __version__)
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        write(tmp_path, made)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
