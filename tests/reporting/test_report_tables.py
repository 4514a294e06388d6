"""The three tables: what they hold, in a terminal, in Markdown and in LaTeX."""

from __future__ import annotations

import doctest
import importlib
import io
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reporting.examples import DPO, LAW, ROOT, SFT, family, with_faults
from reporting.strategies import HOSTILE, tradeoffs
from zoo.contrasts import Contrast, Estimate, Stage, StageScore, Tradeoff
from zoo.errors import ConfigError
from zoo.reporting import FORMATS, PICTURES, figures, print_tradeoff, render, render_bytes
from zoo.reporting.latex import escape as latex_escape
from zoo.reporting.layout import lay_out
from zoo.reporting.lineage import short_names, tree
from zoo.reporting.markdown import escape as markdown_escape
from zoo.reporting.text import clean, shorten

slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TABLES = ("table", "markdown", "latex")


@pytest.fixture(scope="module")
def report() -> Tradeoff:
    return family()


@pytest.fixture(scope="module")
def faulty(report: Tradeoff) -> Tradeoff:
    return with_faults(report)


def plain(text: str) -> str:
    """A rendering without what its format adds to a number."""
    for mark, sign in (("---", "—"), ("$-$", "−"), (r"$\pm$", "±"), ("{[}", "["), ("{]}", "]")):
        text = text.replace(mark, sign)
    return text.replace("**", "").replace("*", "")


