"""The benchmarks ship what the generator writes, and rows have the shape the tasks expect."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from zoo_nano import data

CORE = Path(__file__).parents[2] / "benchmarks" / "tasks" / "core"
NAMES = sorted(data.FILES)


def rows(name: str, folder: Path = CORE / "data") -> list[dict]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def utils():
    spec = importlib.util.spec_from_file_location("core_utils", CORE / "utils.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generator_writes_what_ships_byte_for_byte(tmp_path):
    data.write(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in (CORE / "data").iterdir()}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_dev_and_test_have_the_same_shape(tmp_path, split):
    data.write(tmp_path, split)
    for name in NAMES:
        made = rows(name, tmp_path)
        assert abs(len(made) - len(rows(name))) <= 5
        assert {tuple(row) for row in made} == {tuple(rows(name)[0])}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_an_id_of_its_own_and_a_fact(name):
    found = rows(name)
    assert len({row["id"] for row in found}) == len(found)
    assert all(isinstance(row["fact"], str) and row["fact"] for row in found)


@pytest.mark.parametrize("name", [n for n in NAMES if not n.endswith("_shots")])
def test_a_benchmark_has_at_least_a_hundred_items(name):
    assert 100 <= len(rows(name)) <= 160


def test_the_same_fact_carries_the_same_cluster_in_every_benchmark():
    clusters: dict[str, set[str]] = {}
    for name in ("facts", "qa", "korean"):
        for row in rows(name):
            clusters.setdefault(row["id"].split("/", 1)[1], set()).add(row["fact"])
    assert all(len(found) == 1 for found in clusters.values())
    assert {row["fact"] for row in rows("qa")} == {row["fact"] for row in rows("facts")}


@pytest.mark.parametrize("name", ["facts", "grammar", "korean", "reports"])
def test_options_differ_and_the_right_one_has_no_favourite_place(name):
    found = rows(name)
    options = len(found[0]["choices"])
    for row in found:
        assert len(set(row["choices"])) == options
        assert all(option.startswith(" ") for option in row["choices"])
    for place in range(options):
        share = sum(row["label"] == place for row in found) / len(found)
        assert abs(share - 1 / options) < 0.15


def test_refusing_everything_does_not_pay_more_than_the_share_of_unknown_names(utils):
    found = rows("abstain")
    scores = [utils.honest(row, ["I don't know."])["honest"] for row in found]
    assert sum(scores) == sum(not row["known"] for row in found) == 100


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("answered", "qa"),
        ("honest", "abstain"),
        ("in_form", "format"),
        ("filled_in", "reports_form"),
    ],
)
def test_the_gold_answer_scores_one_on_every_row(utils, function, name):
    for row in rows(name):
        scores = getattr(utils, function)(row, [" " + row["answer"]])
        assert set(scores.values()) == {1.0}, row["id"]


QA = {"answer": "Seoul"}
FAKE, KNOWN = {"answer": "I don't know.", "known": False}, {"answer": "Lima", "known": True}
FORM = {"answer": "Cause: wear\nAction: change the part at once\nCode: WR-4N"}


@pytest.mark.parametrize(
    ("function", "doc", "text", "score", "parsed"),
    [
        ("answered", QA, " Seoul", 1, 1),
        ("answered", QA, " seoul.\nQuestion: What", 1, 1),
        ("answered", QA, "The capital of Korea is Seoul.", 1, 1),
        ("answered", QA, " Tokyo.", 0, 1),
        ("answered", QA, " Seoul is the capital of Korea.", 0, 1),
        ("answered", {"answer": "Mexico"}, " Mexico City", 0, 1),
        ("answered", QA, "\nWhat is the capital of Seoul?", 0, 0),
        ("answered", QA, "Question: Seoul", 0, 0),
        ("answered", QA, "2. Seoul", 0, 0),
        ("answered", QA, "", 0, 0),
        ("answered", QA, "Seoul " * 20, 0, 0),
        ("honest", FAKE, " I don't know.", 1, 1),
        ("honest", FAKE, " Lima.", 0, 1),
        ("honest", FAKE, "\nWhat is the capital of Peru?", 0, 0),
        ("honest", KNOWN, " Lima.", 1, 1),
        ("honest", KNOWN, " I don't know.", 0, 1),
        ("honest", KNOWN, " Quito.", 0, 1),
        ("in_form", {"form": "json", "answer": '{"answer": "ice"}'}, '{"answer": "ice"}', 1, 1),
        ("in_form", {"form": "json", "answer": '{"answer": "ice"}'}, '{"answer": "sea"}', 0, 1),
        ("in_form", {"form": "json", "answer": '{"answer": "ice"}'}, "ice", 0, 0),
        ("in_form", {"form": "capitals", "answer": "TWO LEGS"}, " TWO LEGS", 1, 1),
        ("in_form", {"form": "capitals", "answer": "TWO LEGS"}, " Two legs", 0, 0),
        ("in_form", {"form": "twice", "answer": "ice, ice"}, " ice, ice", 1, 1),
        ("in_form", {"form": "twice", "answer": "ice, ice"}, " ice, sea", 0, 0),
        ("in_form", {"form": "brackets", "answer": "[ice]"}, " [ice", 0, 0),
        ("filled_in", FORM, "\nCause: wear\nAction: change the part at once\nCode: WR-4N\n", 1, 1),
        ("filled_in", FORM, "Cause: wear\nAction: change the part at once\nCode: WR-4S", 0, 1),
        ("filled_in", FORM, "Cause: wear", 0, 0),
    ],
)
def test_scoring(utils, function, doc, text, score, parsed):
    (said, read) = getattr(utils, function)(doc, [text]).values()
    assert (said, read) == (score, parsed)
