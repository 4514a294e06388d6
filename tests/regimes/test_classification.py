"""Which regime real checkpoints are taken for, from their names and cards.

The cards are excerpts of what was published: the fields that are read, and no more.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.evidence import rank_regimes, words
from zoo.models import Evidence, Facts
from zoo.plugins import find_plugins
from zoo.registry import Registry

PRE, FINE, INSTRUCT, RL = "pretrained", "fine-tuned", "instruction-tuned", "RL-tuned"
CHAT = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
THINK = CHAT + "{% if enable_thinking %}<think>{% endif %}"
LANGUAGE = {"language": ["en"]}


def card(base: Any = None, **fields: Any) -> dict[str, Any]:
    """A card's fields."""
    return {**LANGUAGE, **({"base_model": base} if base else {}), **fields}


CHECKPOINTS: list[tuple[str, dict[str, Any], str | None, tuple[str, ...]]] = [
    # id, card, chat template, the regime it is taken for (several: a tie; none: no evidence)
    ("allenai/OLMo-2-0425-1B", card(), None, (PRE,)),
    (
        "allenai/OLMo-2-0425-1B-SFT",
        card("allenai/OLMo-2-0425-1B", datasets=["allenai/tulu-3-sft-olmo-2-mixture-0225"]),
        CHAT,
        (INSTRUCT,),
    ),
    (
        "allenai/OLMo-2-0425-1B-DPO",
        card(["allenai/OLMo-2-0425-1B-SFT"], datasets=["allenai/olmo-2-0425-1b-preference-mix"]),
        CHAT,
        (RL,),
    ),
    ("allenai/OLMo-2-0425-1B-RLVR1", card(["allenai/OLMo-2-0425-1B-DPO"]), CHAT, (RL,)),
    (
        "allenai/OLMo-2-1124-13B-Instruct",
        card(
            ["allenai/OLMo-2-1124-13B-DPO"],
            library_name="transformers",
            datasets=["allenai/RLVR-GSM-MATH-IF-Mixed-Constraints"],
        ),
        CHAT,
        (INSTRUCT, RL),  # named for what it is for, made by RL
    ),
    ("allenai/Olmo-3-7B-Instruct-SFT", card("allenai/Olmo-3-1025-7B"), CHAT, (INSTRUCT,)),
    ("allenai/Olmo-3-7B-Instruct-DPO", card("allenai/Olmo-3-7B-Instruct-SFT"), CHAT, (RL,)),
    ("allenai/Olmo-3-7B-Think-SFT", card("allenai/Olmo-3-1025-7B"), THINK, (INSTRUCT,)),
    ("allenai/Olmo-3-7B-Think-DPO", card("allenai/Olmo-3-7B-Think-SFT"), THINK, (RL,)),
    ("allenai/Olmo-3-7B-Think", card("allenai/Olmo-3-7B-Think-DPO"), THINK, (RL,)),
    ("allenai/Olmo-3-7B-RL-Zero-Code", card("allenai/Olmo-3-1025-7B"), CHAT, (RL,)),
    ("allenai/Llama-3.1-Tulu-3-8B-SFT", card("meta-llama/Llama-3.1-8B"), CHAT, (INSTRUCT,)),
    ("allenai/Llama-3.1-Tulu-3-8B-DPO", card("allenai/Llama-3.1-Tulu-3-8B-SFT"), CHAT, (RL,)),
    (
        "allenai/Llama-3.1-Tulu-3-8B",
        card(
            "allenai/Llama-3.1-Tulu-3-8B-DPO",
            datasets=["allenai/RLVR-GSM-MATH-IF-Mixed-Constraints"],
        ),
        CHAT,
        (RL,),
    ),
    ("meta-llama/Llama-3.2-3B", card(tags=["facebook", "meta", "pytorch"]), None, (PRE,)),
    ("meta-llama/Llama-3.2-3B-Instruct", card(tags=["facebook", "meta"]), CHAT, (INSTRUCT,)),
    ("meta-llama/Llama-2-7b-hf", card(tags=["llama-2"]), None, (PRE,)),
    ("meta-llama/Llama-2-7b-chat-hf", card(tags=["llama-2"]), CHAT, (INSTRUCT,)),
    ("HuggingFaceTB/SmolLM2-135M", card(), None, (PRE,)),
    (
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        card(["HuggingFaceTB/SmolLM2-135M"]),
        CHAT,
        (INSTRUCT,),
    ),
    ("HuggingFaceTB/SmolLM3-3B-Base", card(), None, (PRE,)),
    # Its name says nothing, and its template can think: a person must say.
    ("HuggingFaceTB/SmolLM3-3B", card(["HuggingFaceTB/SmolLM3-3B-Base"]), THINK, (INSTRUCT, RL)),
    ("EleutherAI/pythia-410m", card(tags=["pytorch", "causal-lm", "pythia"]), None, (PRE,)),
    (
        "lomahony/eleuther-pythia410m-hh-sft",
        card(datasets=["Anthropic/hh-rlhf"]),
        None,
        (INSTRUCT,),
    ),
    ("lomahony/eleuther-pythia410m-hh-dpo", card(datasets=["Anthropic/hh-rlhf"]), None, (RL,)),
    (
        "HuggingFaceH4/mistral-7b-sft-beta",
        card("mistralai/Mistral-7B-v0.1", datasets=["HuggingFaceH4/ultrachat_200k"]),
        CHAT,
        (INSTRUCT,),
    ),
    (
        "HuggingFaceH4/zephyr-7b-beta",
        card(
            "mistralai/Mistral-7B-v0.1",
            tags=["generated_from_trainer"],
            datasets=["HuggingFaceH4/ultrachat_200k", "HuggingFaceH4/ultrafeedback_binarized"],
        ),
        CHAT,
        (INSTRUCT, RL),
    ),
    (
        "predibase/gsm8k",
        card("mistralai/Mistral-7B-v0.1", library_name="peft"),
        None,
        (FINE,),
    ),
    ("Qwen/Qwen2.5-Math-1.5B", card("Qwen/Qwen2.5-1.5B"), None, (FINE,)),
    # Some pretrained models come with a template: weak evidence, for want of better.
    ("Qwen/Qwen2.5-0.5B", card(), CHAT, (INSTRUCT,)),
    ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", card(), THINK, (INSTRUCT, RL)),
    ("deepseek-ai/DeepSeek-R1-Zero", card(), THINK, (RL,)),
    (
        "agentica-org/DeepScaleR-1.5B-Preview",
        card("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
        THINK,
        (INSTRUCT, RL),
    ),
    ("tiiuae/Falcon3-1B-Base", card(), None, (PRE,)),
    ("tiiuae/Falcon3-1B-Instruct", card("tiiuae/Falcon3-1B-Base"), CHAT, (INSTRUCT,)),
    ("google/gemma-3-1b-pt", card(), None, (PRE,)),
    ("google/gemma-3-1b-it", card("google/gemma-3-1b-pt"), CHAT, (INSTRUCT,)),
    ("google-bert/bert-base-uncased", card(datasets=["bookcorpus"]), None, (PRE,)),
    ("google-t5/t5-small", card(datasets=["c4"]), None, (PRE,)),
    ("google/flan-t5-small", card(tags=["text2text-generation"]), None, (INSTRUCT,)),
    ("google/flan-t5-base", card(tags=["text2text-generation"]), None, (INSTRUCT,)),
    ("distilbert/distilbert-base-uncased-finetuned-sst-2-english", card(), None, (FINE,)),
    # Copies and mixtures.
    (
        "org/Llama-3.2-3B-GGUF",
        card("meta-llama/Llama-3.2-3B-Instruct", base_model_relation="quantized"),
        CHAT,
        ("quantized",),
    ),
    ("org/chat-7b-GPTQ-Int4", card("org/chat-7b", tags=["gptq"]), CHAT, ("quantized",)),
    ("org/soup", card(["org/a", "org/b"], base_model_relation="merge"), None, ("merged",)),
    ("org/chat-slerp", card(["org/a", "org/b"], tags=["mergekit"]), CHAT, ("merged",)),
    # Names that only look like a regime.
    ("org/Titan-article", {}, None, ()),
    ("org-instruct/legit-chatter", {}, None, ()),
    ("./runs/my-sft/checkpoint-1200", {}, None, (INSTRUCT,)),
    ("org/model", {}, None, ()),
]


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The host's own plugins, as they are installed."""
    return Registry.of(find_plugins(enabled=False))


def tied(registry: Registry, facts: Facts) -> tuple[str, ...]:
    return rank_regimes(registry.classify(facts)).tied


@pytest.mark.parametrize(
    ("model", "fields", "template", "expected"), CHECKPOINTS, ids=[row[0] for row in CHECKPOINTS]
)
def test_checkpoints_are_taken_for_what_they_show(
    registry: Registry,
    model: str,
    fields: dict[str, Any],
    template: str | None,
    expected: tuple[str, ...],
) -> None:
    facts = Facts(model, card=fields, chat_template=template)
    assert sorted(tied(registry, facts)) == sorted(expected), registry.classify(facts)


def test_an_adapter_is_fine_tuned_by_its_configuration_alone(registry: Registry) -> None:
    facts = Facts("org/law", adapter_config={"base_model_name_or_path": "org/base"})
    assert tied(registry, facts) == (FINE,)


def test_a_preference_tuned_adapter_is_rl_tuned(registry: Registry) -> None:
    fields = card("org/base", library_name="peft", tags=["trl", "dpo", "lora"])
    facts = Facts("org/model", card=fields, adapter_config={"peft_type": "LORA"})
    assert tied(registry, facts) == (RL,)


def test_an_adapter_tuned_with_trl_is_fine_tuned(registry: Registry) -> None:
    fields = card("org/base", library_name="peft", tags=["trl", "sft", "lora"])
    facts = Facts("org/model", card=fields, adapter_config={"peft_type": "LORA"})
    assert tied(registry, facts) == (FINE,)


def test_the_head_of_one_task_is_fine_tuned(registry: Registry) -> None:
    config = {"architectures": ["OlmoForSequenceClassification"]}
    assert tied(registry, Facts("allenai/OLMo-2-1124-7B-RM", config=config)) == (FINE,)


@pytest.mark.parametrize(("method", "note"), [("DPO", "direct preference"), ("GRPO", "reinforce")])
def test_evidence_of_rl_names_the_method(registry: Registry, method: str, note: str) -> None:
    (evidence,) = registry.classify(Facts(f"org/model-{method}"))
    assert evidence.regime == RL
    assert f"'{method.lower()}'" in evidence.why
    assert note in evidence.why


def test_evidence_never_repeats_the_text_of_a_card(registry: Registry) -> None:
    hostile = "org/<script>-sft\x1b[31m"
    facts = Facts(hostile, card=card(hostile, datasets=[hostile], tags=[hostile, "sft"]))
    evidence = registry.classify(facts)
    assert evidence
    assert not [piece for piece in evidence if "script" in piece.why or not piece.why.isprintable()]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["base_model", "base_model_relation", "tags", "datasets", "library_name", "architectures"]
)
CARDS = st.dictionaries(FIELDS | st.text(), JSON, max_size=6)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(model=st.text(), fields=CARDS, config=CARDS, adapter=CARDS, template=st.none() | st.text())
def test_any_card_is_classified_without_an_error(
    registry: Registry,
    model: str,
    fields: dict[str, Any],
    config: dict[str, Any],
    adapter: dict[str, Any],
    template: str | None,
) -> None:
    facts = Facts(model, card=fields, config=config, adapter_config=adapter, chat_template=template)
    ranking = rank_regimes(registry.classify(facts))
    assert not [problem for problem in registry.problems if "zoo_classify" in problem]
    assert all(0 < regime.confidence <= 1 for regime in ranking.regimes)


@given(st.text(), st.text())
def test_the_organisation_says_nothing(organisation: str, name: str) -> None:
    name = name.replace("/", "").replace("\\", "")
    assert words(f"{organisation}/{name}x") == words(f"{name}x")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.lists(st.floats(0, 1), max_size=5))
def test_more_evidence_never_makes_a_regime_less_likely(
    some: list[float], more: list[float]
) -> None:
    def combined(confidences: list[float]) -> float:
        pieces = [Evidence("a", confidence, "") for confidence in confidences]
        return max((regime.confidence for regime in rank_regimes(pieces).regimes), default=0.0)

    assert combined(some) <= combined(some + more) + 1e-12
    assert combined(some) >= max(some) - 1e-12


def test_equal_evidence_is_a_tie_and_no_regime_is_best() -> None:
    ranking = rank_regimes([Evidence("a", 0.5, ""), Evidence("b", 0.5, ""), Evidence("c", 0.1, "")])
    assert ranking.tied == ("a", "b")
    assert ranking.best is None
    assert rank_regimes([]).best is None
