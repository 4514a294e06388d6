"""Scores, items and answers are those of lm-eval itself, to the last item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.evaluating import METRICS, evaluate, make_evaluator, spec
from support.tasks import write_tasks

from zoo.models import Model, Prompting
from zoo.results import Result

CHAT = Prompting(chat_template="default", fewshot_as_multiturn=True)
FLAT_CHAT = Prompting(chat_template="default")
WITH_SYSTEM = Prompting(chat_template="default", system_instruction="Be brief.")


@pytest.fixture(scope="module")
def shared_tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("absolute"), absolute=True)


def by_lm_eval(
    tasks: Path, task: str, prompting: Prompting, pretrained: Path, **loading: Any
) -> dict[str, Any]:
    """What simple_evaluate says, with every sample."""
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(
        pretrained=str(pretrained),
        device="cpu",
        dtype="float32",
        batch_size=8,
        logits_cache=False,
        **loading,
    )
    return lm_eval.simple_evaluate(
        lm,
        tasks=[task],
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        apply_chat_template=prompting.is_chat,
        fewshot_as_multiturn=prompting.fewshot_as_multiturn,
        system_instruction=prompting.system_instruction,
        random_seed=1234,
        torch_random_seed=1234,
        numpy_random_seed=1234,
        bootstrap_iters=0,
    )


def assert_agrees(ours: Result, theirs: dict[str, Any]) -> None:
    task = ours.spec.benchmark.task
    metric, filter = ours.spec.benchmark.metric, ours.spec.benchmark.filter
    score = ours.score
    assert ours.status == "scored", ours.error
    assert score is not None
    assert score.value == theirs["results"][task][f"{metric},{filter}"]
    for other in ours.scores:
        assert other.value == theirs["results"][task][f"{other.metric},{filter}"]
    samples = [each for each in theirs["samples"][task] if each["filter"] == filter]
    samples.sort(key=lambda each: each["doc_id"])
    assert len(samples) == len(ours.items) == 12
    for item, sample in zip(ours.items, samples, strict=True):
        value = sample[metric]
        if task == "tiny_lists":
            assert item.score == sum(value) / len(value)
        elif task == "tiny_rolling":
            loglikelihood, n_bytes = value
            assert item.score == pytest.approx(-loglikelihood / n_bytes / 0.6931471805599453)
            assert item.response == repr(sample["resps"][0][0])
        else:
            assert item.score == value
        if item.truncated is not None:
            assert item.response == sample["resps"][0][0]


@pytest.mark.parametrize("task", METRICS)
def test_plain_completion_scores_each_item_as_lm_eval_does(
    task: str, base: Path, shared_tasks: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, shared_tasks)
    (ours,) = evaluate(evaluator, spec(base, task))
    assert_agrees(ours, by_lm_eval(shared_tasks, task, Prompting(), base))


@pytest.mark.parametrize("prompting", [CHAT, FLAT_CHAT, WITH_SYSTEM], ids=["turns", "flat", "sys"])
@pytest.mark.parametrize("task", ["tiny_shots", "tiny_write_shots", "tiny_last"])
def test_a_chat_template_scores_each_item_as_lm_eval_does(
    task: str, prompting: Prompting, chat: Path, shared_tasks: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, shared_tasks)
    (ours,) = evaluate(evaluator, spec(chat, task, protocol="native", prompting=prompting))
    assert_agrees(ours, by_lm_eval(shared_tasks, task, prompting, chat))


@pytest.mark.parametrize("task", ["tiny_choice", "tiny_write"])
def test_an_adapter_scores_each_item_as_lm_eval_does(
    task: str, base: Path, adapter: Path, shared_tasks: Path, tmp_path: Path
) -> None:
    model = Model("adapted", loader_args={"pretrained": str(base), "peft": str(adapter)})
    evaluator, _ = make_evaluator(tmp_path, shared_tasks)
    ours, bare = evaluate(evaluator, spec(model, task))[0], evaluate(evaluator, spec(base, task))[0]
    assert_agrees(ours, by_lm_eval(shared_tasks, task, Prompting(), base, peft=str(adapter)))
    assert [i.confidence or i.response for i in ours.items] != [
        i.confidence or i.response for i in bare.items
    ]


def test_few_shot_examples_are_those_lm_eval_draws_even_after_other_stages(
    base: Path, chat: Path, shared_tasks: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, shared_tasks)
    evaluate(evaluator, spec(chat, "tiny_shots", protocol="native", prompting=CHAT))
    (ours,) = evaluate(evaluator, spec(base, "tiny_shots"))
    assert_agrees(ours, by_lm_eval(shared_tasks, "tiny_shots", Prompting(), base))
