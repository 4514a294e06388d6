"""A model gets the fastest way of scoring that gives its own answers, and is told why."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from engine_models import (
    CONTEXT,
    EXACT,
    FALLING_BACK,
    llama,
    model_of,
    reference_of,
    requests_for,
    worst,
)
from test_attention import looped
from torch import Tensor

from zoo.engine.adapter import TorchLM
from zoo.engine.flex import Flex
from zoo.engine.kernels import Kernel
from zoo.engine.layout import Layout
from zoo.engine.merged import Merged
from zoo.engine.scorer import Packed, budget_for
from zoo.engine.selftest import GATE, in_float32, kernel_trouble, probe_for
from zoo.engine.tiers import Tier, choose, trouble_in_chunks
from zoo.engine.varlen import Varlen

CPU = torch.device("cpu")


def trouble(model: Any, kernel: Kernel) -> str | None:
    """What the self-test alone says of the packed way, whatever is on the lists."""
    probe = probe_for(model, CONTEXT, CPU)
    return trouble_in_chunks(Packed(model, kernel, CONTEXT, CPU, budget_for(CPU)), probe)


@pytest.mark.parametrize("name", ["Llama4Text", "Bloom", "Falcon ALiBi", "GPTJ", "Mamba", "Rwkv"])
def test_the_self_test_alone_finds_an_unsuited_model(name: str) -> None:
    assert trouble(model_of(name, FALLING_BACK[name]), Merged())


class Boundless(Merged):
    """The reference kernel, deaf to windows."""

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, layout: Layout, **asked: Any
    ) -> Tensor:
        return super().attend(query, key, value, layout, **{**asked, "window": None})


@pytest.mark.parametrize("name", ["Mistral", "Gemma3Text", "GptOss"])
def test_the_self_test_is_long_enough_to_cross_windows(name: str) -> None:
    model = model_of(name, EXACT[name])
    assert trouble(model, Merged()) is None
    assert trouble(model, Boundless())


def test_a_kernel_is_compared_with_the_reference_before_it_is_used() -> None:
    model = model_of("Mistral", EXACT["Mistral"])
    probe = probe_for(model, CONTEXT, CPU)

    def verdict(kernel: Kernel) -> str | None:
        return kernel_trouble(kernel, probe, model.config, CPU, torch.float32)

    class Deaf(Flex):
        def attend(self, *args: Any, **asked: Any) -> Tensor:
            return super().attend(*args, **{**asked, "window": None})

    assert verdict(Flex()) is None
    assert verdict(Varlen(call=looped)) is None
    assert "differs from the reference" in str(verdict(Deaf()))
    assert "fails with" in str(verdict(Varlen()))  # flash attention is not to be had on a CPU


def test_a_window_too_long_to_test_is_trusted_only_where_it_is_known() -> None:
    options = {"sliding_window": 3000, "max_position_embeddings": 4096, "num_hidden_layers": 1}
    known, novel = model_of("Mistral", options), model_of("Mistral", options)
    novel.config.model_type = "novel"
    assert choose(known, 4096, CPU)[1].tier == "packed"
    choice = choose(novel, 4096, CPU)[1]
    assert choice.tier == "padded"
    assert "the window of novel (3000 tokens) is longer than the self-test" in choice.reason


def test_an_architecture_nobody_listed_is_read_exactly_once_the_self_test_passes() -> None:
    novel = llama()
    novel.config.model_type = "novel"
    assert choose(novel, CONTEXT, CPU)[1].tier == "packed"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_the_model_is_tested_in_fp32_and_comes_back_bit_for_bit(
    dtype: torch.dtype,
) -> None:
    model = llama().to(dtype)
    model.model.norm.weight.data = model.model.norm.weight.data.float() * 1.001
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with in_float32(model) as exact:
        assert exact
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == before[name].dtype
        assert torch.equal(tensor, before[name])


def test_rounding_in_half_precision_hides_no_unsuited_model() -> None:
    for name, options in (("Bloom", FALLING_BACK["Bloom"]), ("GPTJ", FALLING_BACK["GPTJ"])):
        model = model_of(name, options).to(torch.bfloat16)
        model.config.model_type = "novel"
        choice = choose(model, CONTEXT, CPU)[1]
        assert choice.tier == "padded"
        assert "differs from the plain model" in choice.reason
    assert choose(llama().to(torch.bfloat16), CONTEXT, CPU)[1].tier == "packed"


@pytest.mark.parametrize("tier", ["packed", "padded", "hflm"])
def test_every_tier_gives_the_same_answers(tier: Tier, tokenizer: Any) -> None:
    model = llama()
    requests = requests_for(model)
    expected = reference_of(model, tokenizer)._loglikelihood_tokens(requests, disable_tqdm=True)
    lm = TorchLM.of(model, tokenizer, tier=tier, max_length=CONTEXT)
    assert lm.choice.tier == tier
    found = lm._loglikelihood_tokens(requests, disable_tqdm=True)
    assert worst(found, expected) <= GATE
    assert [hit for _, hit in found] == [hit for _, hit in expected]


def test_a_fall_back_is_told_and_kept_for_provenance(
    tokenizer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="zoo"):
        lm = TorchLM.of(model_of("Bloom", FALLING_BACK["Bloom"]), tokenizer, max_length=CONTEXT)
    assert "scoring is padded (its positions are a bias" in caplog.text
    assert lm.get_model_info()["engine"] == str(lm.choice)
