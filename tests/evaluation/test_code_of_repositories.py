"""Code of a checkpoint's repository is run only where a commit, or its hash, pins it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, spec
from support.repositories import COMMIT, HONEST, change_json, hostile, in_cache, with_code
from support.zoos import TinyZoo

from zoo.cli import main
from zoo.errors import ModelError
from zoo.evaluation.ahead import reading_ahead
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.huggingface import load_hf, load_torch
from zoo.evaluation.preflight import memory
from zoo.evaluation.preflight.code import code_digest
from zoo.models import Model, Prompting
from zoo.results import Result

OFFLINE = """
import json, sys
from pathlib import Path
from support.evaluating import evaluate, make_evaluator, spec
from zoo.evaluation.huggingface import HF, TORCH
from zoo.models import Model, Prompting
from zoo.results import Result
found = {}
for name, wish in json.loads(sys.argv[3]).items():
    args = {} if wish is None else {"trust_remote_code": wish}
    for loader in (HF, TORCH):
        store = Path(sys.argv[1]) / name / loader.name
        evaluator, _ = make_evaluator(store, Path(sys.argv[2]), loader=loader)
        asked = spec(Model("org/own", loader_args=args), "tiny_choice")
        cell = evaluator.prepare(asked)
        if isinstance(cell, Result):
            found[name] = cell.error
            continue
        (result,) = evaluator.evaluate([cell])
        found[name] = result.error or [item.confidence for item in result.items]
        shown = type(cell.checkpoint.tokenizer()).__name__
print(json.dumps({**found, "tokenizer": shown}))
"""


def refused(model: Model, tasks: Path, store: Path) -> str:
    evaluator, _ = make_evaluator(store, tasks)
    found = evaluator.prepare(spec(model, "tiny_choice"))
    return found.error if isinstance(found, Result) else ""


def at(folder: Path, **args: Any) -> Model:
    return Model(str(folder), loader_args=args)


@pytest.mark.parametrize("knows", [False, True], ids=["needed", "not needed"])
def test_code_that_nothing_pins_is_never_run(
    knows: bool, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    folder = hostile(base, tmp_path / "hostile", mark, knows=knows)
    said = refused(at(folder), task_folder, tmp_path / "store")
    assert ("needs code of its repository (own)" in said) != knows
    for wish in (True, "main", "true", COMMIT, "f" * 64):
        said = refused(at(folder, trust_remote_code=wish), task_folder, tmp_path / "store")
        assert "does not pin the code" in said
        assert 'write loader_args = { trust_remote_code = "' in said
    checkpoint = find_checkpoint(at(folder))
    assert memory.weight_bytes(folder, "float32")
    with reading_ahead(checkpoint) as thread:
        assert thread is not None
        thread.join()
    how = {"device": "cpu", "dtype": "float32", "batch_size": 1}
    for load in (load_hf, load_torch):
        with pytest.raises(ModelError, match="read that code, then write"):
            load(at(folder, trust_remote_code=True), **how)
        if knows:
            load(at(folder), **how)
        else:
            with pytest.raises(ModelError, match="which is not run unless it is pinned"):
                load(at(folder), **how)
    assert not mark.exists()


def test_no_command_runs_code_that_nothing_pins(
    tiny_zoo: TinyZoo,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tiny_zoo.root)
    mark = tmp_path / "ran"
    hostile(base, tiny_zoo.root / "hostile", mark)
    tiny_zoo.add("./hostile", "instruction-tuned", base_model='"./base"')
    for words in (
        ["plan", "--device", "cpu"],
        ["models"],
        ["tree", "tiny"],
        ["doctor"],
        ["ask", "hello", "./hostile", "--device", "cpu"],
        ["run", "./hostile", "--device", "cpu", "--limit", "1", "--tasks", "tiny_choice"],
    ):
        main(tiny_zoo.command(*words))
        said = capsys.readouterr()
        if words[0] == "run":
            assert "needs code of its repository (" in said.out + said.err
    assert not mark.exists()


def test_the_hostile_repository_of_these_tests_leaves_a_mark_where_it_is_pinned(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    mark = tmp_path / "ran"
    folder = hostile(base, tmp_path / "hostile", mark)
    args = {"trust_remote_code": code_digest(folder)}
    load_hf(at(folder, **args), device="cpu", dtype="float32", batch_size=1)
    assert all(name in mark.read_text() for name in (*HONEST, "custom_generate/generate.py"))


def test_a_pinned_repository_is_scored_with_its_own_classes(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    own = with_code(base, tmp_path / "own")
    in_cache(tmp_path / "hf" / "hub", "own", own)
    wishes = {"none": None, "any": True, "branch": "main", "other": "b" * 40, "pinned": COMMIT}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path), str(task_folder), json.dumps(wishes)],
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "hf"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for name in ("none", "any", "branch", "other"):
        assert f'trust_remote_code = "{COMMIT}"' in found[name], name
    (plain,) = evaluate(
        make_evaluator(tmp_path / "plain", task_folder)[0], spec(base, "tiny_choice")
    )
    assert found["pinned"] == pytest.approx([item.confidence for item in plain.items], 1e-4)
    assert found["tokenizer"] == "OwnTokenizer"


def test_the_code_of_a_folder_is_pinned_by_its_hash_and_a_changed_file_is_other_code(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    own = with_code(base, tmp_path / "own")
    said = refused(at(own), task_folder, tmp_path)
    pin = re.search('trust_remote_code = "([0-9a-f]{64})"', said)
    assert pin is not None, said
    assert refused(at(own, trust_remote_code=pin[1]), task_folder, tmp_path) == ""
    (own / "modeling.py").write_text((own / "modeling.py").read_text() + "# another line\n")
    said = refused(at(own, trust_remote_code=pin[1]), task_folder, tmp_path)
    assert "does not pin the code" in said
    assert "holds no Python file" in refused(
        at(base, trust_remote_code=pin[1]), task_folder, tmp_path
    )


def test_answers_given_by_a_repositorys_code_are_never_served_for_those_without(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    own = with_code(base, tmp_path / "own", knows=True)
    evaluator, _ = make_evaluator(tmp_path / "store", task_folder)
    without = cell_of(evaluator, spec(at(own), "tiny_choice"))
    pin = code_digest(own)
    pinned = cell_of(evaluator, spec(at(own, trust_remote_code=pin), "tiny_choice"))
    assert without.response_key != pinned.response_key


def test_code_of_another_place_is_refused_though_the_checkpoint_is_pinned(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    own = with_code(base, tmp_path / "own")
    pin = code_digest(own)
    said = refused(at(own, trust_remote_code=pin, tokenizer=str(base)), task_folder, tmp_path)
    assert said == ""
    other = with_code(base, tmp_path / "other")
    said = refused(at(own, trust_remote_code=pin, tokenizer=str(other)), task_folder, tmp_path)
    assert "use a tokenizer or an adapter without code" in said
    elsewhere = {"AutoModelForCausalLM": "other/repo--modeling.OwnModel"}
    change_json(own / "config.json", auto_map=elsewhere)
    said = refused(at(own, trust_remote_code=pin), task_folder, tmp_path)
    assert "takes code from another repository (other/repo--modeling.OwnModel)" in said


@pytest.mark.parametrize("name", ["custom_generate", "trust_remote_code"])
def test_generation_arguments_that_would_fetch_code_are_refused(
    name: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    prompting = Prompting(gen_kwargs={name: "org/code"})
    found = evaluator.prepare(spec(base, "tiny_write", prompting=prompting))
    assert isinstance(found, Result)
    assert f"the generation argument {name} would run code" in found.error
