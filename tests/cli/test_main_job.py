"""The main job on the embedded family: one command, offline, to the trade-off table."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

STAGES = ("nano/pretrained", "nano/fine-tuned", "nano/fine-tuned-lora", "nano/instruct", "nano/rl")


@pytest.fixture(scope="session")
def report(nano: Any) -> dict[str, Any]:
    """`zoo report --format json` of the run."""
    done = nano("report", "nano", "--suite", "core", "--format", "json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def score_of(report: dict[str, Any], stage: str, benchmark: str, protocol: str) -> float:
    """A stage's raw score."""
    (found,) = [
        score["value"]
        for each in report["stages"]
        if each["model"] == stage
        for score in each["scores"]
        if (score["benchmark"], score["protocol"]) == (benchmark, protocol)
    ]
    return float(found)


def delta_of(report: dict[str, Any], other: str, benchmark: str, protocol: str) -> dict[str, Any]:
    """The change of one benchmark along the edge that ends in `other`."""
    (found,) = [
        edge
        for edge in report["edges"]
        if (edge["other"], edge["benchmark"], edge["protocol"]) == (other, benchmark, protocol)
    ]
    return dict(found)


def test_zoo_run_alone_ends_with_the_table_and_the_path_of_the_report(nano: Any) -> None:
    assert nano.first.returncode == 0, nano.first.stderr
    assert "What each stage gained and paid" in nano.first.stdout
    path = re.search(r"^report: (\S+\.html)$", nano.first.stdout, re.MULTILINE)
    assert path is not None
    assert "<html" in Path(path[1]).read_text(encoding="utf-8")
    for stage in ("pretrained", "fine-tuned", "fine-tuned-lora", "instruct", "rl"):
        assert stage in nano.first.stdout


def test_the_run_reaches_for_no_network(nano: Any) -> None:
    assert nano.zoo.connections == []


def test_the_run_takes_less_than_three_gigabytes(nano: Any) -> None:
    assert nano.peak_bytes < 3e9


def test_progress_names_models_and_says_how_much_there_is_to_do(nano: Any) -> None:
    assert re.search(
        r"nano on core: 5 models, 100 cells, 0 in the store, \d+ requests", nano.first.stderr
    )
    for stage in STAGES:
        assert stage in nano.first.stderr


def test_a_second_run_computes_no_cell_again(nano: Any) -> None:
    again = nano("run", "--progress", "json")
    assert again.returncode == 0
    assert "100 cells: 0 evaluated, 100 re-used from the store" in again.stdout
    events = [json.loads(line) for line in again.stderr.splitlines() if line.startswith("{")]
    assert {"preparing", "start", "finished"} == {event["event"] for event in events}


def test_the_report_as_json_is_the_contract(report: dict[str, Any]) -> None:
    schema = json.loads(files("zoo.reporting").joinpath("tradeoff.schema.json").read_text("utf-8"))
    jsonschema.validate(report, schema)
    assert report["schema"] == "zoo.tradeoff/1"
    assert [stage["model"] for stage in report["stages"]] == list(STAGES)
    scores = [score for stage in report["stages"] for score in stage["scores"]]
    assert len(scores) == 100
    assert {score["status"] for score in scores} == {"scored"}
    assert min(score["n"] for score in scores) >= 100


@pytest.mark.parametrize("format", ["table", "markdown", "latex", "csv", "html", "svg"])
def test_every_format_renders_the_stored_run_again(nano: Any, format: str) -> None:
    done = nano("report", "nano", "--format", format)
    assert done.returncode == 0, done.stderr
    assert "fine-tuned" in done.stdout


def test_the_base_fails_bare_questions_and_answers_with_examples(report: dict[str, Any]) -> None:
    bare = score_of(report, "nano/pretrained", "core_qa", "native")
    shown = score_of(report, "nano/pretrained", "core_qa_fewshot", "native")
    assert bare < 0.05
    assert shown > bare + 0.2


def test_the_fine_tuned_stages_gain_their_domain(report: dict[str, Any]) -> None:
    for stage in ("nano/fine-tuned", "nano/fine-tuned-lora"):
        assert delta_of(report, stage, "core_reports", "uniform")["low"] > 0.02


