"""How much of an answer was thinking, and what its budget left of it."""

from __future__ import annotations

from pathlib import Path

from support.evaluating import cell_of, evaluate, make_evaluator, spec
from support.scripted import scripted
from support.tasks import DOCS

from zoo.evaluation.outcomes import result_of
from zoo.evaluation.preflight.budgets import small_budgets
from zoo.evaluation.thinking import with_thinking
from zoo.models import Prompting
from zoo.results import Item, Result
from zoo.store import SCORES, Store

THINKING = Prompting(
    chat_template="default",
    enable_thinking=True,
    think_end_token="</think>",
    gen_kwargs={"max_gen_toks": 40},
)
TEXTS = ("seven is a number, or is it</think> seven", "seven and " * 60, "seven")
"""Thinks and answers; is cut while it thinks; answers at once."""


def answered(chat: Path, tasks: Path, store: Path, prompting: Prompting) -> tuple[Result, object]:
    """A cell whose items are answered with the texts in turn, and the models' tokenizer."""
    evaluator, _ = make_evaluator(store, tasks)
    asked = spec(chat, "tiny_write", filter="whole", prompting=prompting, limit=3)
    tokenizer = cell_of(evaluator, asked).checkpoint.tokenizer()

    def write(prompt: str, _: int) -> str:
        return TEXTS[next(i for i, doc in enumerate(DOCS) if doc["question"] in prompt)]

    loader = scripted(write, tokenizer=tokenizer)
    (found,) = evaluate(make_evaluator(store, tasks, loader=loader)[0], asked)
    return found, tokenizer


def test_tokens_up_to_and_with_the_end_of_thinking_are_counted_apart(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    found, tokenizer = answered(chat, task_folder, tmp_path, THINKING)

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])  # type: ignore[operator]

    thought = TEXTS[0].removesuffix(" seven")
    first, cut, at_once = found.items
    assert (first.thinking_tokens, first.thinking_cut) == (count(thought), False)
    assert first.n_tokens == count(TEXTS[0]) > count(thought)
    assert cut.truncated
    assert (cut.thinking_tokens, cut.thinking_cut) == (cut.n_tokens, True)
    assert (at_once.thinking_tokens, at_once.thinking_cut) == (0, False)


def test_a_model_that_is_not_asked_to_think_has_no_tokens_of_thinking(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    found, _ = answered(chat, task_folder, tmp_path, Prompting(gen_kwargs={"max_gen_toks": 40}))
    assert found.items[1].truncated
    assert {(i.thinking_tokens, i.thinking_cut) for i in found.items} == {(None, None)}


def test_without_a_tokenizer_only_what_needs_none_is_known() -> None:
    cut = Item("a", "a", 0, 0.0, None, 9, True, 0.0, None, "on and on", "")
    done = Item("b", "b", 0, 1.0, None, 9, False, 0.0, None, "so</think>7", "")
    found = with_thinking([cut, done], "</think>", thinks=True, tokenizer=None)
    assert [(i.thinking_tokens, i.thinking_cut) for i in found] == [(9, True), (None, False)]


def test_a_cell_that_was_stored_before_thinking_was_counted_is_read(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    found, _ = answered(chat, task_folder, tmp_path, THINKING)
    stored = Store(tmp_path).get(SCORES, found.provenance.score_key)
    assert stored is not None
    columns = {k: v for k, v in stored[0].items() if not k.startswith("thinking")}
    old = result_of(found.spec, (columns, stored[1]))
    assert [i.score for i in old.items] == [i.score for i in found.items]
    assert {i.thinking_tokens for i in old.items} == {None}


def test_a_budget_that_is_too_small_is_told_before_the_run(
    chat: Path, task_folder: Path, tmp_path: Path
) -> None:
    evaluator, _ = make_evaluator(tmp_path, task_folder)

    def told(prompting: Prompting, **suite: object) -> list[str]:
        asked = spec(chat, "tiny_write", protocol="native", prompting=prompting, **suite)
        return [finding.text for finding in small_budgets([cell_of(evaluator, asked)])]

    def budget(most: int, *, thinks: bool) -> Prompting:
        return Prompting(
            chat_template="default",
            think_end_token="</think>" if thinks else None,
            gen_kwargs={"max_gen_toks": most},
        )

    assert told(budget(8, thinks=False)) == [], "the task itself asks for 8"
    assert told(budget(40, thinks=True)) == []
    (below,) = told(budget(4, thinks=False))
    assert f"of {chat} to tiny_write end at 4 tokens, below the 8 that the task asks for" in below
    (tight,) = told(budget(8, thinks=True))
    assert "no more than the task gives to an answer without thinking" in tight
    (short,) = told(budget(40, thinks=True), gen_kwargs={"max_gen_toks": 4000})
    assert "below the 4000 that the suite asks for" in short
