"""Every architecture is scored as the plain model scores it, in the fastest way that suits it."""

from __future__ import annotations

from typing import Any

import pytest
from engine_models import CONTEXT, EXACT, FALLING_BACK, model_of, reference_of, requests_for, worst

from zoo.engine.adapter import TorchLM
from zoo.engine.scorer import Packed
from zoo.engine.selftest import GATE


@pytest.mark.parametrize("name", EXACT)
def test_a_suited_architecture_reads_each_token_once_and_answers_as_hflm(
    name: str, tokenizer: Any
) -> None:
    model = model_of(name, EXACT[name])
    requests = requests_for(model)
    reference = reference_of(model, tokenizer)
    expected = reference._loglikelihood_tokens(requests, disable_tqdm=True)
    lm = TorchLM.of(model, tokenizer, max_length=CONTEXT)
    assert lm.choice.tier == "packed", lm.choice
    assert isinstance(lm.way, Packed)
    for tokens in (50, 2048):
        lm.way.budget.tokens = tokens
        found = lm._loglikelihood_tokens(requests)
        assert worst(found, expected) <= GATE
        assert [hit for _, hit in found] == [hit for _, hit in expected]
    assert sum(hit for _, hit in expected) >= len(expected) / 2


@pytest.mark.parametrize("name", FALLING_BACK)
def test_an_unsuited_architecture_falls_back_says_why_and_answers_as_hflm(
    name: str, tokenizer: Any
) -> None:
    model = model_of(name, FALLING_BACK[name])
    requests = requests_for(model)
    expected = reference_of(model, tokenizer)._loglikelihood_tokens(requests, disable_tqdm=True)
    lm = TorchLM.of(model, tokenizer, max_length=CONTEXT)
    assert lm.choice.tier != "packed"
    assert lm.choice.reason
    found = lm._loglikelihood_tokens(requests)
    assert worst(found, expected) <= GATE
    assert [hit for _, hit in found] == [hit for _, hit in expected]
