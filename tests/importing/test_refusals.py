"""What is not whole or belongs to nobody is refused by name, and the rest goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.zoos import TinyZoo

from importing.looking import changed, failures, item_lines, outcome
from zoo.errors import ConfigError, UnknownNameError

DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a broken line": (
        lambda path: path.write_text(path.read_text("utf-8")[:-40], "utf-8"),
        "line 12, is damaged",
    ),
    "bytes that are no text": (
        lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
        "line 1, is damaged",
    ),
    "a missing item": (
        lambda path: path.write_text("\n".join(path.read_text("utf-8").splitlines()[1:]), "utf-8"),
        "holds 11 items and its results file counts 12",
    ),
    "an item twice": (
        lambda path: path.write_text(
            path.read_text("utf-8") + path.read_text("utf-8").splitlines()[0], "utf-8"
        ),
        "holds the item 0 twice",
    ),
    "no number": (lambda path: changed(path, lambda row: row.update(acc=math.nan)), "no finite"),
    "a huge number": (lambda path: changed(path, lambda row: row.update(acc=10**400)), "no finite"),
    "an infinite number": (
        lambda path: path.write_text(path.read_text("utf-8").replace('"acc": ', '"acc": 1e999 ', 1)
                                     .replace("1e999 0.0", "1e999").replace("1e999 1.0", "1e999"),
                                     "utf-8"),
        "no finite",
    ),
    "an item without its document": (
        lambda path: changed(path, lambda row: (row.pop("doc"), row.pop("doc_hash"))),
        "neither document nor doc_hash",
    ),
    "an answer that is no likelihood": (
        lambda path: changed(path, lambda row: row.update(resps=[[["x", "y"]]])),
        "log-likelihood that is no number",
    ),
    "another score than its results file says": (
        lambda path: changed(path, lambda row: row.update(acc=1.0 - row["acc"])),
        "is not of its results file",
    ),
    "deep nesting": (
        lambda path: path.write_text("[" * 100_000 + path.read_text("utf-8"), "utf-8"),
        "line 1, is damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_costs_its_own_cell_and_is_named(
    damage: str, lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    spoil, reason = DAMAGES[damage]
    spoil(item_lines(copied))
    _, done = outcome(lineage, tmp_path, copied, suite="mine")
    (((model, task), error),) = failures(done).items()
    assert (model, task) == ("chat", "tiny_choice")
    assert reason in error
    assert "\n" not in error
    assert sum(each.status == "scored" for each in done.results) == 5


def test_secrets_in_model_arguments_are_struck(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    for path in copied.glob("*/results_*.json"):
        table = json.loads(path.read_text("utf-8"))
        table["config"]["model_args"]["api_key"] = "very-secret-indeed"
        path.write_text(json.dumps(table), "utf-8")
    host, _ = outcome(lineage, tmp_path, copied)
    kept = b"".join(p.read_bytes() for p in host.store.root.rglob("*") if p.is_file())
    assert b"very-secret" not in kept
    assert b"[redacted]" in kept


def test_results_of_a_model_that_no_family_names_are_refused_by_name_and_the_rest_goes_on(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    (path,) = copied.glob("*chat/results_*.json")
    table = json.loads(path.read_text("utf-8"))
    table["model_name"] = "./chatt"
    path.write_text(json.dumps(table), "utf-8")
    _, done = outcome(lineage, tmp_path, copied)
    (problem,) = done.problems
    assert "'./chatt'" in problem
    assert "did you mean './chat'?" in problem
    assert "--model" in problem
    assert {Path(r.spec.model.id).name for r in done.results} == {"base"}
    _, done = outcome(lineage, tmp_path, copied, models={"./chat": "./chatt"})
    assert done.problems == ()
    _, done = outcome(lineage, tmp_path, copied, models={"./chat": str(path.parent)})
    assert done.problems == ()


def test_names_that_do_not_exist_are_completed(
    lineage: TinyZoo, copied: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'tiny'"):
        outcome(lineage, tmp_path, copied, family="tinny")
    with pytest.raises(UnknownNameError, match=r"did you mean '\./chat'"):
        outcome(lineage, tmp_path, copied, models={"./chatt": "x"})
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        outcome(lineage, tmp_path, copied, suite="mines")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([], "is of no format that is read, which are .*lm-eval"),
        ({"results": {}, "versions": {}}, "is of no format that is read"),
        ({"results": {}, "versions": {}, "config": {}}, "before 0.4 and it does not say which"),
        ({"config_general": {}, "results": {}}, "lighteval and it does not say which model"),
        ({"model_info": {}, "evaluation_results": []}, "Every Eval Ever and it does not say which"),
        ({"results": {}, "configs": {}}, "it has no 'config'"),
        ({"results": {}, "configs": {}, "config": {}}, "does not say which model"),
    ],
)
def test_what_cannot_be_identified_is_refused_by_name(
    table: Any, reason: str, lineage: TinyZoo, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(table), "utf-8")
    with pytest.raises(ConfigError, match=reason):
        outcome(lineage, tmp_path, path)


def test_a_path_without_results_is_refused(lineage: TinyZoo, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no results file"):
        outcome(lineage, tmp_path, tmp_path / "empty")
    with pytest.raises(ConfigError, match="there is no file or folder"):
        outcome(lineage, tmp_path, tmp_path / "nowhere")
