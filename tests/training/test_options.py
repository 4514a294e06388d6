"""Options are keyword-only arguments, and values for them are read as their defaults are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import nudge
from zoo.errors import ConfigError
from zoo.training.options import defaults_of, laid_over, spelled

WORDS = st.text("abcdefghijklmnopqrstuvwxyz-._", min_size=1)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(WORDS, min_size=1).map(tuple),
)


def spoken(value: object) -> str:
    """A value as somebody types it."""
    if isinstance(value, tuple):
        return "+".join(value)
    return value if isinstance(value, str) else json.dumps(value)


@given(VALUES)
def test_what_is_typed_is_read_as_the_default_is_and_is_the_value_that_was_meant(value):
    read = laid_over({"it": value}, {"it": spoken(value)}, "--set")["it"]
    assert (read, type(read)) == (value, type(value))
    assert laid_over({"it": value}, {"it": value}, "--set")["it"] == value


@given(VALUES, st.text())
def test_any_text_is_read_or_refused_in_one_sentence_and_can_be_written_down(default, text):
    said = ""
    try:
        read = laid_over({"it": default}, {"it": text}, "--set")["it"]
    except ConfigError as problem:
        said = str(problem)
    if said:
        assert said.startswith("--set: it: ")
    else:
        assert type(read) is type(default)
        json.dumps(spelled({"it": read}), allow_nan=False)


def test_options_are_the_keyword_only_arguments_with_their_defaults():
    assert defaults_of(nudge.nudge)["rate"] == 0.5
    assert "assignment" not in defaults_of(nudge.nudge)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"rates": "1"}, "no option 'rates'; did you mean 'rate'?"),
        ({"rate": "fast"}, "rate: 'fast' is a string, wanted a number"),
        ({"rate": "1e999"}, "rate: inf is no finite number"),
        ({"rate": "NaN"}, "rate: nan is no finite number"),
        ({"steps": "1.5"}, "steps: 1.5 is a number, wanted a whole number"),
        ({"steps": "true"}, "steps: True is true or false, wanted a whole number"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(told, said):
    with pytest.raises(ConfigError) as problem:
        laid_over(defaults_of(nudge.nudge), told, "--set")
    assert said in str(problem.value)


def test_an_option_without_a_known_type_takes_any_value():
    assert laid_over({"it": None}, {"it": "3"}, "")["it"] == 3
    assert laid_over({"it": None}, {"it": "q_proj"}, "")["it"] == "q_proj"