@pytest.mark.parametrize("format", TABLES)
def test_every_number_of_the_composites_and_changes_is_shown(report, format):
    text = plain(render(report, format, width=200))
    for stage in report.stages:
        for composite in (stage.general, stage.special):
            for estimate in composite.values():
                assert figures.points(estimate.value) in text
                assert figures.margin(estimate.value, estimate.low, estimate.high) in text
    for edge in report.tradeoffs:
        for change in (edge.general, edge.special, edge.other_special):
            assert figures.signed(change.delta) in text
            assert figures.limits(change.low, change.high) in text
    for contrast in report.edges:
        assert figures.signed(contrast.delta) in text
        assert figures.limits(contrast.low, contrast.high) in text


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_a_terminal_table_keeps_to_its_width_and_loses_no_delta(report, width):
    text = render(report, "table", width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    for contrast in report.edges:
        ends = figures.limits(contrast.low, contrast.high)
        assert ends in text or ends.replace(", ", ",") in text


def test_five_stages_fit_beside_each_other_in_eighty_columns(report):
    heading = next(
        line for line in render(report, "table", width=80).splitlines() if "vs 1B-SFT" in line
    )
    assert heading.split() == ["Benchmark", "score", *"vs 1B vs 1B-SFT vs 1B-DPO vs 1B".split()]


def test_the_targets_are_printed_and_each_edge_names_its_own(report):
    text = render(report, "table", width=140)
    assert "Trained for (targets): instruction, math, law" in text
    assert re.search(r"1B-DPO → 1B-Instruct +math ", text)
    assert re.search(r"1B → 1B-Law +law ", text)


def test_benchmarks_stand_in_two_blocks_that_each_end_in_their_mean(report):
    table = lay_out(report).tables[3]
    trained, others = table.blocks
    assert (trained.title, others.title) == ("trained for", "everything else")
    assert [row.label for row in trained.rows] == [
        "gsm8k", "minerva_math", "ifeval", "legalbench", "mean",
    ]  # fmt: skip
    assert len(others.rows) == 8
    for block in table.blocks:
        names = [row.label for row in block.rows[:-1]]
        scores = [
            score.value
            for score in report.stages[0].scores
            if score.benchmark in names and score.protocol == "uniform"
        ]
        assert block.rows[-1].cells[3].text == figures.points(sum(scores) / len(scores))


def test_holm_marks_composites_and_benjamini_hochberg_marks_benchmarks(report):
    contrast = replace(report.edges[0], delta=0.01, mde=0.05, p_adjusted=0.09)
    edge = replace(
        report.tradeoffs[0], general=replace(report.tradeoffs[0].general, p_adjusted=0.09)
    )
    tables = lay_out(replace(report, edges=(contrast,), tradeoffs=(edge,))).tables
    assert tables[1].blocks[0].rows[0].cells[1].weight == "plain"
    row = next(
        row for each in tables[3].blocks for row in each.rows if row.label == contrast.benchmark
    )
    assert row.cells[4].weight == "strong"
    assert row.cells[4].mde == ""


def test_a_change_below_the_detectable_one_is_in_parentheses_with_that_one_beside(report):
    contrast = replace(report.edges[0], delta=0.01, mde=0.054, p_adjusted=0.6, gained=12, lost=8)
    small = replace(report, edges=(contrast,))
    assert "(+1.0)" in render(small, "table")
    assert "mde 5.4" in render(small, "table")
    assert "12↑ 8↓" in render(small, "table")
    for format in ("markdown", "latex"):
        assert "12 up 8 down (mde 5.4)" in render(small, format)
    assert r"{\color{gray}\begin{tabular}[t]{@{}r@{}}(+1.0)" in render(small, "latex")


@pytest.mark.parametrize("format", [*TABLES, "html"])
def test_a_missing_cell_says_why_in_a_footnote(faulty, format):
    text = render(faulty, format)
    assert "failed" in text
    assert "n/a" in text
    assert "1B-DPO: the dataset is gated: ask for access, then rerun" in text
    assert "1B: no chat template" in text


def test_the_child_of_a_failed_parent_points_to_the_parents_footnote(faulty):
    table = lay_out(faulty).tables[3]
    row = next(row for block in table.blocks for row in block.rows if row.label == "mmlu")
    dpo, instruct = row.cells[5], row.cells[6]
    assert (dpo.text, instruct.text) == ("failed", "—")
    assert dpo.notes == instruct.notes != ()


def test_a_mixed_edge_is_flagged_wherever_it_shows(faulty):
    report = lay_out(faulty)
    note = 1 + report.notes.index("mixed edge: dtype float32 against bfloat16")
    edges = [row for block in report.tables[1].blocks for row in block.rows]
    assert [row.label for row in edges if row.mixed] == ["1B → 1B-Law"] * 2
    cells = [
        cell
        for table in report.tables[3:]
        for block in table.blocks
        for row in block.rows
        for cell in row.cells
        if cell.mixed
    ]
    assert len(cells) == 2
    assert all(cell.notes == (note,) for cell in cells)
    assert f"⚠{'⁰¹²³⁴⁵⁶⁷⁸⁹'[note]}" in render(faulty, "table")


def test_neither_mixed_edges_nor_failed_cells_enter_a_mean(faulty):
    table = lay_out(faulty).tables[3]
    mean = table.blocks[1].rows[-1]
    assert [cell.extra for cell in mean.cells[3:]] == [
        "", "", "(6 of 7)", "(6 of 7)", "(6 of 7)",
    ]  # fmt: skip


def stage(model, base=None, *scores) -> Stage:
    return Stage(model, None, "pretrained", base, (), {}, {}, {}, scores)


def score(benchmark="b", value=0.5, shots=0, normalised=0.5, metric="acc", **others) -> StageScore:
    fields = {
        "filter": "none", "protocol": "uniform", "axis": "general", "capability": "c", "n": 10,
        "stderr": 0.1, "chance": 0.0, "status": "scored", **others,
    }  # fmt: skip
    return StageScore(
        benchmark=benchmark, metric=metric, num_fewshot=shots, value=value,
        normalised=normalised, **fields,
    )  # fmt: skip


def change(base, other, benchmark="b", delta=0.1, metric="acc") -> Contrast:
    return Contrast(
        base, other, benchmark, metric, "none", "uniform", 10,
        delta, None, None, None, None, None, None, axis="general", mde=None,
    )  # fmt: skip


def test_a_score_that_is_no_share_of_one_is_shown_as_it_is_and_in_no_mean():
    raw = {"normalised": None, "metric": "word_perplexity", "chance": None}
    report = Tradeoff(
        "f",
        "s",
        (),
        (
            stage("a/m", None, score(), score("wikitext", 12.345, **raw)),
            stage("a/n", "a/m", score(), score("wikitext", 11.345, **raw)),
        ),
        (change("a/m", "a/n"), change("a/m", "a/n", "wikitext", -1.0, "word_perplexity")),
    )
    rows = {row.label: row for row in lay_out(report).tables[-1].blocks[0].rows}
    assert [cell.text for cell in rows["wikitext (raw)"].cells[3:]] == ["12.35", "−1.00"]
    assert [cell.text for cell in rows["mean"].cells[3:]] == ["50.0", "+10.0"]


def test_a_task_asked_with_two_shots_keeps_its_changes_apart_even_if_one_failed():
    report = Tradeoff(
        "f",
        "s",
        (),
        (
            stage("a/m", None, score(shots=0), score(shots=5)),
            stage("a/n", "a/m", score(shots=0, value=None, status="failed"), score(shots=5)),
        ),
        (change("a/m", "a/n", delta=0.25),),
    )
    zero, five, _ = lay_out(report).tables[-1].blocks[0].rows
    assert (zero.cells[1].text, zero.cells[4].text) == ("0", "failed")
    assert (five.cells[1].text, five.cells[4].text) == ("5", "+25.0")


def test_a_merge_has_a_column_for_each_parent():
    report = Tradeoff(
        "f",
        "s",
        (),
        (
            stage("x/a", None, score()),
            stage("x/b", None, score()),
            stage("x/m", ["x/a", "x/b"], score()),
        ),
        (change("x/a", "x/m", delta=0.1), change("x/b", "x/m", delta=-0.2)),
    )
    table = lay_out(report).tables[-1]
    titles = [(column.title, column.under) for column in table.columns[3:]]
    assert titles == [("a", "score"), ("b", "score"), ("m", "vs a"), ("m", "vs b")]
    assert [cell.text for cell in table.blocks[0].rows[0].cells[5:]] == ["+10.0", "−20.0"]


def test_children_stand_below_their_parents_whatever_the_order():
    stages = [stage("grandchild", "child"), stage("child", "root"), stage("root")]
    assert [(each.model, depth) for each, depth in tree(stages)] == [
        ("root", 0),
        ("child", 1),
        ("grandchild", 2),
    ]


def test_a_circle_of_parents_still_shows_every_stage():
    stages = [stage("a", "b"), stage("b", "a"), stage("c", "c")]
    assert sorted(each.model for each, _ in tree(stages)) == ["a", "b", "c"]


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=40), unique=True))
def test_short_names_are_distinct_clean_and_narrow(ids):
    names = short_names(ids)
    assert list(names) == ids
    assert len(set(names.values())) == len(ids)
    assert all(name == clean(name) and cell_len(name) <= 20 for name in names.values())


