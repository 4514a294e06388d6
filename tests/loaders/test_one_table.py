"""Models of three kinds as stages of a family: one run, one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo.authoring.tiny import save_checkpoint
from zoo.cli import main

TASKS = ("core_facts", "core_qa")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[tuple[str, str], dict]]:
    """What `zoo run`, then `zoo report`, says of each model and benchmark."""
    root: Path = tmp_path_factory.mktemp("kinds")
    lines = ['{ id = "nano/pretrained", regime = "pretrained" }']
    for name, kind in (("t5", "encoder-decoder"), ("bert", "masked")):
        for seed, stage in enumerate(("base", "tuned")):
            save_checkpoint(root / f"{name}-{stage}", seed=seed, kind=kind)
        lines.append(f'{{ id = "./{name}-base", regime = "pretrained" }}')
        parent = f'base_model = "./{name}-base"'
        lines.append(f'{{ id = "./{name}-tuned", regime = "fine-tuned", {parent} }}')
    table = ",\n".join(lines)
    (root / "zoo.toml").write_text(f'[families.kinds]\nsuite = "core"\nmodels = [{table}]\n')
    where = ["kinds", "--config", str(root / "zoo.toml"), "--no-plugins"]
    how = ["--protocol", "uniform", "--limit", "3", "--device", "cpu", "--progress", "none"]
    done = main(["run", *where, "--tasks", ",".join(TASKS), *how])
    assert done == 0, "what cannot be asked has not failed"
    out = root / "report.json"
    assert main(["report", *where, "--format", "json", "--output", str(out)]) == 0
    return json.loads(out.read_text())


def cells(report: dict, benchmark: str) -> dict[str, dict]:
    return {
        stage["model"]: score
        for stage in report["stages"]
        for score in stage["scores"]
        if score["benchmark"] == benchmark
    }


def test_choices_are_scored_for_every_kind(report: dict) -> None:
    found = cells(report, "core_facts")
    assert len(found) == 5
    assert {each["status"] for each in found.values()} == {"scored"}


def test_what_a_masked_model_cannot_write_is_not_applicable_with_the_reason(report: dict) -> None:
    found = cells(report, "core_qa")
    unasked = {model for model, each in found.items() if each["status"] == "not_applicable"}
    assert unasked == {"./bert-base", "./bert-tuned"}
    assert "fills gaps and writes no text" in found["./bert-base"]["error"]
    assert {each["status"] for model, each in found.items() if model not in unasked} == {"scored"}


def test_each_kind_is_asked_by_its_loader_and_parent_and_child_alike(report: dict) -> None:
    assert report["provenance"]["loader"] == ["masked", "seq2seq", "torch"]
    edges = [each for each in report["edges"] if each["benchmark"] == "core_facts"]
    assert {each["other"] for each in edges} == {"./t5-tuned", "./bert-tuned"}
    assert not any(each["mixed"] for each in edges)
