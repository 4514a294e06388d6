"""What lm-eval wrote, imported: the numbers of a run made here; what is not whole is not taken.

The files are written by lm-eval itself, about real checkpoints and tasks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.zoos import TinyZoo

from importing.looking import (
    analysed,
    changed,
    edges,
    failures,
    item_lines,
    outcome,
    place,
)
from zoo.errors import ConfigError
from zoo.matching import UNPAIRED
from zoo.recall import recall
from zoo.reporting import render
from zoo.store import QUESTIONS, RESPONSES
from zoo.store.exporting import export
from zoo.tradeoffs import tradeoff_of


def test_imported_changes_are_those_of_a_run_on_the_same_models_and_tasks(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    host, done = outcome(lineage, tmp_path, written, suite="mine")
    ran, _ = lineage.run(loader="hf")
    imported, measured = analysed(host, done), analysed(lineage.host(), ran)
    assert {protocol for _, protocol in edges(imported)} == {"uniform", "native"}
    assert set(edges(imported)) == set(edges(measured))
    for key, change in edges(measured).items():
        assert edges(imported)[key] == pytest.approx(change), key
    for ours, theirs in zip(imported.tradeoffs, measured.tradeoffs, strict=True):
        assert vars(ours.general) == pytest.approx(vars(theirs.general))


def test_imported_items_are_known_by_the_ids_and_prompts_of_items_that_were_measured_here(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    _, done = outcome(lineage, tmp_path, written, suite="mine")
    ran, _ = lineage.run(loader="hf")
    for one in done.results:
        (other,) = (r for r in ran.results if place(r) == place(one))
        for ours, theirs in zip(one.items, other.items, strict=True):
            assert ours.prompt_hash == theirs.prompt_hash
            assert (ours.score, ours.chance, ours.response) == (
                theirs.score,
                theirs.chance,
                theirs.response,
            )
            # a task that changes its documents while it scores has other ids: lm-eval's own
            assert ours.item_id == theirs.item_id or ours.item_id.startswith("lm-eval:")
            if ours.confidence is not None:
                assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-6)


def test_results_that_were_dumped_from_python_bring_the_items_that_are_in_them(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    _, dumped = outcome(lineage, tmp_path / "one", written.parent / "dumped", suite="mine")
    _, logged = outcome(lineage, tmp_path / "two", written / "plain", suite="mine")
    assert len(dumped.results) == len(logged.results) > 0
    for one, two in zip(dumped.results, logged.results, strict=True):
        assert place(one)[1:] == place(two)[1:]
        assert one.items == two.items


@pytest.mark.parametrize("samples", ["text", 5, [7], [{"doc": {}}], {"a": 1}])
def test_items_in_a_dump_that_are_none_cost_their_cell(
    samples: object, lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    content = json.loads((written.parent / "dumped/base.json").read_text())
    content["samples"]["tiny_write"] = samples
    path = tmp_path / "dumped.json"
    path.write_text(json.dumps(content))
    _, done = outcome(lineage, tmp_path / "one", path, suite="mine")
    (failed,) = [each for each in done.results if each.status == "failed"]
    assert failed.spec.benchmark.task == "tiny_write"
    assert "is no item: it has no doc_id" in failed.error


def test_a_change_between_an_imported_and_a_measured_end_is_marked_as_mixed(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    from zoo.tradeoff import contrast

    _, done = outcome(lineage, tmp_path, written, suite="mine")
    ran, _ = lineage.run(loader="hf")
    (imported,) = (r for r in done.results if place(r) == ("./base", "tiny_choice", "uniform"))
    (measured,) = (r for r in ran.results if place(r) == ("./chat", "tiny_choice", "uniform"))
    measured = replace(measured, spec=replace(measured.spec, benchmark=imported.spec.benchmark))
    assert "loader imported against hf" in contrast(imported, measured).mixed


def test_an_import_becomes_a_run_that_a_report_reads_again(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    host, done = outcome(lineage, tmp_path, written)
    found = recall(host.store)
    assert [each.items for each in found.results] == [each.items for each in done.results]
    assert edges(analysed(host, done)) == edges(
        tradeoff_of(host, found.family, found.suite, found.results, found.records)
    )
    assert list(host.store.keys(QUESTIONS))
    assert not list(host.store.keys(RESPONSES))
    assert host.store.verify() == []
    copy = export(host.store, host.store.runs(), tmp_path / "copy.zip")
    assert copy.problems == ()


def test_every_form_of_a_report_says_that_it_was_imported(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    host, done = outcome(lineage, tmp_path, written)
    tradeoff = analysed(host, done)
    for format in ("table", "markdown", "latex", "html", "csv"):
        assert "lm-eval 0.4" in render(tradeoff, format), format
    assert all(s["imported"] for stage in tradeoff.to_dict()["stages"] for s in stage["scores"])


def test_provenance_says_what_the_files_say_of_themselves(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    _, done = outcome(lineage, tmp_path, written)
    said = next(
        r for r in done.results if place(r) == ("./chat", "tiny_choice", "native")
    ).provenance.imported
    assert said["format"].startswith("lm-eval 0.4")
    assert said["chat_template"] == "applied"
    assert "pretrained=" in said["model_args"]
    assert {"file", "file_sha256", "samples_sha256", "date", "n_shot", "task_version"} <= set(said)


def test_without_items_the_interval_is_unpaired_and_wider_and_says_so(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    paired = analysed(*outcome(lineage, tmp_path / "a", copied, suite="mine"))
    item_lines(copied).unlink()
    unpaired = analysed(*outcome(lineage, tmp_path / "b", copied, suite="mine"))
    (before,) = (e for e in paired.edges if e.benchmark == "tiny_choice")
    (after,) = (e for e in unpaired.edges if e.benchmark == "tiny_choice")
    assert before.mixed == ""
    assert after.mixed == UNPAIRED
    assert after.delta == pytest.approx(before.delta)
    assert after.high - after.low > before.high - before.low
    assert (after.gained, after.lost) == (None, None)
    assert all(t.general.delta is None for t in unpaired.tradeoffs)
    render(unpaired, "html")


def test_documents_that_stand_twice_are_told_apart_by_their_order(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    for model in ("base", "chat"):
        path = item_lines(copied, model=model)
        first = json.loads(path.read_text("utf-8").splitlines()[0])
        twin = {name: first[name] for name in ("doc", "doc_hash")}
        changed(path, lambda row, twin=twin: row.update(twin), line=1)
    host, done = outcome(lineage, tmp_path, copied, suite="mine")
    items = next(r.items for r in done.results if r.spec.benchmark.task == "tiny_choice")
    assert items[1].item_id == f"{items[0].item_id}#1"
    (edge,) = (e for e in analysed(host, done).edges if e.benchmark == "tiny_choice")
    assert (edge.n, edge.mixed) == (12, "")


def test_hostile_text_is_shown_as_text(lineage: TinyZoo, copied: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\u202e\ud800"
    changed(item_lines(copied, "tiny_write"), lambda row: row.update(resps=[[hostile]]))
    for path in copied.glob("*chat/results_*.json"):
        table = json.loads(path.read_text("utf-8"))
        table["git_hash"] = table["lm_eval_version"] = hostile.replace("\ud800", "")
        path.write_text(json.dumps(table), "utf-8")
    host, done = outcome(lineage, tmp_path, copied)
    assert failures(done) == {}
    tradeoff = analysed(host, done)
    assert "<script>alert" not in render(tradeoff, "html", items=tradeoff.items)
    assert "<script>alert" not in render(tradeoff, "markdown")
    for format in ("table", "markdown", "csv"):
        shown = render(tradeoff, format)
        assert not {"\x1b", "\u202e"} & set(shown), format


def test_of_two_results_for_one_cell_the_newer_one_counts_and_the_other_is_named(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    (path,) = copied.glob("*chat/results_*.json")
    table = json.loads(path.read_text("utf-8"))
    table["date"] += 3600
    newer = path.with_name("results_2031-01-01T00-00-00.000000.json")
    newer.write_text(json.dumps(table), "utf-8")
    _, done = outcome(lineage, tmp_path, copied, suite="mine")
    chat = [r for r in done.results if "chat" in r.spec.model.id]
    assert {r.provenance.imported["file"] for r in chat} == {newer.name}
    assert len(done.notes) == 3
    assert all(path.name in note for note in done.notes)


def test_a_task_that_the_suite_does_not_ask_is_named(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    (path,) = copied.glob("*chat/results_*.json")
    table = json.loads(path.read_text("utf-8"))
    table["n-shot"]["tiny_write"] = 5
    path.write_text(json.dumps(table), "utf-8")
    lineage.measure("tiny_write", num_fewshot="0")
    try:
        _, done = outcome(lineage, tmp_path, copied, suite="mine")
    finally:
        lineage.measure("tiny_write")
    (note,) = done.notes
    assert "tiny_write with 5 shots" in note


def test_the_command_imports_shows_the_trade_off_and_fails_where_a_file_is_refused(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    (copied / "results_2030-01-01T00-00-00.json").write_text("{}", "utf-8")
    words = [
        sys.executable, "-m", "zoo", "import", str(copied), "--suite", "mine",
        "--store", str(tmp_path / "store"), "--config", str(lineage.write()), "--no-plugins",
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "6 cells: 6 imported" in done.stdout
    assert "base → chat" in done.stdout
    assert "zoo: not imported:" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_imported_models_are_compared_with_the_prompts_that_their_files_hold(
    lineage: TinyZoo, written: Path, tmp_path: Path
) -> None:
    from zoo.comparing import compare

    host, _ = outcome(lineage, tmp_path, written, suite="mine")
    found = compare(host, "./base", "./chat")
    prompts = {name: (ours, theirs) for name, ours, theirs in found.prompts}
    ours, theirs = prompts["tiny_choice · native"]
    assert ours.startswith("question: what comes after")
    assert ours in theirs
    assert "tiny_choice · uniform" not in prompts
    assert {row.benchmark for row in found.manners} == {"tiny_write", "tiny_lists"}


def test_imported_answers_are_not_scored_again(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    from zoo.rescoring import rescore

    host, _ = outcome(lineage, tmp_path, copied)
    with pytest.raises(ConfigError, match="was imported"):
        rescore(host)
