"""`zoo leaderboard` and `zoo.leaderboard`: what is asked for, in the form that is asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from ranking.synthetic import fill

import zoo
from zoo.cli import main

TOML = """
[zoo]
store = "results"
[families.mine]
models = [{ id = "org/model-0", regime = "pretrained" }]
[leaderboards.main]
families = ["family-0", "family-2"]
suite = "made-up"
"""

Said = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("zoo")
    fill(root / "results", 30, 8, ("uniform", "native"))
    return root


@pytest.fixture
def said(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")
    (folder / "zoo.toml").unlink(missing_ok=True)

    def run(*words: str, status: int = 0) -> str:
        assert main(["leaderboard", "--no-plugins", *words]) == status
        streams = capsys.readouterr()
        return streams.err if status else streams.out

    return run


def test_without_a_configuration_the_suite_that_most_models_were_asked_is_ranked(
    said: Said,
) -> None:
    text = said()
    assert "Leaderboard of made-up" in text
    assert "made-up is the suite that most models were asked" in text
    assert text.count("org/model-") >= 60


def test_a_leaderboard_of_zoo_toml_is_of_its_families(said: Said, folder: Path) -> None:
    (folder / "zoo.toml").write_text(TOML, encoding="utf-8")
    named = said("main", "--format", "json")
    assert json.loads(named)["name"] == "main"
    assert {row["family"] for row in json.loads(named)["rows"]} == {"family-0", "family-2"}
    assert said("--format", "json") == named
    assert "did you mean 'main'?" in said("mian", status=2)


def test_filters_and_order_come_from_flags(said: Said) -> None:
    wanted = "--family family-1 --protocol native --sort S --min-size 12B --format json"
    rows = json.loads(said(*wanted.split()))["rows"]
    assert {row["family"] for row in rows} == {"family-1"}
    assert {row["protocol"] for row in rows} == {"native"}
    assert min(row["parameters"] for row in rows) >= 12e9
    values = [row["special"]["value"] for row in rows]
    assert values == sorted(values, reverse=True)


def test_each_form_holds_every_entry_and_a_file_says_by_its_name_which(
    said: Said, folder: Path
) -> None:
    lines = list(csv.DictReader(io.StringIO(said("--format", "csv"))))
    assert len(lines) == 60
    assert {"rank_low", "rank_high", "G", "S", "delta_G", "task000:0 acc"} <= lines[0].keys()
    assert said("--format", "markdown").count("org/model-12 ") >= 2
    assert said("--format", "latex").count(r"\begin{tabular}") >= 1
    assert said("--output", "board.html") == ""
    assert "Content-Security-Policy" in (folder / "board.html").read_text("utf-8")
    assert said("--output", "board.md", "--top", "1") == ""
    assert (folder / "board.md").read_text("utf-8").startswith("## Leaderboard")
    assert "leaderboard format" in said("--format", "jsn", status=2)


def test_a_terminal_shows_the_first_and_says_how_to_see_all(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.cli.leaderboard.SHOWN", 5)
    assert "10 of 60 entries; `--top 60` shows every one" in said()
    assert "shows every one" not in said("--top", "2")


def test_only_what_is_significantly_better_than_a_parent_is_kept(said: Said) -> None:
    rows = json.loads(said("--significant", "--format", "json"))["rows"]
    assert 0 < len(rows) < 60
    for row in rows:
        assert any(d["general"]["delta"] > 0 and d["p_adjusted"] <= 0.05 for d in row["deltas"])


def test_a_store_without_a_run_says_what_makes_one(said: Said, tmp_path: Path) -> None:
    text = said("--store", str(tmp_path / "empty"), status=2)
    assert text.count("\n") == 1
    assert "`zoo run` makes one" in text


def test_in_python_it_is_a_frame_a_page_and_a_dict(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    board = zoo.leaderboard(store=folder / "results", families=["family-2"], protocol="native")
    assert board.to_dict()["schema"] == "zoo.leaderboard/1"
    frame = board.to_frame()
    assert list(frame.model)[:1] == [board.entries[0].model]
    assert len(frame) == 10
    assert board.to_html().startswith("<!doctype html>")
