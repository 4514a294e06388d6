"""From strings, the engine answers as lm-eval's HFLM does, and through the loader as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from engine_models import llama, reference_of, worst
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from support.checkpoints import save_adapter, save_checkpoint

from zoo.engine import adapter
from zoo.engine.adapter import TorchLM
from zoo.engine.selftest import GATE
from zoo.errors import CellError, ConfigError
from zoo.evaluation.answering import answer
from zoo.evaluation.huggingface import HF, TORCH
from zoo.evaluation.requests import CellRequests, Request, Response
from zoo.models import Model

PAIRS = [
    ("the cat sat on the", " mat"),
    ("the cat sat on the ", "mat"),  # a trailing space moves
    ("the cat sat", " on the mat"),  # equal text, another split
    ("the cat sat on the", " dog"),
    ("", "the cat"),  # no context: the prefix token stands for it
    ("", "<s>the cat"),
    ("   ", "x"),
    ("<s>the cat sat", " on"),  # BOS is there already
    ("질문: 하늘은 무슨 색인가?\n답:", " 파란색"),
    ("naïve 🦊 e\u0301", "\n\n🦊"),
    (
        "one two three four five six seven eight nine ten " * 12,
        "one two",
    ),  # longer than the context
    ("question: what is the colour of the sky? answer:", " blue"),
    ("question: what is the colour of the sky? answer:", " blue"),  # asked twice
]


def asked(kind: Any, arguments: list[tuple[Any, ...]]) -> list[Instance]:
    return [Instance(kind, {}, args, i, ("", i, 1)) for i, args in enumerate(arguments)]


def pair_of(tokenizer: Any, **options: Any) -> tuple[TorchLM, Any]:
    """The engine and the reference over one model, in a context that texts overflow."""
    options = {"max_length": 64, **options}
    model = llama()
    return TorchLM.of(model, tokenizer, **options), reference_of(model, tokenizer, **options)


@pytest.mark.parametrize("bos", [None, True, False])
def test_strings_are_encoded_truncated_and_scored_as_hflm_does(
    bos: bool | None, tokenizer: Any
) -> None:
    ours, reference = pair_of(tokenizer, add_bos_token=bos)
    # a blank context without BOS has no token: neither of them can score after it
    pairs = [pair for pair in PAIRS if bos is not False or pair[0] != "   "]
    requests = asked("loglikelihood", pairs)
    found = ours.loglikelihood(requests, disable_tqdm=True)
    expected = reference.loglikelihood(requests, disable_tqdm=True)
    assert worst(found, expected) <= GATE
    assert [hit for _, hit in found] == [hit for _, hit in expected]


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.text(max_size=40), st.text(min_size=1, max_size=10)), min_size=1, max_size=8
    )
)
def test_any_text_is_scored_as_hflm_scores_it(tokenizer: Any, pairs: list[tuple[str, str]]) -> None:
    ours, reference = ENGINES.get(id(tokenizer)) or ENGINES.setdefault(
        id(tokenizer), pair_of(tokenizer)
    )
    whole = "".join(pairs[0])
    middle = len(whole) // 2
    # some are asked twice, and one of equal text with another split
    pairs = [*pairs, *pairs[:2], *([(whole[:middle], whole[middle:])] if whole else [])]
    requests = asked("loglikelihood", pairs)
    try:
        expected = reference.loglikelihood(requests, disable_tqdm=True)
    except (AssertionError, IndexError):  # HFLM's way to say that there is nothing to score
        with pytest.raises(CellError):
            ours.loglikelihood(requests)
        return
    assert worst(ours.loglikelihood(requests), expected) <= GATE


ENGINES: dict[int, tuple[TorchLM, Any]] = {}


@settings(max_examples=10)
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=4))
def test_any_whole_text_is_scored_as_hflm_scores_it(tokenizer: Any, texts: list[str]) -> None:
    ours, reference = ENGINES.get(id(tokenizer)) or ENGINES.setdefault(
        id(tokenizer), pair_of(tokenizer)
    )
    requests = asked("loglikelihood_rolling", [(text,) for text in texts])
    expected = reference.loglikelihood_rolling(requests, disable_tqdm=True)
    assert ours.loglikelihood_rolling(requests) == pytest.approx(expected, abs=GATE)


def test_rolling_windows_are_those_of_hflm(tokenizer: Any) -> None:
    ours, reference = pair_of(tokenizer)
    texts = [
        ("the cat sat on the mat",),
        ("ten nine eight 🦊 " * 40,),
        ("x",),
        ("<s>the red house",),
    ]
    requests = asked("loglikelihood_rolling", texts)
    found = ours.loglikelihood_rolling(requests)
    expected = reference.loglikelihood_rolling(requests, disable_tqdm=True)
    assert found == pytest.approx(expected, abs=GATE)


def test_generation_is_that_of_hflm(tokenizer: Any) -> None:
    ours, reference = pair_of(tokenizer)
    prompts = ["the cat sat", "the cat sat on the mat and", "question: what"]
    gen: dict[str, Any] = {"until": ["\n", " the"], "max_gen_toks": 12, "do_sample": False}
    requests = asked("generate_until", [(prompt, dict(gen)) for prompt in prompts])
    expected = reference.generate_until(requests, disable_tqdm=True)
    assert ours.generate_until(requests) == expected
    assert [each.text for each in ours.generate_counted(requests)] == expected


def test_generation_left_to_hflm_says_that_tokens_are_not_counted(tokenizer: Any) -> None:
    ours, reference = pair_of(tokenizer)
    gen: dict[str, Any] = {"until": ["\n"], "max_gen_toks": 6, "repetition_penalty": 1.3}
    requests = asked("generate_until", [("the cat sat", dict(gen))])
    (found,) = ours.generate_counted(requests)
    assert found.text == reference.generate_until(requests, disable_tqdm=True)[0]
    assert (found.n_tokens, found.truncated) == (None, None)


def test_requests_in_several_segments_are_answered_as_in_one(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = pair_of(tokenizer)
    requests = asked("loglikelihood", PAIRS)
    whole = ours.loglikelihood(requests)
    for size in (1, 3, len(PAIRS) - 1):
        monkeypatch.setattr(adapter, "SEGMENT", size)
        found = ours.loglikelihood(requests)
        assert worst(found, whole) <= GATE
        assert [hit for _, hit in found] == [hit for _, hit in whole]


class Told:
    """An lm-eval cache hook that remembers."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Any, Any]] = []

    def add_partial(self, kind: str, request: Any, result: Any) -> None:
        self.found.append((kind, tuple(request), result))