def test_instruction_tuning_answers_follows_formats_and_abstains(report: dict[str, Any]) -> None:
    for benchmark in ("core_qa", "core_format", "core_abstain"):
        assert delta_of(report, "nano/instruct", benchmark, "native")["low"] > 0.02


def test_reinforcement_lifts_sums(report: dict[str, Any]) -> None:
    assert delta_of(report, "nano/rl", "core_arithmetic", "native")["low"] > 0.02


def test_ask_shows_the_base_going_on_and_the_instruct_answering(nano: Any) -> None:
    done = nano("ask", "대한민국의 수도는?", "--json")
    assert done.returncode == 0, done.stderr
    said = {row["model"]: row for row in json.loads(done.stdout)}
    assert set(said) == set(STAGES)
    assert "?" in said["nano/pretrained"]["raw"], "the base writes the next question"
    assert said["nano/pretrained"]["native"] == said["nano/pretrained"]["raw"]
    assert "서울" in said["nano/instruct"]["native"]
    assert "?" not in said["nano/instruct"]["native"]


def test_compare_shows_configuration_and_prompts_before_scores(nano: Any) -> None:
    done = nano("compare", "nano/pretrained", "nano/instruct")
    assert done.returncode == 0, done.stderr
    order = [done.stdout.index(word) for word in ("chat_template", "First prompt", "Scores")]
    assert order == sorted(order)


def test_a_single_stage_can_be_run_by_its_id_from_the_same_store(nano: Any) -> None:
    done = nano("run", "nano/pretrained", "nano/rl", "--progress", "none", "--tasks", "core_facts")
    assert done.returncode == 0, done.stderr
    assert "4 cells: 0 evaluated, 4 re-used from the store" in done.stdout


def test_stages_named_for_a_report_keep_their_place_in_the_lineage(nano: Any) -> None:
    done = nano("report", "nano/pretrained", "nano/rl", "--format", "json")
    assert done.returncode == 0, done.stderr
    edges = {(e["base"], e["other"]) for e in json.loads(done.stdout)["edges"]}
    assert edges == {("nano/pretrained", "nano/rl")}, "the nearest ancestor that is shown"


def test_a_bare_report_shows_the_newest_run_and_nothing_else(nano: Any) -> None:
    ran = nano("run", "nano/pretrained", "nano/rl", "--tasks", "core_facts", "--progress", "none")
    assert ran.returncode == 0, ran.stderr
    shown = json.loads(nano("report", "--format", "json").stdout)
    assert (shown["suite"], len(shown["stages"])) == ("core_facts", 2)
    assert len(json.loads(nano("report", "nano", "--format", "json").stdout)["stages"]) == 5


def test_view_serves_the_stored_run_until_it_is_interrupted(nano: Any) -> None:
    viewer = nano.zoo.start("view", "nano")
    line = viewer.stdout.readline()
    address = re.search(r"^(http://127\.0\.0\.1:\d+/) shows nano on core", line)
    assert address is not None, line
    with urllib.request.urlopen(address[1], timeout=30) as answer:
        assert b"Items, the same one across all stages" in answer.read()
    with urllib.request.urlopen(address[1] + "items/0/texts?rows=0", timeout=30) as answer:
        texts = json.loads(answer.read())
    assert texts["questions"][0]["prompts"][0]
    viewer.send_signal(signal.SIGINT)
    assert viewer.wait(timeout=30) == 0
    assert "Traceback" not in viewer.stderr.read()


@pytest.mark.parametrize("figure", ["plane", "slope", "heatmap", "lineage"])
def test_a_figure_of_the_stored_run_is_a_picture(nano: Any, figure: str) -> None:
    done = nano("report", "nano", "--figure", figure, "--output", f"{figure}.png")
    assert done.returncode == 0, done.stderr
    data = (nano.zoo.folder / f"{figure}.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    width = int.from_bytes(data[16:20], "big")
    assert width > 400


def test_a_figure_that_does_not_exist_names_the_nearest(nano: Any) -> None:
    done = nano("report", "nano", "--figure", "slop", "--output", "slope.svg")
    assert done.returncode == 2
    assert "did you mean 'slope'" in done.stderr