@given(st.sampled_from(HOSTILE) | st.text())
def test_clean_text_holds_nothing_that_a_terminal_obeys(text):
    cleaned = clean(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", cleaned)
    assert clean(cleaned) == cleaned


@given(st.text(), st.integers(3, 40))
def test_shortened_text_fits(text, width):
    assert cell_len(shorten(text, width)) <= width


@slow
@given(tradeoffs(), st.integers(50, 140))
def test_any_tradeoff_prints_in_any_terminal_without_escape_sequences(report, width):
    text = render(report, "table", width=width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert max(map(cell_len, text.splitlines())) <= width


def test_only_a_colourful_terminal_gets_escape_sequences(report):
    assert "\x1b" not in render(report, "table")
    assert "\x1b[1m" in render(report, "table", color=True)
    stream = io.StringIO()
    print_tradeoff(report, Console(file=stream, width=100))
    assert "1B → 1B-SFT" in stream.getvalue()


@slow
@given(tradeoffs())
def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_heading(report):
    width = None
    for line in render(report, "markdown").splitlines():
        if not line.startswith("|"):
            width = None
            continue
        pipes = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        assert width in (None, pipes)
        width = pipes


@given(st.sampled_from(HOSTILE) | st.text())
def test_escaped_markdown_holds_no_html_and_no_bare_pipe(text):
    escaped = markdown_escape(text)
    assert "<" not in escaped
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[\]]", escaped)


@given(st.sampled_from(HOSTILE) | st.text())
def test_escaped_latex_holds_no_command_but_its_own(text):
    escaped = latex_escape(text)
    assert not escaped.startswith(("[", "*"))
    commands = set(re.findall(r"\\([a-zA-Z]+|.)", escaped))
    assert commands <= {
        "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater",
        "textbar", "textquotedbl", "pm", "Delta", "to", "le", "cdot", "triangle", "dots",
        "textdegree", "Rightarrow",
        "{", "}", "$", "&", "#", "%", "_",
    }  # fmt: skip
    bare = re.sub(r"\\.", "", escaped)
    assert not re.search(r"[&#%_~^]", bare)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0


@slow
@given(tradeoffs())
def test_latex_is_balanced_and_no_row_break_swallows_what_follows(report):
    text = render(report, "latex")
    begun = re.findall(r"\\begin\{(\w+)\}", text)
    assert sorted(begun) == sorted(re.findall(r"\\end\{(\w+)\}", text))
    assert not re.search(r"\\\\\s*[\[*]", text)
    for table in text.split(r"\begin{table}")[1:]:
        columns = len(re.search(r"\\begin\{tabular\}\{([lr]+)\}", table)[1])
        body = table[table.index(r"\midrule") : table.index(r"\bottomrule")]
        for line in body.splitlines()[1:]:
            if line.startswith((r"\multicolumn", r"\addlinespace")):
                continue
            assert len(re.findall(r"(?<!\\)&", line)) == columns - 1


def test_latex_captions_carry_targets_provenance_and_reading(report):
    text = render(report, "latex")
    assert r"Trained for (targets): instruction, math, law" in text
    assert r"versions: stagezoo 0.1.0, lm\_eval 0.4.13" in text
    assert "item intervals, one training seed" in text
    assert "at least three training seeds" in text


def test_an_empty_tradeoff_renders_in_every_format():
    for format in set(FORMATS) - set(PICTURES):
        assert render(Tradeoff("f", "s", (), ()), format)


@pytest.mark.parametrize("format", PICTURES)
def test_a_figure_with_nothing_to_show_says_so(format):
    with pytest.raises(ConfigError, match="nothing to draw in the figure 'plane'"):
        render_bytes(Tradeoff("f", "s", (), ()), format)


def test_an_unknown_format_names_the_nearest(report):
    with pytest.raises(ConfigError, match="did you mean 'markdown'"):
        render(report, "markdwon")


def test_names_lose_what_all_share_and_keep_their_full_ids_below(report):
    text = render(report, "table")
    for model in (ROOT, SFT, DPO, LAW):
        assert f"= {model} @ 48d788ecb847d4d7" in text


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'altair', 'vl_convert', 'jinja2', 'rich', 'tabulate', 'pandas', 'torch'}"
    code = f"import sys, zoo.reporting; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module", ["figures", "latex", "lineage", "markdown", "spreadsheet", "text"]
)
def test_examples_in_docstrings_hold(module):
    tested = doctest.testmod(importlib.import_module(f"zoo.reporting.{module}"))
    assert tested.attempted > 0
    assert tested.failed == 0


def test_capabilities_stand_targets_first_as_means_of_normalised_scores(report):
    table = lay_out(report).tables[2]
    assert table.title == "Capabilities"
    block = table.blocks[0]
    labels = [row.label for row in block.rows]
    assert labels[0].endswith("(target)")
    assert len(labels) == len(set(labels))
    stage = report.stages[0]
    label, row = next((r.label, r) for r in block.rows if not r.label.endswith("(target)"))
    values = [
        score.normalised
        for score in stage.scores
        if (score.capability, score.protocol) == (label, block.title)
    ]
    assert row.cells[0].text == f"{100 * sum(values) / len(values):.1f}".replace("-", "−")


@pytest.mark.parametrize("value", [None, 0.5])
def test_other_has_a_column_only_where_some_special_skill_is_no_target(report, value):
    composite = {protocol: Estimate(value) for protocol in ("uniform", "native")}
    stages = tuple(replace(stage, other_special=composite) for stage in report.stages)
    columns = lay_out(replace(report, stages=stages)).tables[0].columns
    assert ("Other" in [column.title for column in columns]) == (value is not None)
