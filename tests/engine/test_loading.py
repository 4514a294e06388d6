"""The engine alone, for anybody who uses lm-eval."""

from __future__ import annotations

import pytest

import zoo
from zoo.engine.adapter import TorchLM
from zoo.errors import ConfigError


def test_a_model_is_loaded_with_the_engine_and_answers_as_lm_evals_own_does() -> None:
    from lm_eval.api.instance import Instance

    asked = [
        Instance("loglikelihood", {}, ("The capital of Korea is", f" {city}"), 0, ("t", 0, 1))
        for city in ("Seoul", "Tokyo")
    ]
    ours = zoo.load("nano/pretrained", device="cpu")
    theirs = zoo.load("nano/pretrained", loader="hf", device="cpu")
    assert isinstance(ours, TorchLM)
    assert not isinstance(theirs, TorchLM)
    found, reference = ours.loglikelihood(asked), theirs.loglikelihood(asked, disable_tqdm=True)
    assert [value for value, _ in found] == pytest.approx([v for v, _ in reference], abs=2e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in reference]
    assert found[0] > found[1]


def test_a_family_of_several_models_is_no_model() -> None:
    with pytest.raises(ConfigError, match="load one of them: nano/pretrained"):
        zoo.load("nano")
