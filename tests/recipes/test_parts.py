"""The parts of a recipe that need no training: rows as tokens, rewards, checkpoints."""

from __future__ import annotations

import doctest
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from support.checkpoints import CHAT_TEMPLATE, save_tokenizer

from zoo.errors import TrainingError
from zoo.training import checkpoints
from zoo.training.aside import WORKING
from zoo_nano.pretraining import MOMENTS
from zoo_trl import fitting
from zoo_trl.parents import MERGED
from zoo_trl.rewarding import FOLDER
from zoo_trl.rewards import REWARDS
from zoo_trl.rows import IGNORED, tokenize, tokens_of

NEEDED = ("optimizer.pt",)


@pytest.mark.parametrize(
    "name", ["zoo.training.checkpoints", "zoo_trl.preferences", "zoo_trl.rewards", "zoo_trl.rows"]
)
def test_examples_hold(name: str) -> None:
    tested = doctest.testmod(importlib.import_module(name))
    assert tested.attempted > 0
    assert tested.failed == 0


@given(st.text(), st.text())
def test_a_reward_is_a_share_of_one_whatever_is_said(completion: str, answer: str) -> None:
    assert all(0 <= reward(completion, answer) <= 1 for reward in REWARDS.values())


@given(st.integers(0, 10**9), st.text("abc. ,"))
def test_a_right_number_at_the_end_is_rewarded_whatever_stands_before(
    number: int, before: str
) -> None:
    assert REWARDS["last-number"](f"{before} {number:,}.", str(number)) == 1


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(
        folder,
        chat_template=CHAT_TEMPLATE.replace(
            "{{ message.content }}\n", "{{ message.content }}</s>\n"
        ),
    )
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    ("row", "before", "learned"),
    [
        ({"text": "a cat"}, "", "<s>a cat</s>"),
        ({"text": None, "prompt": "a", "completion": " cat"}, "<s>a", " cat</s>"),
        ({"prompt": "", "completion": "cat"}, "<s>", "cat</s>"),
        (
            {"instruction": "Say.", "input": "cat", "output": "ok", "text": None},
            "<s>[user]Say.\nInput: cat</s>\n[assistant]",
            "ok</s>",
        ),
        (
            {"messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
                {"role": "assistant", "content": "d"},
            ]},
            "<s>[user]a</s>\n[assistant]b</s>\n[user]c</s>\n[assistant]",
            "d</s>",
        ),
    ],
)  # fmt: skip
def test_only_what_is_to_be_learned_is_learned(
    row: dict[str, Any], before: str, learned: str, tokenizer: Any
) -> None:
    ids, start = tokens_of(tokenizer, row, tokenizer.eos_token_id)
    assert tokenizer.decode(ids[:start]) == before
    assert tokenizer.decode(ids[start:]) == learned


ASKED = {"role": "user", "content": "a"}
SAID = {"role": "assistant", "content": "b"}


def test_a_conversation_is_learned_up_to_its_last_answer(tokenizer: Any) -> None:
    from datasets import Dataset

    rows: list[dict[str, Any]] = [
        {"messages": [ASKED, SAID], "text": None},
        {"messages": [ASKED, SAID, ASKED], "text": None},
        {"messages": [ASKED], "text": None},
        {"messages": [SAID, ASKED], "text": None},
        {"messages": None, "text": "a cat"},
    ]
    found = tokenize(Dataset.from_list(rows), tokenizer, tokenizer.eos_token_id, 64)
    said = [tokenizer.decode(ids) for ids in found.rows["input_ids"]]
    assert said == [*["<s>[user]a</s>\n[assistant]b</s>"] * 2, "<s>a cat</s>"]
    learned = [[each for each in row if each != IGNORED] for row in found.rows["labels"]]
    assert [tokenizer.decode(ids) for ids in learned] == ["b</s>", "b</s>", "<s>a cat</s>"]
    assert (found.unanswered, found.shortened, found.empty, found.cut) == (2, 1, 0, 0)


def test_conversations_without_any_answer_are_refused_in_a_sentence(tokenizer: Any) -> None:
    from datasets import Dataset

    with pytest.raises(TrainingError, match="of 2 conversations none has an answer"):
        tokenize(Dataset.from_list([{"messages": [ASKED]}] * 2), tokenizer, None, 64)


def test_a_text_ends_as_texts_do_though_turns_end_otherwise(tokenizer: Any) -> None:
    pad = tokenizer.pad_token_id
    ids, _ = tokens_of(tokenizer, {"text": "a cat"}, pad)
    assert tokenizer.decode(ids) == "<s>a cat<pad>"
    ids, _ = tokens_of(tokenizer, {"instruction": "Say.", "output": "ok"}, pad)
    assert tokenizer.decode(ids).endswith("ok</s>")


def test_a_row_of_no_form_says_which_columns_it_has(tokenizer: Any) -> None:
    with pytest.raises(TrainingError, match="the columns question, text"):
        tokens_of(tokenizer, {"question": "a", "text": None}, None)


def saved(out: Path, step: int) -> Path:
    """A checkpoint as a trainer leaves it."""
    import numpy as np

    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    save_file({"w": np.zeros(9)}, folder / "model.safetensors")
    (folder / "optimizer.pt").write_bytes(b"state")
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "log": [1, 2]}))
    return folder


@pytest.mark.parametrize("file", ["model.safetensors", "trainer_state.json"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, None])
def test_a_half_checkpoint_is_passed_over_and_deleted(
    file: str, share: float | None, tmp_path: Path
) -> None:
    whole, half = saved(tmp_path, 9), saved(tmp_path, 10)
    if share is None:
        (half / file).unlink()
    else:
        content = (half / file).read_bytes()
        (half / file).write_bytes(content[: int(len(content) * share)])
    assert checkpoints.latest(tmp_path, NEEDED) == whole
    assert not half.exists()


def test_a_checkpoint_that_is_a_model_alone_stays_and_is_not_gone_on_from(tmp_path: Path) -> None:
    first, second = saved(tmp_path, 10), saved(tmp_path, 20)
    (second / "optimizer.pt").unlink()
    assert checkpoints.latest(tmp_path, NEEDED) == first
    assert second.is_dir()
    assert checkpoints.latest(tmp_path / "nowhere", NEEDED) is None


def test_clearing_keeps_what_was_asked_for_and_the_latest(tmp_path: Path) -> None:
    for step in (5, 10, 15, 20):
        saved(tmp_path, step)
    (tmp_path / "checkpoint-best").mkdir()
    checkpoints.clear(tmp_path, 10, before=20)
    assert [step for step, _ in checkpoints.checkpoints(tmp_path)] == [10, 20]
    checkpoints.finish(tmp_path, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-best"]


def test_what_recipes_keep_while_they_are_at_work_is_known_as_theirs() -> None:
    assert {MERGED, FOLDER, f"{FOLDER}-unfinished"} == set(WORKING)
    assert {*fitting.NEEDED, MOMENTS} <= {*checkpoints.RESUMING}
