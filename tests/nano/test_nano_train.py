"""The recipes run from end to end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zoo_nano import manifest
from zoo_nano.recipes import STAGES
from zoo_nano.reinforcement import right_sum


def test_importing_the_plugin_does_not_import_torch():
    code = "import sys, zoo_nano; print({'torch', 'transformers', 'trl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (" 73", 1.0),
        (" 8 + 5 = 13, write 3 carry 1. 2 + 4 + 1 = 7. The sum is 73.", 1.0),
        (" 73 and 12", 0.0),
        (" seventy-three", 0.0),
        ("", 0.0),
    ],
)
def test_the_reward_is_the_last_number(text, reward):
    assert right_sum([[{"role": "assistant", "content": text}]], ["73"]) == [reward]


@pytest.mark.train
def test_every_stage_can_be_trained_and_is_entered_into_the_manifest(tmp_path):
    pytest.importorskip("trl")
    command = [sys.executable, "-m", "zoo_nano.train", "--out", str(tmp_path), "--steps", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    entries = manifest.read(tmp_path)
    assert list(entries) == list(STAGES)
    assert manifest.verify(tmp_path) == []
    assert all(entry["settings"]["steps"] == 1 for entry in entries.values())


def test_an_unknown_stage_is_named():
    command = [sys.executable, "-m", "zoo_nano.train", "instrct", "--out", "unused"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean 'instruct'?" in done.stderr
