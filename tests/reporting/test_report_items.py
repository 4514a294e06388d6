"""Items side by side: each in its row, and as many in the page as there is room for."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reporting.answers import LINEAGE, STAGES, SUITE, cell, item, run_of
from zoo.questions import Question
from zoo.reporting.items import item_tables
from zoo.reporting.packing import pack, shortened

BENCHMARK = SUITE.benchmarks[0]


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def numbers(rows: list[int], **facts: Any) -> list[Any]:
    """Items of these numbers, right where the number is even."""
    return [item(n, float(n % 2 == 0), f"a{n}", **facts) for n in rows]


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=3))
def test_every_answer_stands_in_the_row_of_its_item(columns: list[list[int]]) -> None:
    columns = [column or [0] for column in columns]
    cells = [
        cell(model, BENCHMARK, "native", numbers(column))
        for model, column in zip(LINEAGE, columns, strict=False)
    ]
    (table,) = item_tables(cells, STAGES)
    assert len(set(table.ids)) == len(table.ids)
    for column, found in zip(columns, table.cells, strict=True):
        answers = [
            (id[0], answer.item_id)
            for id, row in zip(table.ids, found.rows, strict=True)
            for answer in row
        ]
        assert len(answers) == len(column)
        assert all(row == answer for row, answer in answers)
        for (id, _), score, row in zip(table.ids, found.scores, found.rows, strict=True):
            assert score == (float(int(id[4:]) % 2 == 0) if row else None)


def test_samples_of_an_item_share_its_row_and_their_mean_is_its_score() -> None:
    items = [item(0, 1.0, "x", 0), item(1, 0.0, "y", 0), item(0, 0.0, "z", 1)]
    (table,) = item_tables([cell(LINEAGE[0], BENCHMARK, "native", items)], STAGES)
    assert table.cells[0].scores == [0.5, 0.0]
    texts = table.texts([0], lambda _: {})["rows"][0]["cells"][0]
    assert [answer["text"] for answer in texts[1]] == ["x", "z"]


def test_a_stage_that_was_not_asked_an_item_has_no_answer_to_it() -> None:
    cells = [
        cell(LINEAGE[0], BENCHMARK, "native", numbers([0, 1])),
        cell(LINEAGE[1], BENCHMARK, "native", numbers([1, 2])),
    ]
    (table,) = item_tables(cells, STAGES)
    facts = table.facts(STAGES)
    assert [each["scores"] for each in facts["cells"]] == ["10-", "-01"]
    assert table.texts([2], lambda _: {})["rows"][0]["cells"][0] is None


def test_of_two_results_for_one_cell_the_last_counts() -> None:
    cells = [cell(LINEAGE[0], BENCHMARK, "native", numbers(rows)) for rows in ([0], [1])]
    (table,) = item_tables(cells, STAGES)
    assert [id for id, _ in table.ids] == ["item00000001"]


def test_where_there_is_no_room_for_all_changed_items_come_first() -> None:
    _, items = run_of({"facts": ["1" * 40, "1" * 39 + "0", "1" * 40]})
    (whole,) = pack(items.tables, STAGES, items.asked_of)
    assert (whole["n"], whole["held"]) == (40, 40)
    (some,) = pack(items.tables, STAGES, items.asked_of, room=2_000)
    assert 0 < some["held"] < 40
    rows = [row["row"] for row in unpacked(some["texts"])["rows"]]
    assert 39 in rows
    assert len(rows) == some["held"]
    assert unpacked(some["scores"]) == unpacked(whole["scores"])


def test_small_benchmarks_leave_their_room_to_large_ones() -> None:
    _, items = run_of({"facts": ["1"] * 3, "sums": ["1" * 60] * 3})
    sizes = [each["held"] for each in pack(items.tables, STAGES, items.asked_of, room=20_000)]
    assert sizes[0] == 1
    assert sizes[1] > 30


def test_items_that_must_not_be_published_are_not_in_the_page() -> None:
    for policy in ("gated", "canary"):
        benchmark = replace(BENCHMARK, policy=policy)
        cells = [cell(LINEAGE[0], benchmark, "native", numbers([0, 1]))]
        (packed,) = pack(
            item_tables(cells, STAGES), STAGES, lambda _: {"p0": Question(("secret",))}
        )
        assert packed["held"] == 0
        assert unpacked(packed["texts"]) == {"questions": [], "rows": []}
        assert unpacked(packed["scores"])[0]["scores"] == "10"


@given(st.text(max_size=300), st.integers(9, 60))
def test_a_shortened_text_keeps_both_ends_and_says_what_is_missing(text: str, longest: int) -> None:
    short = shortened(text, longest)
    if len(text) <= longest:
        assert short == text
    else:
        end = longest // 3
        assert short.startswith(text[: longest - end])
        assert short.endswith(text[-end:])
        assert f"[... {len(text) - longest:,} characters left out ...]" in short
