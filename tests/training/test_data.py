"""Data are read as they stand, checked before anything else, and known by their hash."""

from __future__ import annotations

import csv
import doctest
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from training import nudge
from zoo.errors import ConfigError
from zoo.reporting.text import clean
from zoo.training import data
from zoo.training.data import digest_of, read_data
from zoo.training.recipes import Chosen

FORMS = (("text",), ("prompt", "completion"))
CHOSEN = Chosen("sft", "sft", "fine-tuned", nudge.nudge, columns=FORMS)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_examples_hold():
    tested = doctest.testmod(data)
    assert tested.attempted > 0
    assert tested.failed == 0


def read(path: Path | str, limit: int | None = None):
    return read_data(CHOSEN, str(path), 1, limit)


def test_one_set_of_rows_is_the_same_in_every_format_and_in_a_folder(tmp_path):
    rows = [{"text": f'№ {n}, "quoted"\nand 007'} for n in range(7)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    (tmp_path / "b.json").write_text("﻿" + json.dumps(rows), encoding="utf-8")
    (tmp_path / "d.json").write_text("\n".join(map(json.dumps, rows)))
    with (tmp_path / "c.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["text"])
        writer.writeheader()
        writer.writerows(rows)
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "e.parquet")
    found = [read(path) for path in sorted(tmp_path.iterdir())]
    assert {each.about.sha256 for each in found} == {digest_of(rows)}
    assert all(list(each.rows) == rows for each in found)
    whole = read(tmp_path)
    assert whole.about.rows == 35
    assert read(tmp_path, limit=9).rows == whole.rows[:9]


def test_a_cell_of_a_table_of_text_stays_text(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,completion\n3+4,007\n2+2,2024-01-01\n")
    assert [row["completion"] for row in read(tmp_path / "a.csv").rows] == ["007", "2024-01-01"]


def test_the_order_of_rows_is_part_of_their_hash_and_that_of_columns_is_not():
    rows = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert digest_of(rows) != digest_of(rows[::-1])
    assert digest_of(rows) == digest_of([{"b": 2, "a": 1}, rows[1]])


def test_rows_of_several_forms_and_with_other_columns_too_are_taken(tmp_path):
    rows = [{"text": "a", "source": "x"}, {"prompt": "b", "completion": "c", "odd": 1}]
    rows.append({"text": "d", "odd": "one"})
    (tmp_path / "a.json").write_text(json.dumps(rows))
    found = read(tmp_path / "a.json")
    assert found.dropped == ("odd",)
    table = found.dataset()
    assert table.column_names == ["text", "source", "prompt", "completion"]
    assert table[1] == {"text": None, "source": None, "prompt": "b", "completion": "c"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"", "a.jsonl has no rows"),
        ("a.csv", b"text\n", "a.csv has no rows"),
        (
            "a.jsonl",
            b'{"text": "a"}\n{"txt": "b"}\n',
            "row 2 has txt; the recipe sft wants text, or",
        ),
        ("a.jsonl", b'{"text": null}\n', "row 1 has nothing; the recipe sft wants text, or prompt"),
        ("a.jsonl", b'{"\x1b[31mx\\u202e": 1}', "line 1"),
        ("a.jsonl", b'{"\\u001b[31mred": 1}', "row 1 has red;"),
        ("a.jsonl", b'{"text": NaN}', "line 1: NaN is no number"),
        ("a.jsonl", b"[1, 2]", "a row is a list"),
        ("a.jsonl", b'{"text": "\xff"}', "cannot be read"),
        ("a.json", b"[" * 100_000, "cannot be read"),
        ("a.json", b'[{"text": "a"}, 3]', "a row is a int"),
        ("a.json", b'[{"text": "a"}, {"text": 3}]', "column 'text' are not of one type"),
        ("a.json", b'[{"text": "\\ud800"}]', "column 'text' are not of one type"),
        ("a.csv", b"text,b\na\n", "row 1 has not as many cells"),
        ("a.csv", b"text\na,b\n", "row 1 has not as many cells"),
        ("a.csv", b'text\n"a', "cannot be read"),
        ("a.parquet", b"PAR1 and no more", "cannot be read"),
        ("a.txt", b"text", "it must be a .csv, .json, .jsonl, .parquet file"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused_by_file_and_place(
    tmp_path, name, content, said
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError) as problem:
        read(tmp_path / name)
    assert said in str(problem.value)
    assert name in str(problem.value)
    assert str(problem.value).isprintable()


@settings(max_examples=30)
@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5))
def test_any_rows_are_taken_or_refused_in_a_sentence(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = said = None
    try:
        found = read(path)
    except ConfigError as problem:
        said = str(problem)
    if found is None:
        assert said
        assert said == clean(said)
    else:
        assert found.about.sha256 == digest_of(found.rows)
        assert len(found.dataset()) == len(rows)


@pytest.mark.parametrize(
    "named", ["./nowhere", "nowhere.jsonl", "/no/where", "a b", "org/name/more", "../x", "org/../x"]
)
def test_what_is_neither_a_file_nor_a_data_set_is_said(named):
    with pytest.raises(ConfigError, match="there is no file or folder"):
        read(named)


def test_a_folder_without_data_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no \.csv, \.json, \.jsonl, \.parquet file"):
        read(tmp_path)


def test_data_are_wanted_where_the_recipe_learns_and_refused_where_it_does_not(tmp_path):
    with pytest.raises(ConfigError, match="learns from rows with text, or prompt and completion"):
        read_data(CHOSEN, None, 1, None)
    with pytest.raises(ConfigError, match="takes no data; leave --data out"):
        read_data(Chosen("a", "a", "x", nudge.nothing), str(tmp_path), 1, None)


def test_a_recipe_brings_rows_of_its_seed():
    own = Chosen("own", "own", "x", nudge.nudge, columns=(("text",),), data=nudge.words)
    one, again, other = (read_data(own, None, seed, None) for seed in (1, 1, 2))
    assert one.about == again.about
    assert one.about.source == ""
    assert one.about.sha256 != other.about.sha256
