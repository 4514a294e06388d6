"""What a machine cannot hold, or a prompt should not be, is known before a weight is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, read_tasks, spec
from support.tasks import TASKS, write_task, write_tasks

from zoo.benchmarks import Benchmark
from zoo.evaluation.preflight import disk, memory
from zoo.evaluation.preflight.inspection import inspect
from zoo.evaluation.preflight.memory import Memory
from zoo.evaluation.preflight.prompts import doubled_bos
from zoo.evaluation.tasks import TaskLoader
from zoo.models import Prompting
from zoo.results import Result


@pytest.mark.parametrize(("dtype", "width"), [("float32", 4), ("bfloat16", 2), ("float16", 2)])
def test_weights_are_summed_in_the_dtype_they_are_loaded_in(
    dtype: str, width: int, base: Path
) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    assert memory.weight_bytes(base, dtype) == width * model.num_parameters()


def test_all_shards_are_summed_and_a_missing_one_leaves_it_unknown(
    base: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(base).save_pretrained(tmp_path, max_shard_size="60KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert memory.weight_bytes(tmp_path, "float32") == memory.weight_bytes(base, "float32")
    shards[0].unlink()
    assert memory.weight_bytes(tmp_path, "float32") is None


def test_weights_that_do_not_fit_are_refused_and_those_that_barely_do_are_warned_of() -> None:
    def found(needed: int, **args: Any) -> list[bool]:
        return [
            each.refuses
            for each in memory.fits("m", needed, "float32", Memory("cuda", 8, 16), args)
        ]

    assert found(8) == []
    assert found(9) == [False]
    assert found(17) == [True]
    assert found(17, parallelize=True) == []
    (finding,) = memory.fits("m", 40 * 10**9, "float32", Memory("cuda", 10**9, 24 * 10**9), {})
    assert "take 40 GB in float32, and cuda has 24 GB in all" in finding.text


def test_what_the_cpu_has_is_no_more_than_there_is() -> None:
    here = memory.memory_of("cpu")
    assert 0 < here.free <= here.total


def test_downloads_are_refused_from_where_the_disk_is_full(tmp_path: Path) -> None:
    free = disk.free_bytes(tmp_path)
    assert free is not None
    half = disk.Download(free * 6 // 10, free * 6 // 10)
    found = list(disk.downloads({"a": half, "b": half, "c": disk.Download()}, tmp_path))
    assert [(each.model, each.refuses) for each in found] == [("b", True)]
    assert "to download" in found[0].text


def test_results_are_refused_where_the_disk_cannot_hold_them(tmp_path: Path) -> None:
    free = disk.free_bytes(tmp_path / "not" / "there")
    assert free is not None
    answers = free // disk.ANSWER

    def found(share: float) -> list[bool]:
        return [each.refuses for each in disk.results([(int(answers * share), 0)], tmp_path)]

    assert (found(0.5), found(1.5), found(6)) == ([], [False], [True])


def test_a_prompt_that_begins_with_bos_twice_is_named(
    chat: Path, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(chat, tmp_path / "twice")
    template = folder / "chat_template.jinja"
    template.write_text("{{ bos_token }}" + template.read_text())
    evaluator, _ = make_evaluator(tmp_path / "store", task_folder)
    prompting = Prompting(chat_template="default")
    cells = [
        cell_of(evaluator, spec(model, "tiny_choice", prompting=how))
        for model, how in ((folder, prompting), (chat, prompting), (base, Prompting()))
    ]
    (found,) = doubled_bos(cells)
    assert found.model == str(folder)
    assert "BOS twice in tiny_choice" in found.text
    assert not found.refuses
    assert [each.text for each in inspect(cells, device="cpu", store=tmp_path)] == [found.text]


def test_a_tokenizer_without_a_pad_token_is_asked_like_any(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(base, tmp_path / "bare")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = bare / name
        if path.is_file():
            table = json.loads(path.read_text())
            table.pop("pad_token", None)
            path.write_text(json.dumps(table))
    for each in ("tiny_choice", "tiny_write"):
        (ours,) = evaluate(make_evaluator(tmp_path / "1", task_folder)[0], spec(bare, each))
        (full,) = evaluate(make_evaluator(tmp_path / "2", task_folder)[0], spec(base, each))
        assert ours.error == ""
        assert [item.response for item in ours.items] == [item.response for item in full.items]


def test_a_metric_that_lm_eval_does_not_compute_is_named_with_the_nearest(
    base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    own = {name: value for name, value in TASKS["tiny_choice"].items() if name != "metric_list"}
    write_task(tasks, "tiny_choice", **own)
    evaluator, _ = make_evaluator(tmp_path / "store", tasks)
    found = evaluator.prepare(spec(base, "tiny_choice", metric="acc_nrom"))
    assert isinstance(found, Result)
    assert "no metric 'acc_nrom'; did you mean 'acc_norm'?" in found.error
    assert not isinstance(evaluator.prepare(spec(base, "tiny_choice", metric="acc")), Result)


def test_a_task_that_runs_code_of_models_is_loaded_only_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ALLOW_CODE_EVAL", "0")
    tasks = write_tasks(tmp_path / "tasks")
    write_task(tasks, "tiny_write", **{**TASKS["tiny_write"], "unsafe_code": True})
    asked = Benchmark("tiny_write", metric="exact_match", filter="whole")
    with pytest.raises(Exception, match=r'unsafe_code = \["tiny_write"\]'):
        TaskLoader(read_tasks(tasks), ["another"]).load(asked, None)
    assert len(TaskLoader(read_tasks(tasks), ["tiny_write"], "none").load(asked, None).docs) == 12


def test_an_answer_that_never_ends_is_cut_at_the_cap_and_says_so(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(base, "tiny_write")
    (found,) = evaluate(make_evaluator(tmp_path / "store", task_folder)[0], asked)
    capped = [item for item in found.items if item.truncated]
    assert capped, "some answer of a random model reaches the cap of 8 tokens"
    assert all((item.n_tokens or 0) >= 8 for item in capped)
