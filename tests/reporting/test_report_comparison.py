"""`zoo compare A B`: what differs, and by how much."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from reporting.examples import ROOT, SFT, family
from reporting.strategies import HOSTILE
from zoo.effects import Manner
from zoo.errors import ConfigError
from zoo.reporting.comparison import FORMATS, render_comparison

CONFIGURATION = [("dtype", "float32", "bfloat16"), ("chat template", "none", "default")]
FEWSHOT = "Question: what is two and two?\nAnswer: four\n\n" * 40
PROMPTS = [
    ("gsm8k", FEWSHOT + "Question: how many?\nAnswer:", FEWSHOT + "Question: how many?\nAnswer: ")
]


@pytest.fixture(scope="module")
def contrasts():
    return [edge for edge in family().edges if edge.other == SFT]


def test_configuration_comes_before_prompts_and_prompts_before_scores(contrasts):
    for format in ("table", "markdown"):
        text = render_comparison(CONFIGURATION, PROMPTS, contrasts, (ROOT, SFT), format)
        places = [text.index(title) for title in ("Configuration", "First prompt", "Scores")]
        assert places == sorted(places)
        assert "bfloat16" in text[: places[1]]


def test_every_change_is_shown_with_its_interval_and_flips(contrasts):
    text = render_comparison([], [], contrasts, (ROOT, SFT), "table")
    for contrast in contrasts:
        assert f"{contrast.gained}↑ {contrast.lost}↓" in text
        assert f"{abs(100 * contrast.low):.1f}" in text


def test_long_prompts_are_shown_from_where_they_part():
    text = render_comparison([], PROMPTS, [], (ROOT, SFT), "markdown")
    row = next(line for line in text.splitlines() if line.startswith("| gsm8k"))
    _, _, one, two, _ = re.split(r"(?<!\\)\|", row)
    assert one.strip().startswith("…")
    assert one.strip().endswith("Answer:")
    assert two.strip().endswith("Answer:␣")


def test_short_prompts_are_shown_whole():
    text = render_comparison([], [("b", "Q: one\nA:", "Q: two\nA:")], [], (ROOT, SFT), "markdown")
    assert "Q: one↵A:" in text
    assert "Q: two↵A:" in text


def test_json_holds_all_of_it_uncut(contrasts):
    unknown = replace(contrasts[0], delta=float("nan"))
    text = render_comparison(CONFIGURATION, PROMPTS, [unknown, *contrasts], (ROOT, SFT), "json")
    document = json.loads(text, parse_constant=pytest.fail)
    assert (document["a"], document["b"]) == (ROOT, SFT)
    assert document["configuration"][0] == {"what": "dtype", "a": "float32", "b": "bfloat16"}
    assert document["prompts"][0]["b"] == PROMPTS[0][2]
    assert document["contrasts"][0]["delta"] is None
    assert document["contrasts"][1]["delta"] == contrasts[0].delta


def test_how_each_answered_stands_below_the_scores(contrasts):
    rows = [Manner("gsm8k", "native", (0.25, 1.0), (24.0, None))]
    for format in ("table", "markdown"):
        text = render_comparison([], [], contrasts, (ROOT, SFT), format, manners=rows)
        below = text[text.index("Answers:") :]
        assert text.index("Scores") < text.index("Answers:")
        assert all(number in below for number in ("25.0", "100.0", "24", "—"))
    document = json.loads(render_comparison([], [], [], (ROOT, SFT), "json", manners=rows))
    assert document["manners"][0]["parsed"] == [0.25, 1.0]
    assert document["manners"][0]["tokens"] == [24.0, None]


def test_nothing_that_differs_is_said_in_words():
    text = render_comparison([], [], [], (ROOT, ROOT), "table")
    assert "Both are configured alike." in text
    assert "No prompt differs." in text
    assert "(B) minus" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_harmless_in_every_format(name, contrasts):
    rows = [(name, name, name)]
    odd = [replace(contrasts[0], benchmark=name, mixed=name)]
    for format in FORMATS:
        manners = [Manner(name, "native", (None, None), (None, None))]
        text = render_comparison(rows, rows, odd, (name, "b"), format, manners=manners, width=90)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)
        if format == "table":
            assert max(map(cell_len, text.splitlines())) <= 90
        if format == "markdown":
            assert "<script" not in text


def test_an_unknown_format_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'table'"):
        render_comparison([], [], [], ("a", "b"), "tabel")
