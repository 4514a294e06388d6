"""Questions are read once and answered as if each choice had been a prompt of its own.

vLLM itself is not installed where these tests run: what they hold is all around it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import CellError, ConfigError, ModelError
from zoo.models import Model
from zoo_vllm import engine_args, load_vllm, missing
from zoo_vllm.grouping import MOST_IDS, Question, answers, questions

VOCABULARY = 200

Pair = tuple[list[int], list[int]]


def table(prompt: Sequence[int]) -> list[float]:
    """Log-probabilities of what follows a prompt, by a model that hangs on every id of it."""
    seed = hashlib.sha256(repr(list(prompt)).encode()).digest()
    weights = [1 + seed[i % 32] * (i % 7 + 1) for i in range(VOCABULARY)]
    return [math.log(weight / sum(weights)) for weight in weights]


def alone(context: list[int], token: int, longest: int) -> tuple[float, bool]:
    """A choice as a prompt of its own, cut as lm-eval's backend cuts it."""
    follows = table([*context, token][-longest:][:-1])
    return follows[token], token == follows.index(max(follows))


def together(pairs: list[Pair], longest: int) -> dict[int, tuple[float, bool]]:
    """The choices of all questions, each question asked once."""
    asked, rest = questions(pairs, longest)
    found: dict[int, tuple[float, bool]] = {}
    for question in asked:
        follows = table(question.prompt)
        told = {token: follows[token] for token in question.places}
        mine = answers(question, follows.index(max(follows)), told)
        assert not mine.keys() & found.keys()
        found |= mine
    assert set(found) | set(rest) == set(range(len(pairs)))
    return found


ids = st.integers(0, VOCABULARY - 1)
contexts = st.lists(st.integers(0, 3), min_size=1, max_size=6)
some_pairs = st.lists(st.tuples(contexts, st.lists(ids, min_size=1, max_size=2)), max_size=40)


@given(some_pairs, st.integers(2, 8))
def test_grouped_choices_are_answered_as_each_alone(pairs: list[Pair], longest: int) -> None:
    found = together(pairs, longest)
    for place, (context, continuation) in enumerate(pairs):
        assert (place in found) == (len(continuation) == 1)
        if place in found:
            assert found[place] == alone(context, continuation[0], longest)


@given(some_pairs, st.integers(2, 8))
def test_no_prompt_is_sent_twice_and_those_of_one_beginning_stand_together(
    pairs: list[Pair], longest: int
) -> None:
    prompts = [question.prompt for question in questions(pairs, longest)[0]]
    assert prompts == sorted(set(prompts))
    assert all(len(prompt) < longest for prompt in prompts)


def test_more_choices_than_vllm_tells_of_at_once_are_asked_in_turns() -> None:
    pairs: list[Pair] = [([1, 2], [token]) for token in range(VOCABULARY)] * 2
    asked, rest = questions(pairs, 10)
    assert [len(question.places) for question in asked] == [MOST_IDS, VOCABULARY - MOST_IDS]
    assert rest == []
    found = together(pairs, 10)
    assert found == {place: alone([1, 2], pairs[place][1][0], 10) for place in range(len(pairs))}


def test_a_token_that_vllm_says_nothing_of_fails_by_name() -> None:
    with pytest.raises(CellError, match="token 7"):
        answers(Question((1,), {7: [0]}), 3, {3: -0.1})


@pytest.mark.skipif(not missing(), reason="vLLM is installed here")
def test_without_vllm_the_loader_says_in_a_sentence_what_to_do() -> None:
    with pytest.raises(ModelError, match=r'pip install "stagezoo\[vllm\]"'):
        load_vllm(Model("org/m"), device="cuda", dtype="auto", batch_size="auto")


def test_the_engine_is_told_where_files_lie_and_takes_safetensors_alone(tmp_path: Path) -> None:
    model = Model("org/m", revision="c" * 40, loader_args={"peft": "org/adapter", "seed": 3})
    assert engine_args(model, {"tensor_parallel_size": 2}) == {
        "pretrained": "org/m",
        "revision": "c" * 40,
        "lora_local_path": "org/adapter",
        "tensor_parallel_size": 2,
        "seed": 3,
        "trust_remote_code": False,
        "load_format": "safetensors",
        "enable_prefix_caching": True,
    }
    here = Model("./m", revision="a1", loader_args={"pretrained": str(tmp_path)})
    assert engine_args(here, {})["pretrained"] == str(tmp_path)
    assert engine_args(here, {})["revision"] is None


def test_code_that_is_not_pinned_is_refused(base: Path) -> None:
    model = Model(str(base), loader_args={"trust_remote_code": True})
    with pytest.raises((ModelError, ConfigError), match="trust_remote_code"):
        engine_args(model, {})
