"""What a model is asked: rendered once, never mixed up, and never more than it can take."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
from support.checkpoints import CONTEXT
from support.evaluating import cell_of, evaluate, make_evaluator, read_tasks, spec
from support.scripted import scripted
from support.tasks import DOCS, TASKS, write_docs, write_task, write_tasks

from zoo.benchmarks import Benchmark
from zoo.evaluation.huggingface import HF, TORCH, load_hf
from zoo.evaluation.tasks import TaskLoader
from zoo.models import Model, Prompting
from zoo.results import Result

CHAT = Prompting(chat_template="default", fewshot_as_multiturn=True)
THINKING = Prompting(
    chat_template="default",
    enable_thinking=True,
    think_end_token="</think>",
    gen_kwargs={"max_gen_toks": 4096},
)


def test_a_second_model_is_never_served_the_answers_of_the_first(
    base: Path, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, events = make_evaluator(tmp_path / "together", task_folder)
    evaluate(evaluator, spec(base, "tiny_write"), spec(base, "tiny_choice"))
    second = evaluate(evaluator, spec(chat, "tiny_write"), spec(chat, "tiny_choice"))
    alone = evaluate(
        make_evaluator(tmp_path / "alone", task_folder)[0],
        spec(chat, "tiny_write"),
        spec(chat, "tiny_choice"),
    )
    assert events.answered() == 2 * (12 + 36)
    assert [each.items for each in second] == [each.items for each in alone]


@pytest.mark.parametrize("task", ["tiny_shots", "tiny_write_shots", "tiny_mutual"])
def test_requests_are_equal_whether_built_first_or_after_other_stages(
    task: str, base: Path, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    first = cell_of(make_evaluator(tmp_path, task_folder)[0], spec(base, task))
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    for asked in (
        spec(chat, task, prompting=CHAT),
        spec(chat, task, seed=7),
        spec(base, task, limit=4),
    ):
        cell_of(evaluator, asked)
    after = cell_of(evaluator, spec(base, task))
    assert after.requests == first.requests
    assert (after.response_key, after.score_key) == (first.response_key, first.score_key)


@pytest.mark.parametrize("task", ["tiny_shots", "tiny_write_shots"])
def test_a_limit_asks_a_prefix_of_the_full_run(
    task: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    whole, part = spec(base, task), spec(base, task, limit=5)
    requests = cell_of(evaluator, part).requests
    assert requests == cell_of(evaluator, whole).requests[: len(requests)]
    ours, full = evaluate(evaluator, part, whole)
    assert len(ours.items) == 5
    assert [i.item_id for i in ours.items] == [i.item_id for i in full.items[:5]]
    assert [i.prompt_hash for i in ours.items] == [i.prompt_hash for i in full.items[:5]]


def test_one_item_is_scored_without_a_standard_error(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    (ours,) = evaluate(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_choice", limit=1))
    assert ours.score is not None, ours.error
    assert ours.score.stderr is None


def test_likelihood_cells_never_think(chat: Path, task_folder: Path, tmp_path: Path) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    likelihood = cell_of(evaluator, spec(chat, "tiny_choice", prompting=THINKING))
    written = cell_of(evaluator, spec(chat, "tiny_write", prompting=THINKING))
    assert not any("<think>" in request.context for request in likelihood.requests)
    assert not likelihood.spec.prompting.enable_thinking
    assert all(request.context.endswith("<think>") for request in written.requests)


def wished_by_regime(**more: str) -> tuple[tuple[str, str], ...]:
    """The rules of THINKING where its regime wished all of it, but for what others wished."""
    return tuple(
        (setting, more.get(setting.split("=")[0].split(".")[-1], "regime RL-tuned"))
        for setting in (
            "chat_template=default",
            "enable_thinking=True",
            "think_end_token=</think>",
            "gen_kwargs.max_gen_toks=4096",
        )
    )


@pytest.fixture
def no_thinking(chat: Path, tmp_path: Path) -> Path:
    """A checkpoint whose chat template and vocabulary know no thinking."""
    folder = shutil.copytree(chat, tmp_path / "no-thinking")
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().split("{% if enable_thinking")[0] + "{% endif %}")
    return folder


def test_a_model_whose_template_knows_no_thinking_is_asked_and_scored_like_any_chat_model(
    no_thinking: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    asked = spec(no_thinking, "tiny_write", protocol="native", prompting=THINKING)
    cell = cell_of(evaluator, replace(asked, rules=wished_by_regime()))
    like_any = cell_of(evaluator, replace(asked, prompting=Prompting(chat_template="default")))
    assert cell.requests == like_any.requests
    assert cell.requests[0].gen_kwargs["max_gen_toks"] == 8
    assert cell.requests[0].gen_kwargs["until"] == ["\n\n"]
    assert (cell.response_key, cell.score_key) == (like_any.response_key, like_any.score_key)
    assert cell.spec.prompting == like_any.spec.prompting
    assert cell.spec.rules == (
        ("chat_template=default", "regime RL-tuned"),
        ("no thinking", "its chat template knows no thinking"),
    )
    again = cell_of(make_evaluator(tmp_path, task_folder)[0], cell.spec)
    assert (again.spec, again.response_key) == (cell.spec, cell.response_key)


def test_what_a_person_wished_of_thinking_stays(
    no_thinking: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    asked = spec(no_thinking, "tiny_write", protocol="native", prompting=THINKING)
    said = {"think_end_token": "zoo.toml [prompting.RL-tuned]", "max_gen_toks": "--gen-kwargs"}
    cell = cell_of(evaluator, replace(asked, rules=wished_by_regime(**said)))
    assert cell.spec.prompting == replace(THINKING, enable_thinking=None)
    assert cell.stops == ("\n\n",)


def end_of_thinking_in_the_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text() + "{# answers follow </think> #}")


def end_of_thinking_in_the_vocabulary(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["</think>"])
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize(
    "teach", [end_of_thinking_in_the_template, end_of_thinking_in_the_vocabulary]
)
def test_a_model_that_knows_where_thinking_ends_may_think(
    teach: Callable[[Path], None], no_thinking: Path, task_folder: Path, tmp_path: Path
) -> None:
    teach(no_thinking)
    asked = spec(no_thinking, "tiny_write", protocol="native", prompting=THINKING)
    asked = replace(asked, rules=wished_by_regime())
    cell = cell_of(make_evaluator(tmp_path, task_folder)[0], asked)
    assert cell.spec == asked
    assert cell.stops == ("\n\n",)


def test_a_budget_is_clipped_to_what_the_longest_prompt_leaves(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    cell = cell_of(evaluator, spec(chat, "tiny_write", prompting=THINKING))
    tokenizer = cell.checkpoint.tokenizer()
    longest = max(len(tokenizer(request.context)["input_ids"]) for request in cell.requests)
    (budget,) = {request.gen_kwargs["max_gen_toks"] for request in cell.requests}
    assert budget == CONTEXT - longest


def test_a_budget_is_never_clipped_below_the_tasks_own(chat: Path, tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    own = {"until": ["\n\n"], "max_gen_toks": 250}
    write_task(tasks, "tiny_write", **{**TASKS["tiny_write"], "generation_kwargs": own})
    evaluator, _ = make_evaluator(tmp_path, tasks)
    cell = cell_of(evaluator, spec(chat, "tiny_write", prompting=THINKING))
    assert cell.requests[0].gen_kwargs["max_gen_toks"] == 250


def test_a_task_that_says_no_budget_has_lm_evals_and_takes_a_larger_one(
    chat: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    write_task(
        tasks, "tiny_write", **{**TASKS["tiny_write"], "generation_kwargs": {"until": ["\n\n"]}}
    )
    evaluator, _ = make_evaluator(tmp_path, tasks, loader_args={"max_length": 1024})
    plain = cell_of(evaluator, spec(chat, "tiny_write"))
    assert plain.requests[0].gen_kwargs["max_gen_toks"] == 256
    thinking = cell_of(evaluator, spec(chat, "tiny_write", prompting=THINKING))
    assert 256 < thinking.requests[0].gen_kwargs["max_gen_toks"] < 1024


def test_a_budget_under_another_name_is_the_budget(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    named = Prompting(gen_kwargs={"max_new_tokens": 3})
    cell = cell_of(evaluator, spec(base, "tiny_write", prompting=named))
    assert cell.requests[0].gen_kwargs["max_gen_toks"] == 3
    assert "max_new_tokens" not in cell.requests[0].gen_kwargs


def test_a_budget_that_leaves_no_room_for_a_prompt_fails_with_the_remedy(
    base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    own = {"until": ["\n\n"], "max_gen_toks": CONTEXT}
    write_task(tasks, "tiny_write", **{**TASKS["tiny_write"], "generation_kwargs": own})
    evaluator, _ = make_evaluator(tmp_path, tasks)
    refused = evaluator.prepare(spec(base, "tiny_write"))
    assert isinstance(refused, Result)
    assert "--gen-kwargs" in refused.error


def test_a_missing_chat_template_fails_that_cell_with_the_remedy(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    refused = evaluator.prepare(spec(base, "tiny_choice", prompting=CHAT))
    assert isinstance(refused, Result)
    assert 'chat_template = "none"' in refused.error
    plain = Prompting(chat_template="none")
    cell = cell_of(evaluator, spec(base, "tiny_choice", prompting=plain))
    assert cell.requests == cell_of(evaluator, spec(base, "tiny_choice")).requests


def test_an_unknown_template_and_a_template_that_fails_are_named(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    unknown = evaluator.prepare(spec(chat, "tiny_choice", prompting=Prompting(chat_template="rag")))
    assert isinstance(unknown, Result)
    assert "'rag'" in unknown.error
    broken = shutil.copytree(chat, tmp_path / "broken")
    (broken / "chat_template.jinja").write_text("{{ raise_exception('no such role') }}")
    refused = evaluator.prepare(spec(broken, "tiny_choice", prompting=CHAT))
    assert isinstance(refused, Result)
    assert "no such role" in refused.error


def test_a_template_that_refuses_a_system_message_is_asked_without_it(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(chat, tmp_path / "model")
    path = folder / "chat_template.jinja"
    path.write_text(
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        + path.read_text()
    )
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    with_system = Prompting(chat_template="default", system_instruction="Be brief.")
    cell = cell_of(evaluator, spec(folder, "tiny_choice", prompting=with_system))
    assert "Be brief." not in cell.requests[0].context


@pytest.mark.parametrize("prompting", [Prompting(), CHAT], ids=["plain", "chat"])
@pytest.mark.parametrize("task", ["tiny_write_shots", "tiny_shots"])
def test_every_prompt_begins_with_one_bos(
    prompting: Prompting, task: str, chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    cell = cell_of(evaluator, spec(chat, task, prompting=prompting))
    lm: Any = load_hf(Model(str(chat)), device="cpu", dtype="float32", batch_size=1)
    bos = lm.tokenizer.bos_token_id
    for request in cell.requests:
        (ids,) = lm.tok_batch_encode([request.context])[0].tolist()
        assert ids == lm.tok_encode(request.context)
        assert ids[0] == bos
        assert ids.count(bos) == 1


@pytest.mark.parametrize(
    "task", ["tiny_choice", "tiny_shots", "tiny_last", "tiny_rolling", "tiny_write"]
)
def test_the_first_token_ids_that_a_model_reads_are_kept_with_its_answers(
    task: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    read: list[list[int]] = []

    def load(model: Model, **how: Any) -> Any:
        lm: Any = load_hf(model, **how)
        lm.model.get_input_embeddings().register_forward_pre_hook(
            lambda _, ids: read.extend(ids[0].tolist())
        )
        return lm

    evaluator, _ = make_evaluator(
        tmp_path / "hf", task_folder, loader=replace(HF, load=load, session=None), batch_size=1
    )
    (found,) = evaluate(evaluator, spec(base, task, limit=1))
    kept = list(found.provenance.first_tokens)
    assert len(kept) > 1
    assert any(row[: len(kept)] == kept for row in read)
    assert kept.count(0) == (2 if task == "tiny_rolling" else 1), "lm-eval reads <s> and a text"
    ours, _ = make_evaluator(tmp_path / "torch", task_folder, loader=TORCH)
    (again,) = evaluate(ours, spec(base, task, limit=1))
    assert list(again.provenance.first_tokens) == kept
    (stored,) = evaluate(ours, spec(base, task, limit=1))
    assert stored.reused
    assert stored.provenance.first_tokens == again.provenance.first_tokens


def test_a_model_without_tokens_to_show_is_asked_all_the_same(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=scripted(lambda *_: "a"))
    (found,) = evaluate(evaluator, spec(base, "tiny_write"))
    assert (found.status, found.provenance.first_tokens) == ("scored", ())


def test_templates_run_no_shell_command(base: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    attack = "{{ cycler.__init__.__globals__.os.system('touch %s') }}" % mark  # noqa: UP031
    jinja2.Environment().from_string(attack).render()
    assert mark.exists(), "the attack works outside the sandbox"
    mark.unlink()
    tasks = write_tasks(tmp_path / "tasks")
    late = "{% if number == 7 %}" + attack + "{% endif %}{{question}}"
    for name, text in (("tiny_choice", attack), ("tiny_write", late)):
        write_task(tasks, name, **{**TASKS[name], "doc_to_text": text})
    write_task(tasks, "tiny_last", **{**TASKS["tiny_last"], "doc_to_target": attack})
    evaluator, _ = make_evaluator(tmp_path / "store", tasks)
    for name in ("tiny_choice", "tiny_write", "tiny_last"):
        refused = evaluator.prepare(spec(base, name))
        assert isinstance(refused, Result)
        assert "SecurityError" in refused.error
    assert not mark.exists()


def test_a_task_that_runs_code_of_models_is_refused_before_its_python_is_read(
    base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    (tasks / "hostile.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(d): return d\n")
    write_task(
        tasks,
        "tiny_write",
        **{**TASKS["tiny_write"], "unsafe_code": True, "doc_to_text": "!function hostile.f"},
    )
    refused = make_evaluator(tmp_path / "store", tasks)[0].prepare(spec(base, "tiny_write"))
    assert isinstance(refused, Result)
    assert "sandbox" in refused.error
    assert not (tmp_path / "ran").exists()


def test_a_failure_that_cells_share_is_met_once(task_folder: Path, tmp_path: Path) -> None:
    evaluator, _ = make_evaluator(tmp_path / "store", task_folder)
    gone = tmp_path / "gone"
    first = evaluator.prepare(spec(Model(str(gone)), "tiny_choice"))
    assert isinstance(first, Result)
    gone.mkdir()
    (gone / "config.json").write_text("{}")
    again = evaluator.prepare(spec(Model(str(gone)), "tiny_write"))
    assert isinstance(again, Result)
    assert again.error == first.error


def test_a_checkpoint_without_safetensors_is_refused(
    base: Path, adapter: Path, task_folder: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(base, tmp_path / "bare")
    (bare / "model.safetensors").rename(bare / "pytorch_model.bin")
    thin = shutil.copytree(adapter, tmp_path / "thin")
    shutil.copy(thin / "adapter_model.safetensors", thin / "another.safetensors")
    (thin / "adapter_model.safetensors").rename(thin / "adapter_model.bin")
    evaluator, _ = make_evaluator(tmp_path / "store", task_folder)
    for args in ({"pretrained": str(bare)}, {"pretrained": str(base), "peft": str(thin)}):
        refused = evaluator.prepare(spec(Model("m", loader_args=args), "tiny_choice"))
        assert isinstance(refused, Result)
        assert "safetensors" in refused.error


def test_tasks_are_found_beside_their_file_from_any_working_folder(
    base: Path, task_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = cell_of(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_choice"))
    monkeypatch.chdir(os.path.sep)
    there = cell_of(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_choice"))
    assert here.score_key == there.score_key


def test_documents_that_stand_twice_are_two_items(base: Path, tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    write_docs(tasks / "docs.jsonl", [DOCS[0], DOCS[1], DOCS[0], DOCS[0]])
    (ours,) = evaluate(make_evaluator(tmp_path, tasks)[0], spec(base, "tiny_choice"))
    ids = [item.item_id for item in ours.items]
    assert len(set(ids)) == 4
    assert {each.split("#")[0] for each in ids} == {ids[0], ids[1]}


SHUFFLING = """
import random


