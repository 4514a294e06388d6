"""`zoo train` as a user types it: killed, interrupted, gone on with, and found finished."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Zoo

from zoo.cli import main

NUDGE = Path(__file__).parents[1] / "training" / "nudge.py"
OUT = Path("stages/nano/nudged")


def manifest_of(zoo: Zoo) -> dict[str, Any]:
    return json.loads((zoo.folder / OUT / "zoo-training.json").read_text())


def last_step(zoo: Zoo) -> object:
    log = manifest_of(zoo)["log"]
    return log[-1]["step"] if log else None


def wait_for(come: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not come():
        assert time.monotonic() < deadline, "what is waited for did not come"
        time.sleep(0.02)


def test_a_training_survives_kill_9_and_ctrl_c_and_is_found_finished(zoo: Zoo) -> None:
    zoo.install("nudge", NUDGE.read_text())
    holds = zoo.folder / "holds"
    holds.mkdir()
    for step in (5, 10):
        (holds / str(step)).touch()
    words = ["train", "nano", "nudged", "--set", "steps=12,holds=holds", "--save-every", "1"]
    words += ["--threads", "1", "--progress", "json"]

    killed = zoo.start(*words)
    wait_for((zoo.folder / OUT / "zoo-training.json").exists)
    wait_for(lambda: last_step(zoo) == 4)
    second = zoo(*words)
    assert second.returncode == 2
    assert "another training is at work" in second.stderr
    killed.kill()
    killed.communicate()
    first = manifest_of(zoo)
    assert first["status"] == "unfinished"
    assert first["seconds"] > 0

    (holds / "5").unlink()
    stopped = zoo.start(*words)
    wait_for(lambda: last_step(zoo) == 9)
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate()
    assert stopped.returncode == 130
    assert f"stopped after step 9; the same goes on with: zoo {' '.join(words)}" in said
    second_life = manifest_of(zoo)
    assert second_life["seconds"] > first["seconds"]

    (holds / "10").unlink()
    done = zoo(*words)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "finished"]
    assert events[0]["step"] == 9
    assert all(10 <= event["step"] <= 12 for event in events if event["event"] == "step")
    assert events[-2]["step"] == events[-2]["steps"] == 12
    assert "chatter" not in done.stdout + done.stderr
    assert "zoo run nano evaluates the lineage" in done.stdout
    last = manifest_of(zoo)
    assert last["status"] == "finished"
    assert last["seconds"] > second_life["seconds"]
    assert [point["step"] for point in last["log"]] == list(range(1, 13))
    assert last["packages"]["nudge"] == "1.0"

    again = zoo(*words, "--json")
    found = json.loads(again.stdout)
    assert (found["trained"], found["model"]) == (False, "./stages/nano/nudged")
    assert found["manifest"] == last


def test_what_would_be_done_is_said_and_what_cannot_be_is_refused_before_torch(zoo: Zoo) -> None:
    zoo.install("nudge", NUDGE.read_text())
    (zoo.home / "torch.py").write_text("raise SystemExit('torch was imported')")
    plan = zoo("train", "nano", "nudged", "--dry-run", "--json")
    assert plan.returncode == 0, plan.stderr
    found = json.loads(plan.stdout)
    assert (found["of"], found["options"]["rate"], found["data"]["rows"]) == ("nudge", 2.0, 5)
    assert not (zoo.folder / "stages").exists()
    (zoo.folder / "rows.csv").write_text("txt\na\n")
    wrong = zoo("train", "nano", "mine", "--recipe", "nudge", "--data", "rows.csv")
    assert wrong.returncode == 2
    assert "rows.csv: row 1 has txt; the recipe nudge wants text, or a and b" in wrong.stderr


def test_recipes_are_listed_with_their_columns_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["recipes", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["lora"]["columns"] == ["text", "prompt + completion"]
    assert listed["lora"]["options"]["rank"] == 16
    assert listed["nano/fine-tuned"]["of"] == "full"
    assert listed["nano/fine-tuned"]["options"]["learning_rate"] == 0.0004
    assert {"regime", "description", "targets", "plugin"} <= listed["lora"].keys()
    assert main(["recipes"]) == 0
    shown = capsys.readouterr().out
    assert "learning_rate" not in shown
    assert shown.index("dpo") < shown.index("nano/dpo"), "ways of training before those made ready"
    assert main(["recipes", "nano/fine-tuned"]) == 0
    assert re.search(r"^learning_rate +0.0004$", capsys.readouterr().out, re.MULTILINE)
    assert main(["recipes", "loar"]) == 2
    assert "did you mean 'lora'?" in capsys.readouterr().err
