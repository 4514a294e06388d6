"""What a regime puts before a question: where it stands, what sees it, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import cell_of, evaluate, make_evaluator, spec
from support.scripted import scripted

from zoo.evaluation.preparing import Cell
from zoo.evaluation.turns import Turns
from zoo.models import Context, Model, Prompting, Regime
from zoo.results import Result, RunSpec

PUT = "the cat sat.\n\n"


def regime(find: Callable[[Model, Sequence[str]], Sequence[Context]]) -> dict[str, Regime]:
    return {"looking-up": Regime("looking-up", "", 1, lambda *_: Prompting(), context=find)}


def cat(model: Model, questions: Sequence[str]) -> list[Context]:  # noqa: ARG001
    return [Context(PUT, ("cats#1", "cats#2")) for _ in questions]


def looking(base: Path, **changes: Any) -> Model:
    return Model(str(base), regime="looking-up", **changes)


def prepared(
    folder: Path, tasks: Path, asked: RunSpec, find: Any = cat, **how: Any
) -> Cell | Result:
    return make_evaluator(folder, tasks, regimes=regime(find), **how)[0].prepare(asked)


@pytest.mark.parametrize("task", ["tiny_choice", "tiny_shots", "tiny_write", "tiny_mutual"])
def test_passages_stand_before_the_question_and_only_there(
    base: Path, task_folder: Path, tmp_path: Path, task: str
) -> None:
    plain = prepared(tmp_path, task_folder, spec(Model(str(base)), task))
    found = prepared(tmp_path, task_folder, spec(looking(base), task))
    assert isinstance(plain, Cell)
    assert isinstance(found, Cell)
    for bare, put in zip(plain.requests, found.requests, strict=True):
        if not bare.context:
            assert put == bare
            continue
        shots, _, question = bare.context.rpartition("question: ")
        assert put.context == f"{shots}{PUT}question: {question}"
        assert put.question == bare.context
        assert put.sources == ("cats#1", "cats#2")
    assert found.response_key != plain.response_key


def test_within_a_chat_template_they_stand_in_the_turn_of_the_question(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    asked = spec(
        looking(chat),
        "tiny_write_shots",
        prompting=Prompting(chat_template="default", fewshot_as_multiturn=True),
    )
    found = prepared(tmp_path, task_folder, asked)
    assert isinstance(found, Cell)
    for request in found.requests:
        turns = request.context.split("[user]")
        assert turns[-1].startswith(f"{PUT}question: ")
        assert PUT not in "".join(turns[:-1])


def test_in_turns_that_are_sent_as_they_are_they_stand_in_the_last_one(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    loader = replace(scripted(), takes_turns=True)
    asked = spec(looking(base), "tiny_write_shots", prompting=Prompting(chat_template="default"))
    found = prepared(tmp_path, task_folder, asked, loader=loader)
    plain = prepared(tmp_path, task_folder, replace(asked, model=Model(str(base))), loader=loader)
    assert isinstance(found, Cell)
    assert isinstance(plain, Cell)
    for put, bare in zip(found.requests, plain.requests, strict=True):
        turns = Turns.of(put.context)
        assert turns is not None
        assert f"{PUT}question: " in turns.messages[-1]["content"]
        assert put.question == bare.context


def test_items_keep_what_was_found_and_pair_with_those_that_were_asked_without(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    prompts: list[str] = []

    def write(prompt: str, *_: object) -> str:
        prompts.append(prompt)
        return "cat"

    evaluator, _ = make_evaluator(
        tmp_path, task_folder, loader=scripted(write), regimes=regime(cat)
    )
    (bare,) = evaluate(evaluator, spec(Model(str(base)), "tiny_write"))
    (put,) = evaluate(evaluator, spec(looking(base), "tiny_write"))
    assert [item.sources for item in put.items] == ["cats#1\ncats#2"] * len(put.items)
    assert [item.sources for item in bare.items] == [""] * len(bare.items)
    assert [item.prompt_hash for item in put.items] == [item.prompt_hash for item in bare.items]
    assert [PUT in prompt for prompt in prompts] == [False] * 12 + [True] * 12


def test_what_has_no_question_is_not_applicable(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    found = prepared(tmp_path, task_folder, spec(looking(base), "tiny_rolling"))
    assert isinstance(found, Result)
    assert found.status == "not_applicable"
    assert "asks no question" in found.error


@pytest.mark.parametrize(
    ("find", "said"),
    [
        (lambda *_: [], "for 12 questions of 'tiny_choice' 0 contexts were given"),
        (lambda *_: 1 / 0, "nothing could be looked up: ZeroDivisionError: division by zero"),
    ],
)
def test_a_search_that_fails_fails_its_cells_by_name(
    base: Path, task_folder: Path, tmp_path: Path, find: Any, said: str
) -> None:
    found = prepared(tmp_path, task_folder, spec(looking(base), "tiny_choice"), find)
    assert isinstance(found, Result)
    assert (found.status, found.error) == ("failed", said)


def test_what_is_found_decides_the_key_and_what_the_search_is_called_does_not(
    base: Path, task_folder: Path, tmp_path: Path
) -> None:
    def told(model: Model, questions: Sequence[str]) -> list[Context]:
        return [Context(model.regime_args["text"]) for _ in questions]

    evaluator, _ = make_evaluator(tmp_path, task_folder, regimes=regime(told))
    keys = {
        (text, name): cell_of(
            evaluator,
            spec(looking(base, regime_args={"text": text, "name": name}), "tiny_choice"),
        ).response_key
        for text in ("one ", "two ")
        for name in ("a", "b")
    }
    assert keys["one ", "a"] == keys["one ", "b"] != keys["two ", "a"] == keys["two ", "b"]