def shuffled(dataset):
    def options(doc):
        mixed = list("abcdefgh")
        random.shuffle(mixed)
        return {"options": mixed}
    return dataset.map(options)
"""


def test_options_that_a_task_shuffles_are_the_same_wherever_it_is_loaded(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_docs(folder / "docs.jsonl", [{"q": f"question {at}"} for at in range(6)])
        (folder / "mixing.py").write_text(SHUFFLING)
        write_task(
            folder,
            "mixed",
            output_type="multiple_choice",
            process_docs="!function mixing.shuffled",
            doc_to_text="{{q}}",
            doc_to_choice="{{options}}",
            doc_to_target=0,
        )
        random.seed(number)
        state = random.getstate()
        found.append(TaskLoader(read_tasks(folder)).load(Benchmark("mixed", "acc"), None))
        assert random.getstate() == state, "the process's own chance is left as it was"
    first, second = found
    assert first.item_ids == second.item_ids
    assert len({tuple(doc["options"]) for doc in first.docs}) > 1


PASSING = """
def pass_at_k(references, predictions, k):
    right = sum(answer[0] == wanted for answer, wanted in zip(predictions, references))
    return {f"pass@{each}": right / len(references) for each in k}
"""


def test_a_metric_that_gives_pass_at_1_is_asked_for_by_that_name(
    base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    write_docs(folder / "docs.jsonl", [{"q": "a b", "wanted": "c"} for _ in range(2)])
    (folder / "passing.py").write_text(PASSING)
    write_task(
        folder,
        "passing",
        output_type="generate_until",
        doc_to_text="{{q}}",
        doc_to_target="{{wanted}}",
        generation_kwargs={"until": ["\n"], "max_gen_toks": 2},
        metric_list=[{"metric": "!function passing.pass_at_k", "aggregation": "mean", "k": [1]}],
    )
    (task,) = read_tasks(folder).values()
    assert task.metrics == ("pass@1",)
    asked = replace(spec(base, "passing"), benchmark=Benchmark("passing", "pass@1"))
    (result,) = evaluate(make_evaluator(tmp_path / "store", folder)[0], asked)
    assert result.error == ""
    assert result.score is not None
    assert (result.score.metric, result.score.value) == ("pass@1", 0.0)
