"""Raw answers become the items and scores that their task says."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.checkpoints import change_weights
from support.evaluating import evaluate, make_evaluator, spec
from support.scripted import scripted
from support.tasks import CHOICE, DOCS, TASKS, write_docs, write_task, write_tasks

from zoo.models import Prompting
from zoo.results import Result
from zoo.store import RESPONSES, Store

SAMPLED = Prompting(gen_kwargs={"do_sample": True, "temperature": 0.6})
THINKING = Prompting(chat_template="default", enable_thinking=True, think_end_token="</think>")


def answers_of(store: Path, result: Result) -> list[str]:
    """The raw texts the store keeps of a cell."""
    found = Store(store).get(RESPONSES, result.provenance.response_key)
    assert found is not None
    return list(found[0]["text"])


def doc_of(prompt: str) -> dict[str, Any]:
    return next(doc for doc in DOCS if doc["question"] in prompt)


def test_thinking_is_stripped_at_scoring_and_kept_in_the_response(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    def write(prompt: str, _: int) -> str:
        return f"maybe seven?\n\nno, zebra</think>  {doc_of(prompt)['answer']}\n\nzebra"

    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=scripted(write))
    asked = spec(chat, "tiny_write", filter="whole", prompting=THINKING)
    (ours,) = evaluate(evaluator, asked)
    assert [item.score for item in ours.items] == [1.0] * len(DOCS)
    assert all(item.response.startswith("maybe seven?") for item in ours.items)
    assert answers_of(tmp_path, ours) == [item.response for item in ours.items]


def test_an_answer_without_thinking_is_scored_as_it_was_written(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    def write(prompt: str, _: int) -> str:
        return f"\n{doc_of(prompt)['answer']}"

    def scores(prompting: Prompting) -> list[float]:
        evaluator, _ = make_evaluator(tmp_path, task_folder, loader=scripted(write))
        asked = spec(chat, "tiny_write", filter="whole", prompting=prompting)
        (ours,) = evaluate(evaluator, asked)
        return [item.score for item in ours.items]

    assert scores(THINKING) == scores(Prompting(chat_template="default")) == [0.0] * len(DOCS)


def test_stop_strings_are_held_back_while_a_model_thinks(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    thinking = evaluator.prepare(spec(chat, "tiny_write", prompting=THINKING))
    plain = evaluator.prepare(spec(chat, "tiny_write"))
    always = Prompting(chat_template="default", think_end_token="</think>")
    unasked = evaluator.prepare(spec(chat, "tiny_write", prompting=always))
    assert not isinstance(thinking, Result)
    assert not isinstance(plain, Result)
    assert not isinstance(unasked, Result)
    assert [each.requests[0].gen_kwargs["until"] for each in (plain, thinking, unasked)] == [
        ["\n\n"],
        [],
        [],
    ]
    assert (plain.stops, thinking.stops, unasked.stops) == ((), ("\n\n",), ("\n\n",))


def test_repeated_answers_are_items_of_their_own(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    def write(prompt: str, turn: int) -> str:
        return doc_of(prompt)["answer"] if turn == 1 else "zebra"

    evaluator, events = make_evaluator(tmp_path, task_folder, loader=scripted(write))
    asked = spec(base, "tiny_write", filter="whole", repeats=3, prompting=SAMPLED)
    (ours,) = evaluate(evaluator, asked)
    assert events.answered() == 36
    assert [(item.sample, item.score) for item in ours.items] == [
        (sample, float(sample == 1)) for sample in range(3) for _ in DOCS
    ]
    assert len({item.item_id for item in ours.items}) == len(DOCS)
    assert ours.score is not None
    assert ours.score.value == pytest.approx(1 / 3)


@pytest.mark.parametrize("own", [{}, {"do_sample": True, "temperature": 0}])
def test_several_answers_that_would_all_be_the_same_are_refused_before_they_are_asked(
    own: dict[str, Any], base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)
    asked = spec(base, "tiny_write", repeats=3, prompting=Prompting(gen_kwargs=own))
    refused = evaluator.prepare(asked)
    assert isinstance(refused, Result)
    assert refused.error.startswith("tiny_write asks for 3 answers to each item, which would all")
    assert "temperature above 0" in refused.error


def test_a_task_that_votes_is_given_all_its_samples(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    def write(prompt: str, turn: int) -> str:
        return "zebra" if turn == 0 else doc_of(prompt)["answer"]

    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=scripted(write))
    (ours,) = evaluate(evaluator, spec(base, "tiny_vote"))
    assert [item.score for item in ours.items] == [1.0] * len(DOCS)
    assert {item.sample for item in ours.items} == {0}
    assert len(answers_of(tmp_path, ours)) == 3 * len(DOCS)


def test_any_of_several_targets_is_right(base: Path, task_folder: Path, tmp_path: Path) -> None:
    evaluator, _ = make_evaluator(
        tmp_path, task_folder, loader=scripted(lambda prompt, _: doc_of(prompt)["choices"][2])
    )
    (ours,) = evaluate(evaluator, spec(base, "tiny_several"))
    assert [item.score for item in ours.items] == [1.0] * len(DOCS)


def test_a_list_of_values_counts_as_their_mean_and_the_document_stays(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    loader = scripted(lambda prompt, _: doc_of(prompt)["answer"][0])
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader)
    asked = spec(base, "tiny_lists", cluster="group")
    (ours,) = evaluate(evaluator, asked)
    for doc, item in zip(DOCS, ours.items, strict=True):
        answer = doc["answer"]
        assert item.score == sum(letter == answer[0] for letter in answer) / len(answer)
    # the task's Python drops `group` from what it is given
    assert [item.cluster_id for item in ours.items] == [f"group:{doc['group']}" for doc in DOCS]
    (again,) = evaluate(make_evaluator(tmp_path / "2", task_folder, loader=loader)[0], asked)
    assert again.items == ours.items


WEIGHTS = {" cat": (-2.0, -1.0), " the sky": (-4.0, -9.0), " seven": (-3.0, -4.0)}
"""Likelihood of each option after a question, and alone."""


@pytest.mark.parametrize(
    ("metric", "chosen"), [("acc", "cat"), ("acc_norm", "the sky"), ("acc_mutual_info", "the sky")]
)
def test_the_chosen_option_is_the_one_its_metric_prefers(
    metric: str, chosen: str, base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    write_docs(tasks / "docs.jsonl", DOCS[:1])
    loader = scripted(weigh=lambda context, option: (WEIGHTS[option][context == ""], False))
    evaluator, _ = make_evaluator(tmp_path / "store", tasks, loader=loader)
    task = "tiny_mutual" if metric == "acc_mutual_info" else "tiny_choice"
    (ours,) = evaluate(evaluator, spec(base, task, metric=metric))
    (item,) = ours.items
    assert item.response == chosen
    assert item.score == float(chosen == DOCS[0]["answer"])
    own = WEIGHTS[f" {chosen}"][0]
    assert item.confidence == pytest.approx(
        math.exp(own) / sum(math.exp(each) for each, _ in WEIGHTS.values())
    )


def test_a_guesser_names_one_of_several_right_options_more_often(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    write_docs(tasks / "docs.jsonl", [{**doc, "gold": [0, 2]} for doc in DOCS])
    (several,) = evaluate(make_evaluator(tmp_path / "a", tasks)[0], spec(base, "tiny_choice"))
    (one,) = evaluate(make_evaluator(tmp_path / "b", task_folder)[0], spec(base, "tiny_choice"))
    assert {item.chance for item in several.items} == {2 / 3}
    assert {item.chance for item in one.items} == {1 / 3}


def test_the_suites_chance_is_used_without_scoring_again(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluate(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_choice"))
    evaluator, events = make_evaluator(tmp_path, task_folder)
    (again,) = evaluate(evaluator, spec(base, "tiny_choice", chance=0.2))
    assert again.reused
    assert "loading" not in events.names()
    assert {item.chance for item in again.items} == {0.2}


def test_an_answer_without_the_form_it_needs_is_not_parsed(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    loader = scripted(lambda prompt, _: "a" if "cat" in prompt else "42")
    (ours,) = evaluate(
        make_evaluator(tmp_path, task_folder, loader=loader)[0], spec(base, "tiny_write")
    )
    assert [item.parsed for item in ours.items] == [True] + [False] * 11


def test_an_answer_as_long_as_its_budget_is_truncated(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    (ours,) = evaluate(make_evaluator(tmp_path, task_folder)[0], spec(base, "tiny_write"))
    for item in ours.items:
        assert item.n_tokens is not None
        assert item.truncated == (item.n_tokens >= 8)


def test_a_metric_without_a_value_for_an_item_is_refused_by_name(
    base: Path, tmp_path: Path
) -> None:
    tasks = write_tasks(tmp_path / "tasks")
    pairs = [{"metric": "f1", "aggregation": "f1", "higher_is_better": True}]
    write_task(tasks, "tiny_choice", **{**CHOICE, "metric_list": pairs})
    (ours,) = evaluate(
        make_evaluator(tmp_path / "store", tasks)[0], spec(base, "tiny_choice", metric="f1")
    )
    assert ours.status == "failed"
    assert "item by item" in ours.error


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metric": "accuracy"}, "has no metric 'accuracy'; there is acc, acc_norm"),
        ({"filter": "strict"}, "has no filter 'strict'; there is none"),
    ],
    ids=["metric", "filter"],
)
def test_what_the_task_does_not_have_is_named_before_the_model_is_asked(
    change: dict[str, str], reason: str, base: Path, task_folder: Path, tmp_path: Path
) -> None:
    refused = make_evaluator(tmp_path, task_folder)[0].prepare(spec(base, "tiny_choice", **change))
    assert isinstance(refused, Result)
    assert refused.status == "failed"
    assert reason in refused.error


def test_a_cluster_no_document_has_is_named(base: Path, task_folder: Path, tmp_path: Path) -> None:
    evaluator = make_evaluator(tmp_path, task_folder)[0]
    (ours,) = evaluate(evaluator, spec(base, "tiny_choice", cluster="passage"))
    assert ours.status == "failed"
    assert "'passage'" in ours.error


def nan(_context: str, _option: str) -> tuple[float, bool]:
    return math.nan, False


def broken(_context: str, _option: str) -> tuple[float, bool]:
    raise RuntimeError("the device is gone\nat line 1")


@pytest.mark.parametrize(("weigh", "reason"), [(nan, "nan"), (broken, "the device is gone")])
def test_an_answer_that_is_none_fails_its_cell_and_keeps_nothing(
    weigh: Callable[[str, str], tuple[float, bool]],
    reason: str,
    base: Path,
    task_folder: Path,
    tmp_path: Path,
) -> None:
    loader = scripted(lambda prompt, _: doc_of(prompt)["answer"], weigh)
    evaluator, _ = make_evaluator(tmp_path, task_folder, loader=loader)
    bad, good = evaluate(evaluator, spec(base, "tiny_choice"), spec(base, "tiny_write"))
    assert (bad.status, good.status) == ("failed", "scored")
    assert reason in bad.error
    assert list(Store(tmp_path).keys(RESPONSES)) == [good.provenance.response_key]


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("task", ["tiny_choice", "tiny_write"])
def test_a_weight_that_is_no_number_fails_the_model_by_name(
    task: str, value: float, tmp_path: Path, task_folder: Path
) -> None:
    from support.checkpoints import save_checkpoint

    folder = save_checkpoint(tmp_path / "model", seed=3)
    change_weights(folder, value)
    evaluator, events = make_evaluator(tmp_path / "store", task_folder)
    refused, other = evaluate(evaluator, spec(folder, task), spec(folder, "tiny_last"))
    assert "model.norm.weight" in refused.error
    assert other.error == refused.error
    assert events.names().count("loading") == 1


def test_every_output_type_is_scored_again_from_what_the_store_keeps(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    import shutil

    specs = [spec(base, task) for task in TASKS]
    first = evaluate(make_evaluator(tmp_path, task_folder)[0], *specs)
    assert [each.error for each in first] == [""] * len(specs)
    shutil.rmtree(tmp_path / "scores")
    evaluator, events = make_evaluator(tmp_path, task_folder)
    again = evaluate(evaluator, *specs)
    assert [(r.items, r.scores) for r in again] == [(r.items, r.scores) for r in first]
    assert "loading" not in events.names()
