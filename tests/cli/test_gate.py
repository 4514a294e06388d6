"""`zoo gate` by its exit status: real models, a planted harm and none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.api import open_zoo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a copy of the base, which is a child that took no harm."""
    made = tmp_path_factory.mktemp("gate")
    family = open_zoo().discovery.families["nano"]
    (base,) = [model for model in family.models if model.id == "nano/pretrained"]
    shutil.copytree(str(base.loader_args["pretrained"]), made / "child")
    return made


def gate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zoo", "gate", *words, "--protocol", "uniform"]
    command += ["--tasks", "core_facts,core_qa_fewshot", "--progress", "none"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_specialist_that_lost_general_ability_is_stopped(folder: Path) -> None:
    done = gate(folder, "nano/fine-tuned")
    assert done.returncode == 3, done.stderr
    assert "nano/fine-tuned against nano/pretrained, uniform" in done.stdout, "its parent"
    assert "Harm was found: G, knowledge, question-answering." in done.stdout


def test_an_unharmed_child_passes_and_within_a_margin_too_fine_for_the_items_it_is_in_doubt(
    folder: Path,
) -> None:
    passed = gate(folder, "./child", "--against", "nano/pretrained", "--margin", "0.05", "--json")
    assert passed.returncode == 0, passed.stderr
    found = json.loads(passed.stdout)
    assert (found["schema"], found["ruling"]) == ("zoo.gate/1", "no harm")
    assert {row["what"] for row in found["rows"]} == {"G", "knowledge", "question-answering"}
    assert all(row["delta"] == 0 for row in found["rows"])
    doubted = gate(folder, "./child", "--against", "nano/pretrained")
    assert doubted.returncode == 1
    assert "times the items could" in doubted.stdout
    allowed = gate(folder, "./child", "--against", "nano/pretrained", "--allow-doubt")
    assert allowed.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nano/pretrained"], "names no parent; say with --against what it is held to"),
        (["nano/rl", "--against", "nano/nothing"], "nano/nothing"),
        (["nano/rl", "--against", "nano/instruct", "--margin", "2"], "two points are 0.02"),
        (["nano/rl", "--against", "nano/rl"], "is held against itself"),
        (
            ["nano/instruct", "--against", "nano/rl", "--limit", "5", "--json"],
            "did you mean 'nano/instruct against nano/rl, uniform'?",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_status_2(
    folder: Path, words: list[str], said: str
) -> None:
    done = gate(folder, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