@pytest.mark.parametrize("tier", ["packed", "padded", "hflm"])
def test_the_cache_hook_is_told_of_every_request(tier: Any, tokenizer: Any) -> None:
    lm = TorchLM.of(llama(), tokenizer, tier=tier, max_length=64)
    told = Told()
    lm.set_cache_hook(told)
    answers = lm.loglikelihood(asked("loglikelihood", PAIRS), disable_tqdm=True)
    assert sorted(request for _, request, _ in told.found) == sorted(PAIRS)
    assert {kind for kind, _, _ in told.found} == {"loglikelihood"}
    for _, request, result in told.found:
        assert any(result == a for a, p in zip(answers, PAIRS, strict=True) if p == request)


def answered(lm: Any, requests: list[Request]) -> list[list[Response]]:
    found = answer(lm, [CellRequests("cell", tuple(requests))])["cell"]
    assert isinstance(found, list)
    return found


def test_a_likelihood_is_not_asked_with_thinking_on(tokenizer: Any) -> None:
    lm = TorchLM.of(llama(), tokenizer, enable_thinking=True, think_end_token="</think>")
    with pytest.raises(CellError, match="thinking"):
        lm.loglikelihood(asked("loglikelihood", PAIRS))


@pytest.mark.parametrize("adapted", [False, True])
def test_the_loader_torch_answers_as_the_loader_hf(adapted: bool, tmp_path: Path) -> None:
    base = save_checkpoint(tmp_path / "base")
    args: dict[str, Any] = {}
    if adapted:
        args["peft"] = str(save_adapter(tmp_path / "adapter", base))
    model = Model(str(base), loader_args=args)
    requests = [Request(i, 0, "loglikelihood", a, b) for i, (a, b) in enumerate(PAIRS) if a.strip()]
    found, plain, bare = (
        [
            (float(each.loglikelihood or 0), bool(each.is_greedy))
            for (each,) in answered(
                loader.load(of, device="cpu", dtype="float32", batch_size=1), requests
            )
        ]
        for loader, of in ((TORCH, model), (HF, model), (HF, Model(str(base))))
    )
    assert worst(found, plain) <= GATE
    assert (worst(found, bare) > 0.01) == adapted
    lm: Any = TORCH.load(model, device="cpu", dtype="float32", batch_size=1)
    assert lm.choice.tier == "packed"


def test_a_tier_that_does_not_exist_is_named(tmp_path: Path) -> None:
    model = Model(str(save_checkpoint(tmp_path)), loader_args={"tier": "packd"})
    with pytest.raises(ConfigError, match="did you mean 'packed'"):
        TORCH.load(model, device="cpu", dtype="float32", batch_size=1)


def test_memory_that_ran_out_is_told_with_the_way_of_scoring(tokenizer: Any) -> None:
    model = llama()
    lm = TorchLM.of(model, tokenizer, max_length=64)
    assert lm.scoring == str(lm.choice)

    def full(_module: Any, args: tuple[Any, ...]) -> None:
        if args[0].shape[1] > 100:
            raise torch.OutOfMemoryError("out of memory")

    model.model.layers[1].mlp.down_proj.register_forward_pre_hook(full)
    texts = [f"{number} the cat sat on the mat {number}" for number in range(40)]
    lm.loglikelihood(asked("loglikelihood", [(text, " and slept") for text in texts]))
    assert lm.scoring.startswith(f"{lm.choice}; chunks of ")
    assert lm.scoring.endswith(" tokens since memory ran out")
