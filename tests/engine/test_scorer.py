"""Answers are those of the plain model, whatever the tree, the chunks and the memory are."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from engine_models import (
    CONTEXT,
    EXACT,
    VOCABULARY,
    greedy,
    llama,
    model_of,
    reference_of,
    requests_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.engine.adapter import TorchLM
from zoo.engine.merged import Merged
from zoo.engine.padded import Padded
from zoo.engine.scorer import Answer, Budget, Packed
from zoo.engine.selftest import GATE
from zoo.engine.trie import Pair, model_inputs
from zoo.errors import CellError

CPU = torch.device("cpu")
LOGITS = 4 * VOCABULARY
"""Bytes of one row of logits."""

ids = st.lists(st.integers(3, 5), min_size=1, max_size=60)
pair = st.tuples(ids, st.lists(st.integers(3, 6), min_size=1, max_size=6))


@cache
def model(windowed: bool = False) -> Any:
    options: dict[str, Any] = {"num_hidden_layers": 2}
    if windowed:
        return model_of("Mistral", {**options, "sliding_window": 7})
    return model_of("Llama", options)


def plainly(pairs: list[Pair], max_length: int, windowed: bool = False) -> list[Answer]:
    """One sequence at a time, no cache."""
    answers = []
    for sequence, targets in zip(*model_inputs(pairs, max_length), strict=True):
        with torch.inference_mode():
            logits = model(windowed)(torch.from_numpy(sequence)[None], use_cache=False).logits[0]
        rows = logits[len(sequence) - len(targets) :].log_softmax(-1)
        value = rows[range(len(targets)), targets].double().sum()
        answers.append((float(value), bool((rows.argmax(-1).numpy() == targets).all())))
    return answers


def packed(max_length: int, budget: Budget, windowed: bool = False) -> Packed:
    return Packed(model(windowed), Merged(), max_length, CPU, budget)


def agree(found: list[Answer], expected: list[Answer]) -> bool:
    """Whether answers are equal within the gate; a greedy flag may differ on a tie alone."""
    near = [abs(a - b) <= GATE for (a, _), (b, _) in zip(found, expected, strict=True)]
    return all(near) and [hit for _, hit in found] == [hit for _, hit in expected]


@settings(max_examples=30)
@given(
    st.lists(pair, min_size=1, max_size=20),
    st.integers(6, 70),
    st.integers(16, 200),
    st.integers(1, 30),
    st.booleans(),
)
def test_random_trees_in_random_chunks_are_scored_as_the_plain_model_scores(
    pairs: list[Pair], max_length: int, tokens: int, rows: int, windowed: bool
) -> None:
    expected = plainly(pairs, max_length, windowed)
    scorer = packed(max_length, Budget(tokens, rows * LOGITS), windowed)
    assert agree(scorer.score(pairs), expected)


@settings(max_examples=15)
@given(st.lists(pair, min_size=1, max_size=12), st.integers(6, 70), st.integers(1, 300))
def test_padded_batches_of_any_size_are_scored_as_the_plain_model_scores(
    pairs: list[Pair], max_length: int, tokens: int
) -> None:
    padded = Padded(model(), max_length, CPU, Budget(tokens, 40 * LOGITS))
    assert agree(padded.score(pairs), plainly(pairs, max_length))


def long_requests() -> list[Pair]:
    draw = random.Random(0)
    trunk = [draw.randrange(3, VOCABULARY) for _ in range(150)]
    pairs: list[Pair] = []
    for _ in range(6):
        context = trunk + [draw.randrange(3, VOCABULARY) for _ in range(draw.randrange(5, 60))]
        pairs += [(context, [draw.randrange(3, VOCABULARY)]) for _ in range(3)]
        pairs += [(context, greedy(model(), context, 4))]
    return pairs


def test_a_whole_text_is_scored_in_slices_of_bounded_logits() -> None:
    draw = random.Random(1)
    text = [draw.randrange(3, VOCABULARY) for _ in range(300)]
    pairs: list[Pair] = [([0], text), ([0], text[:100])]
    scorer = packed(400, Budget(2048, 20 * LOGITS))
    assert agree(scorer.score(pairs), plainly(pairs, 400))
    assert scorer.statistics == {
        "tokens": 300,
        "rows": 300,
        "pairs": 300 * 301 // 2,
        "chunks": 15,
    }


@pytest.mark.parametrize("way", ["packed", "padded"])
def test_each_request_is_told_of_once_with_its_answer(way: str) -> None:
    pairs = long_requests()
    told: dict[int, Answer] = {}
    order: list[int] = []

    def tell(number: int, answer: Answer) -> None:
        assert number not in told
        told[number] = answer
        order.append(number)

    scorer = (
        packed(400, Budget(100, 100 * LOGITS))
        if way == "packed"
        else Padded(model(), 400, CPU, Budget(500, 100 * LOGITS))
    )
    answers = scorer.score(pairs, tell)
    assert [told[number] for number in range(len(pairs))] == answers


@pytest.mark.parametrize("way", ["packed", "padded"])
def test_out_of_memory_halves_what_is_read_at_once_and_changes_no_answer(way: str) -> None:
    pairs = long_requests()
    crowded = llama()  # of its own, since it is given a hook
    crowded.load_state_dict(model().state_dict())
    refused = []

    def full(_module: Any, args: tuple[Any, ...]) -> None:
        if args[0].shape[0] * args[0].shape[1] > 240:
            refused.append(args[0].shape)
            raise torch.OutOfMemoryError("out of memory")

    crowded.model.layers[0].mlp.down_proj.register_forward_pre_hook(full)
    budget = Budget(900, 900 * LOGITS)
    scorer = (
        Packed(crowded, Merged(), 400, CPU, budget)
        if way == "packed"
        else Padded(crowded, 400, CPU, budget)
    )
    assert agree(scorer.score(pairs), plainly(pairs, 400))
    assert refused


def test_memory_that_never_suffices_is_an_error_of_one_sentence() -> None:
    crowded = llama()

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    crowded.model.layers[0].register_forward_pre_hook(full)
    for scorer in (
        Packed(crowded, Merged(), 400, CPU, Budget(64, LOGITS)),
        Padded(crowded, 400, CPU, Budget(64, LOGITS)),
    ):
        with pytest.raises(CellError, match="use another device"):
            scorer.score(long_requests())


def test_the_model_attends_as_before_once_scoring_is_over() -> None:
    before = model().config._attn_implementation
    packed(400, Budget(100, 100 * LOGITS)).score(long_requests())
    assert model().config._attn_implementation == before


@pytest.mark.parametrize(
    "name", ["Llama", "Qwen3", "Mistral", "Gemma2", "Olmo2", "Phi3", "GPTNeoX", "GPT2"]
)
def test_in_bfloat16_we_are_no_farther_from_the_truth_than_hflm(name: str, tokenizer: Any) -> None:
    rounded = model_of(name, EXACT[name]).to(torch.bfloat16)
    exact = model_of(name, EXACT[name])
    exact.load_state_dict({k: v.float() for k, v in rounded.state_dict().items()})
    requests = requests_for(exact)
    truth = reference_of(exact, tokenizer)._loglikelihood_tokens(requests, disable_tqdm=True)

    def error(lm: Any) -> float:
        found = lm._loglikelihood_tokens(requests, disable_tqdm=True)
        return float(np.mean([abs(a - b) for (a, _), (b, _) in zip(found, truth, strict=True)]))

    lm = TorchLM.of(rounded, tokenizer, max_length=CONTEXT)
    assert lm.choice.tier == "packed"
    assert 0 < error(lm) <= error(reference_of(rounded, tokenizer))
    # with a softmax in fp32 HFLM's error is of the size of ours: what is left is the model's own
    assert error(lm) <= 1.5 * error(reference_of(rounded, tokenizer, softmax_dtype="float32"))


@pytest.mark.parametrize(
    ("name", "window"), [("Llama", None), ("Mistral", 300), ("Gemma3Text", 300), ("GptOss", 300)]
)
def test_long_contexts_are_carried_over_many_chunks_and_windows(
    name: str, window: int | None
) -> None:
    options = {**EXACT[name], "max_position_embeddings": 2048, "num_hidden_layers": 2}
    long = model_of(name, options if window is None else {**options, "sliding_window": window})
    draw = random.Random(0)
    trunk = [draw.randrange(3, VOCABULARY) for _ in range(1400)]
    pairs: list[Pair] = [(trunk[:700], trunk[700:1400])]  # a window's edge moves through this
    pairs += [(trunk[:at], [5, 6, 7]) for at in (1, 250, 301, 650, 1000, 1399)]
    expected = []
    for context, continuation in pairs:
        ids = torch.tensor([[*context, *continuation][:-1]])
        with torch.inference_mode():
            logits = long(ids, use_cache=False).logits[0, len(context) - 1 :]
        rows = logits.log_softmax(-1)
        values = rows[range(len(continuation)), continuation].double().sum()
        hits = rows.argmax(-1) == torch.tensor(continuation)
        expected.append((float(values), bool(hits.all())))
    for tokens in (64, 333, 4096):
        way = Packed(long, Merged(), 2048, CPU, Budget(tokens, 1000 * LOGITS))
        assert agree(way.score(pairs), expected)
