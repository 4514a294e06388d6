"""A number is served again exactly where it is the same number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from support import checkpoints
from support.evaluating import cell_of, evaluate, make_evaluator, spec
from support.tasks import DOCS, TASKS, write_docs, write_task, write_tasks

from zoo.evaluation import keys as module
from zoo.evaluation.environment import checkpoint_dtype
from zoo.evaluation.keys import Answerer, response_key, score_key
from zoo.fingerprints import Fingerprint
from zoo.models import Model, Prompting
from zoo.results import RunSpec

CHAT = Prompting(chat_template="default")

ANSWERER = Answerer(Fingerprint("w", "t", "c"), "hf", "1", "float32", {"max_length": 64})
RESPONSE = {"requests": "r", "repeats": 1, "seed": 1234}
SCORE = {
    "response": "r",
    "content": "c",
    "metric": "acc",
    "filter": "none",
    "cluster": None,
    "think_end_token": None,
    "stops": (),
    "repeats": 1,
}


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, dict):
        return {**value, "more": 1}
    if isinstance(value, int):
        return value + 1
    return ("x",) if isinstance(value, tuple) else f"{value}x"


def test_each_field_of_the_response_key_alone_misses() -> None:
    keys = {response_key(ANSWERER, **RESPONSE)}
    for part in fields(Fingerprint):
        identity = replace(
            ANSWERER.identity, **{part.name: changed(getattr(ANSWERER.identity, part.name))}
        )
        keys.add(response_key(replace(ANSWERER, identity=identity), **RESPONSE))
    others = [part.name for part in fields(Answerer) if part.name != "identity"]
    for name in others:
        other = replace(ANSWERER, **{name: changed(getattr(ANSWERER, name))})
        keys.add(response_key(other, **RESPONSE))
    for name, value in RESPONSE.items():
        keys.add(response_key(ANSWERER, **{**RESPONSE, name: changed(value)}))
    assert len(keys) == 1 + len(fields(Fingerprint)) + len(others) + len(RESPONSE)


def test_each_field_of_the_score_key_alone_misses() -> None:
    keys = {score_key(**SCORE)}
    for name, value in SCORE.items():
        keys.add(score_key(**{**SCORE, name: changed(value)}))
    assert len(keys) == 1 + len(SCORE)


def test_another_version_of_our_own_scoring_misses_the_scores_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = score_key(**SCORE), response_key(ANSWERER, **RESPONSE)
    monkeypatch.setattr(module, "SCORING", module.SCORING + 1)
    assert score_key(**SCORE) != before[0]
    assert response_key(ANSWERER, **RESPONSE) == before[1]


def test_samples_that_vote_and_samples_scored_one_by_one_are_two_scores(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    voted = keys_of(spec(base, "tiny_vote"), task_folder, tmp_path)
    single = keys_of(spec(base, "tiny_vote", repeats=3), task_folder, tmp_path)
    assert voted[0] == single[0]
    assert voted[1] != single[1]


def keys_of(asked: RunSpec, tasks: Path, store: Path, **options: Any) -> tuple[str, str]:
    """Response and score key as a run of its own makes them."""
    cell = cell_of(make_evaluator(store, tasks, **options)[0], asked)
    return cell.response_key, cell.score_key


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "native"},
        {"axis": "special"},
        {"capability": "law"},
        {"chance": 0.1},
        {"version": "2"},
        {"policy": "gated"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_only_describes_a_number_changes_no_key(
    change: dict[str, Any], base: Path, task_folder: Path, tmp_path: Path
) -> None:
    plain = keys_of(spec(base, "tiny_choice"), task_folder, tmp_path)
    assert keys_of(spec(base, "tiny_choice", **change), task_folder, tmp_path) == plain


def test_names_paths_moved_folders_and_batch_sizes_change_no_key(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    plain = keys_of(spec(base, "tiny_shots"), task_folder, tmp_path)
    elsewhere = shutil.copytree(base, tmp_path / "elsewhere" / "step-1")
    tasks = shutil.copytree(task_folder, tmp_path / "other tasks")
    named = Model(
        "another/name",
        revision="abc",
        family="f",
        regime="fine-tuned",
        targets=("law",),
        loader_args={"pretrained": str(elsewhere)},
    )
    assert keys_of(spec(named, "tiny_shots"), tasks, tmp_path / "s", batch_size=3) == plain


def test_a_copied_checkpoint_is_not_asked_again(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluate(make_evaluator(tmp_path / "store", task_folder)[0], spec(base, "tiny_write"))
    copied = shutil.copytree(base, tmp_path / "copy")
    evaluator, events = make_evaluator(tmp_path / "store", task_folder)
    (again,) = evaluate(evaluator, spec(copied, "tiny_write"))
    assert again.reused
    assert "loading" not in events.names()


def flip_weight_byte(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def edit_json(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        table = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**table, "added": 1}))

    return edit


def edit_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text() + "\n")


def edit_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text() + " ")


@pytest.mark.parametrize(
    "change",
    [
        flip_weight_byte,
        edit_json("config.json"),
        edit_json("generation_config.json"),
        edit_tokenizer,
        edit_json("tokenizer_config.json"),
        edit_template,
    ],
    ids=["weight", "config", "generation", "tokenizer", "tokenizer config", "template"],
)
def test_a_changed_checkpoint_misses_its_responses(
    change: Callable[[Path], None], chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(chat, tmp_path / "model")
    asked = spec(folder, "tiny_write", prompting=CHAT)
    before = keys_of(asked, task_folder, tmp_path)
    change(folder)
    after = keys_of(asked, task_folder, tmp_path)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_an_adapter_its_base_and_both_together_are_three_models(
    base: Path, adapter: Path, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    both = {"pretrained": str(base), "peft": str(adapter)}
    other = checkpoints.save_adapter(tmp_path / "adapter", base, seed=5)
    models = [
        Model("m", loader_args={"pretrained": str(base)}),
        Model("m", loader_args=both),
        Model("m", loader_args={**both, "pretrained": str(chat)}),
        Model("m", loader_args={**both, "peft": str(other)}),
    ]
    keys = {keys_of(spec(m, "tiny_choice"), task_folder, tmp_path)[0] for m in models}
    assert len(keys) == len(models)


@pytest.mark.parametrize(
    "options",
    [{"dtype": "bfloat16"}, {"loader_args": {"max_length": 64}}],
    ids=["dtype", "loader arguments of the run"],
)
def test_other_numerics_miss(
    options: dict[str, Any], base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_choice")
    plain = keys_of(asked, task_folder, tmp_path)
    assert keys_of(asked, task_folder, tmp_path, **options)[0] != plain[0]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"limit": 3},
        {"num_fewshot": 1},
        {"repeats": 2, "prompting": Prompting(gen_kwargs={"do_sample": True, "temperature": 1})},
        {"prompting": Prompting(system_instruction="Be brief.")},
        {"prompting": Prompting(gen_kwargs={"max_gen_toks": 9})},
        {"prompting": CHAT},
    ],
    ids=["seed", "limit", "shots", "repeats", "system", "gen_kwargs", "chat"],
)
def test_another_way_of_asking_misses_the_responses(
    change: dict[str, Any], chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    plain = keys_of(spec(chat, "tiny_write"), task_folder, tmp_path)
    other = keys_of(spec(chat, "tiny_write", **change), task_folder, tmp_path)
    assert plain[0] != other[0]
    assert plain[1] != other[1]


@pytest.mark.parametrize(
    "change",
    [
        {"filter": "whole"},
        {"cluster": "group"},
        {"prompting": Prompting(think_end_token="</think>", enable_thinking=False)},
    ],
    ids=["filter", "cluster", "end of thinking"],
)
def test_another_way_of_scoring_misses_the_scores_alone(
    change: dict[str, Any], base: Path, task_folder: Path, tmp_path: Path
) -> None:
    plain = keys_of(spec(base, "tiny_write"), task_folder, tmp_path)
    other = keys_of(spec(base, "tiny_write", **change), task_folder, tmp_path)
    assert plain[0] == other[0]
    assert plain[1] != other[1]


def naming(folder: Path, dtype: str) -> Path:
    """A copy of a checkpoint whose config.json names a dtype."""
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**table, "dtype": dtype}))
    return folder


def test_auto_is_the_dtype_each_checkpoint_names_and_is_named_in_its_keys(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    half = naming(shutil.copytree(base, tmp_path / "half"), "bfloat16")
    for folder, dtype in ((base, "float32"), (half, "bfloat16")):
        asked = spec(folder, "tiny_choice")
        cell = cell_of(make_evaluator(tmp_path, task_folder, dtype="auto")[0], asked)
        assert cell.dtype == dtype
        said = keys_of(asked, task_folder, tmp_path, dtype=dtype)
        assert (cell.response_key, cell.score_key) == said
    evaluator, _ = make_evaluator(tmp_path / "store", task_folder, dtype="auto")
    (ours,) = evaluate(evaluator, spec(half, "tiny_choice"))
    assert ours.provenance.dtype == "bfloat16", ours.error


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({}, "float32"),
        ({"dtype": "bfloat16"}, "bfloat16"),
        ({"torch_dtype": "float16"}, "float16"),
        ({"torch_dtype": None, "text_config": {"dtype": "bfloat16"}}, "bfloat16"),
        ({"dtype": "torch.bfloat16", "torch_dtype": "float32"}, "bfloat16"),
        ({"torch_dtype": "auto"}, "float32"),
    ],
)
def test_the_dtype_of_a_checkpoint_is_what_its_config_names(
    config: dict[str, Any], dtype: str
) -> None:
    assert checkpoint_dtype(config) == dtype


def write_below(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("HALF = 0.5\n")

    return write


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (write_below(".venv/lib/site.py"), True),
        (write_below("unused/other.py"), True),
        (write_below("beside.py"), False),
        (write_below("parts/deep/half.py"), False),
        (write_below("parts/__init__.py"), False),
    ],
    ids=["environment", "unused", "beside", "imported", "package"],
)
def test_scoring_code_is_what_stands_beside_a_task_and_what_that_imports_from_below(
    change: Callable[[Path], None], same: bool, base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    imports = "try:\n    from parts.deep import half\nexcept ImportError:\n    pass\n"
    (tasks / "scoring.py").write_text(imports + (tasks / "scoring.py").read_text())
    asked = spec(base, "tiny_lists")
    before = keys_of(asked, tasks, tmp_path)
    change(tasks)
    assert (keys_of(asked, tasks, tmp_path) == before) is same


def edit_scoring(folder: Path) -> None:
    path = folder / "scoring.py"
    path.write_text(path.read_text().replace("/ len(flat)", "/ len(flat) / 2"))


def edit_target(folder: Path) -> None:
    write_task(folder, "tiny_lists", **{**TASKS["tiny_lists"], "doc_to_target": "{{answer}}!"})


def edit_unasked_field(folder: Path) -> None:
    docs = [{**doc, "answer": "mango" if i == 11 else doc["answer"]} for i, doc in enumerate(DOCS)]
    write_docs(folder / "docs.jsonl", docs)


@pytest.mark.parametrize("change", [edit_scoring, edit_target, edit_unasked_field])
def test_changed_scoring_is_scored_again_from_the_same_responses(
    change: Callable[[Path], None], base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    asked = spec(base, "tiny_lists")
    (before,) = evaluate(make_evaluator(tmp_path / "store", tasks)[0], asked)
    change(tasks)
    evaluator, events = make_evaluator(tmp_path / "store", tasks)
    (after,) = evaluate(evaluator, asked)
    assert after.status == "scored", after.error
    assert not after.reused
    assert after.provenance.score_key != before.provenance.score_key
    assert "loading" not in events.names()
    assert [i.response for i in after.items] == [i.response for i in before.items]
    if change is edit_scoring:
        assert before.score is not None
        assert after.score is not None
        assert after.score.value == before.score.value / 2


def test_a_changed_document_is_asked_again(base: Path, tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    before = keys_of(spec(base, "tiny_choice"), tasks, tmp_path)
    write_docs(tasks / "docs.jsonl", [{**DOCS[0], "question": "who?"}, *DOCS[1:]])
    after = keys_of(spec(base, "tiny_choice"), tasks, tmp_path)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_protocols_that_ask_alike_share_one_response_cell(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, events = make_evaluator(tmp_path, task_folder)
    uniform, native = evaluate(
        evaluator,
        spec(base, "tiny_write"),
        spec(base, "tiny_write", protocol="native", prompting=Prompting(chat_template="none")),
    )
    assert events.answered() == 12
    assert native.reused
    assert not uniform.reused
    assert native.spec.protocol == "native"
    assert native.items == uniform.items


def test_metrics_of_one_task_share_one_response_cell(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, events = make_evaluator(tmp_path, task_folder)
    acc, normed = evaluate(
        evaluator, spec(base, "tiny_choice"), spec(base, "tiny_choice", metric="acc_norm")
    )
    assert events.answered() == 36
    assert acc.provenance.response_key == normed.provenance.response_key
    assert acc.score is not None
    assert normed.score is not None
    assert (acc.score.metric, normed.score.metric) == ("acc", "acc_norm")


def test_a_folder_that_is_trained_on_is_another_model_to_the_next_run(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(base, tmp_path / "model")
    (before,) = evaluate(
        make_evaluator(tmp_path / "store", task_folder)[0], spec(folder, "tiny_choice")
    )
    checkpoints.save_model(folder, seed=9)
    (after,) = evaluate(
        make_evaluator(tmp_path / "store", task_folder)[0], spec(folder, "tiny_choice")
    )
    assert not after.reused
    assert [i.confidence for i in after.items] != [i.confidence for i in before.items]
