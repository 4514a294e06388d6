"""Plain tables to dataclasses and back: what is written is what is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import ConfigError
from zoo.models import Evidence, Model, Prompting
from zoo.results import RunSpec
from zoo.structuring import plain, read

WORDS = st.text(max_size=6)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
TABLES = st.dictionaries(WORDS, JSON, max_size=3)
PROMPTINGS = st.builds(Prompting, gen_kwargs=TABLES)
EVIDENCE = st.builds(Evidence, confidence=st.floats(0, 1))
MODELS = st.builds(
    Model,
    base_model=st.none() | WORDS | st.lists(WORDS, max_size=3).map(tuple),
    loader_args=TABLES,
    evidence=st.lists(EVIDENCE, max_size=2).map(tuple),
    training_datasets=st.lists(WORDS, max_size=2).map(tuple),
)
BENCHMARKS = st.builds(
    Benchmark, chance=st.none() | st.floats(0, 1, exclude_max=True), gen_kwargs=TABLES
)
SUITES = st.builds(Suite, benchmarks=st.lists(BENCHMARKS, max_size=3).map(tuple))
SPECS = st.builds(
    RunSpec,
    model=MODELS,
    benchmark=BENCHMARKS,
    prompting=PROMPTINGS,
    rules=st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(PROMPTINGS | MODELS | BENCHMARKS | SUITES | SPECS)
def test_what_is_written_as_json_is_read_back_equal(thing: Any) -> None:
    assert read(type(thing), json.loads(json.dumps(plain(thing))), "x") == thing


@dataclass(frozen=True)
class Inner:
    """A table in a table."""

    pair: tuple[str, int] | None = None
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outer:
    """A table of tables."""

    inner: Mapping[str, Inner] = field(default_factory=dict)
    number: float = 0.0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"inner": {"a": {"pairs": [["x"]]}}}, "inner.a.pairs[0]: ['x'] has 1 entries, wanted 2"),
        ({"inner": {"a b": 3}}, 'inner."a b": 3 is a whole number, wanted a table'),
        ({"inner": {"a": {"pairs": "xy"}}}, "inner.a.pairs: 'xy' is a string, wanted a list"),
        ({"number": True}, "number: True is true or false, wanted a number"),
        ({"number": "1"}, "number: '1' is a string, wanted a number"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(table: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(Outer, table, "file")
    assert str(raised.value) == f"file: {said}"


def test_a_whole_number_is_a_number() -> None:
    assert read(Outer, {"number": 3}, "x").number == 3.0


def test_a_long_wrong_value_is_shortened() -> None:
    with pytest.raises(ConfigError) as raised:
        read(Outer, {"number": "x" * 1000}, "file")
    assert len(str(raised.value)) < 120


def test_a_table_that_contains_itself_is_refused() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    with pytest.raises(ConfigError, match="nested too deeply"):
        read(Model, {"id": "a", "loader_args": circle}, "file")
