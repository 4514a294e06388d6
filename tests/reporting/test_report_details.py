"""The further tables of page and paper: what is kept, paid, lost on the way, and read."""

from __future__ import annotations

import pytest

from reporting.additions import full_family
from reporting.examples import family
from zoo.contrasts import Tradeoff
from zoo.reporting import render
from zoo.reporting.layout import lay_out
from zoo.reporting.tables import Table


@pytest.fixture(scope="module")
def full() -> Tradeoff:
    return full_family()


def tables(tradeoff: Tradeoff) -> dict[str, Table]:
    return {table.title: table for table in lay_out(tradeoff, details=True).details}


def cells(table: Table) -> dict[str, list[str]]:
    """By label, each cell as it is read."""
    return {
        row.label: [" ".join(filter(None, (c.text, c.interval, c.details))) for c in row.cells]
        for block in table.blocks
        for row in block.rows
    }


def test_each_stage_keeps_a_share_of_the_root_or_it_is_not_known(full: Tradeoff) -> None:
    table = tables(full)["Kept of the root's ability (percent)"]
    assert [column.title for column in table.columns] == ["1B-SFT", "1B-Instruct", "1B-Law"]
    assert cells(table) == {"gsm8k": ["92.0 [88.0, 97.0]", "110.0 [100.0, 120.0]", "—"]}


def test_a_rate_is_printed_with_its_limits_or_the_reason_why_there_is_none(full: Tradeoff) -> None:
    report = lay_out(full, details=True)
    (table,) = (each for each in report.details if each.title == "What a point cost")
    assert cells(table) == {
        "1B → 1B-Law": ["+0.31 [+0.20, +0.40]", "−17°", "—", "1.00", "—", "—"],
        "1B-SFT → 1B-DPO": ["—", "+88°", "0.60", "—", "0.40", "—"],
    }
    (number,) = table.blocks[0].rows[1].cells[0].notes
    assert report.notes[number - 1].startswith("no rate: the change of S is within 3")


def test_lines_of_three_stages_or_more_say_what_was_lost_and_recovered(full: Tradeoff) -> None:
    table = tables(full)["Along whole lines"]
    assert table.blocks[0].title == "1B → 1B-SFT → 1B-DPO → 1B-Instruct, native"
    found = cells(table)["gsm8k"]
    assert found == ["12", "7", "40", "90", "+10.0 [+5.0, +15.0]", "0.0 [0.0, +2.0]"]


def test_what_was_read_stands_apart_from_what_was_right(full: Tradeoff) -> None:
    table = tables(full)["Answers read, and right where read (percent)"]
    assert cells(table)["gsm8k"][:2] == ["40.0 right 50.0", "98.0 right —"]


def test_stages_further_down_are_held_against_the_root(full: Tradeoff) -> None:
    table = tables(full)["From the root in one step"]
    assert cells(table)["1B ⇢ 1B-Instruct"] == [
        "math", "−2.0 [−3.0, −1.0]", "+20.0 [+10.0, +30.0]", "—",
    ]  # fmt: skip


@pytest.mark.parametrize("format", ["html", "markdown", "latex"])
def test_page_and_paper_have_them_and_say_what_their_words_mean(
    full: Tradeoff, format: str
) -> None:
    text = render(full, format)
    assert all(title.split(" (")[0].replace("'", "&#39;" if format == "html" else "'") in text
               for title in tables(full))  # fmt: skip
    assert "backward transfer" in text


def test_a_report_without_them_has_no_empty_tables_and_a_terminal_has_none(
    full: Tradeoff,
) -> None:
    assert tables(family()) == {}
    assert "Along whole lines" not in render(full, "table")


def test_the_table_of_a_paper_has_what_was_published_of_its_last_stages(full: Tradeoff) -> None:
    paper = lay_out(full, paper=True)
    (table,) = (each for each in paper.tables if each.title == "Benchmarks, native")
    (column,) = (i for i, each in enumerate(table.columns) if each.under == "published")
    assert table.columns[column].title == "1B-Instruct"
    said = {row.label: row.cells[column] for block in table.blocks for row in block.rows}
    assert float(said["gsm8k"].text) > 0
    assert said["gsm8k"].extra in ("reproduced", "not reproduced")
    assert said["arc_easy"].text == "—"
    widths = {len(row.cells) for block in table.blocks for row in block.rows}
    assert widths == {len(table.columns)}
    assert not any(c.under == "published" for t in lay_out(full).tables for c in t.columns)
