"""Which loader a checkpoint gets where nobody names one, and which a person may not name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import zoo
import zoo_masked
import zoo_multimodal
import zoo_seq2seq
from zoo.authoring.tiny import Kind, save_checkpoint
from zoo.errors import ModelError
from zoo.evaluation.budgets import generation
from zoo.evaluation.checkpoints import find_checkpoint
from zoo.evaluation.echo import ECHO
from zoo.evaluation.huggingface import HF, TORCH
from zoo.evaluation.requests import Request
from zoo.evidence import rank_regimes
from zoo.hookspecs import Loader
from zoo.loaders import loader_for
from zoo.models import Facts, Model, Prompting
from zoo.plugins import Answer, Plugin, find_plugins
from zoo.registry import Registry, Things

T5 = {
    "model_type": "t5",
    "architectures": ["T5ForConditionalGeneration"],
    "is_encoder_decoder": True,
}
BERT = {"model_type": "bert", "architectures": ["BertForMaskedLM"]}
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
LLAVA = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}
GEMMA_3 = {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"]}
HOST = Plugin("zoo", "stagezoo", "1", first_party=True)
PLUGINS = (zoo_masked, zoo_multimodal, zoo_seq2seq)
OWN = (HF, TORCH, ECHO, *(each for plugin in PLUGINS for each in plugin.zoo_loaders()))


def guest(name: str, takes: Any = lambda _: True) -> tuple[Plugin, Loader]:
    """A third party's loader, which takes everything unless told otherwise."""
    return Plugin(name, f"zoo-{name}", "1"), Loader(name, HF.load, takes=takes)


def chosen(
    config: Mapping[str, Any], *guests: tuple[Plugin, Loader], own: Any = OWN, name: Any = None
) -> str:
    answers = [Answer(HOST, each) for each in own] + [Answer(*each) for each in guests]
    things = Things("loader", {each.value.name: each for each in answers}, {}, "")
    return loader_for("org/m", config, things, "torch", name).name


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (T5, "seq2seq"),
        (BERT, "masked"),
        (LLAMA, "torch"),
        (LLAVA, "multimodal"),
        ({**LLAVA, "is_encoder_decoder": True}, "seq2seq"),
        ({"model_type": "llava", "architectures": ["LlavaForSequenceClassification"]}, "torch"),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"], "is_decoder": True}, "torch"),
        ({"model_type": "bert", "architectures": ["BertForSequenceClassification"]}, "torch"),
        ({"model_type": "bert", "architectures": ["BertForPreTraining"]}, "masked"),
        ({"model_type": "deberta-v2"}, "masked"),
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "torch"),
        ({"model_type": "xlm", "architectures": ["XLMWithLMHeadModel"]}, "torch"),
        ({"model_type": "unheard-of"}, "torch"),
        ({"architectures": "nonsense", "model_type": 7}, "torch"),
    ],
)
def test_a_checkpoint_gets_the_loader_of_its_kind(config: dict[str, Any], name: str) -> None:
    assert chosen(config) == name


@pytest.mark.parametrize("config", [T5, BERT, LLAMA])
def test_installing_a_loader_changes_nothing_that_another_takes(config: dict[str, Any]) -> None:
    assert chosen(config, guest("grabby"), guest("greedy")) == chosen(config)


def test_a_third_partys_loader_gets_what_no_other_takes() -> None:
    own = (HF, TORCH)
    assert chosen(T5, guest("mine"), own=own) == "mine"
    assert chosen(T5, guest("mine", lambda _: False), guest("yours"), own=own) == "yours"
    with pytest.raises(ModelError, match="mine, yours"):
        chosen(T5, guest("mine"), guest("yours"), own=own)
    with pytest.raises(ModelError, match="no loader that is installed does"):
        chosen(T5, guest("sick", lambda _: 1 / 0), own=own)


@pytest.mark.parametrize(
    ("config", "name", "taker"),
    [
        (T5, "torch", "seq2seq"),
        (BERT, "torch", "masked"),
        (LLAMA, "masked", "torch"),
        (LLAVA, "torch", "multimodal"),
        (LLAMA, "multimodal", "torch"),
    ],
)
def test_a_named_loader_that_is_of_another_kind_is_refused_with_the_one_to_name(
    config: dict[str, Any], name: str, taker: str
) -> None:
    said = f"the loader '{name}' does not take org/m, a {config['architectures'][0]}; "
    with pytest.raises(ModelError, match=f"{said}name the loader '{taker}' for it, or none"):
        chosen(config, name=name)


def test_a_model_that_is_loaded_with_or_without_its_eyes_gets_them_when_they_are_asked_for() -> (
    None
):
    assert chosen(GEMMA_3) == "torch"
    assert chosen(GEMMA_3, name="multimodal") == "multimodal"


def test_a_loader_that_says_nothing_is_taken_at_its_word() -> None:
    silent = guest("silent", None)
    assert chosen(T5, silent, name="silent") == "silent"
    assert chosen(T5, guest("sick", lambda _: 1 / 0), name="sick") == "sick"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    """A checkpoint of each kind."""
    root = tmp_path_factory.mktemp("kinds")
    kinds: tuple[Kind, ...] = ("causal", "encoder-decoder", "masked")
    return {kind: save_checkpoint(root / kind, kind=kind) for kind in kinds}


@pytest.mark.parametrize(
    ("kind", "loader"), [("encoder-decoder", "torch"), ("masked", "torch"), ("masked", "hf")]
)
def test_a_loader_called_from_python_reads_no_checkpoint_of_another_kind(
    kind: Kind, loader: str, folders: dict[Kind, Path]
) -> None:
    with pytest.raises(ModelError, match="name a loader that takes it"):
        zoo.load(str(folders[kind]), loader=loader, device="cpu")


def test_an_encoder_decoders_answer_takes_no_room_from_its_prompt(
    folders: dict[Kind, Path],
) -> None:
    asked = (Request(0, 0, "generate_until", "the cat sat on the mat " * 20, gen_kwargs={}),)
    wish = Prompting(gen_kwargs={"max_gen_toks": 250})
    budgets = {}
    for kind in ("causal", "encoder-decoder"):
        model = Model(str(folders[kind]))
        given = tuple(replace(each, gen_kwargs={"max_gen_toks": 10}) for each in asked)
        arguments, _ = generation(given, wish, model, find_checkpoint(model))
        budgets[kind] = arguments["max_gen_toks"]
    assert budgets["encoder-decoder"] == 250
    assert 10 < budgets["causal"] < 250


@pytest.mark.parametrize(
    ("id", "config", "regime"),
    [
        ("google/flan-t5-base", T5, "instruction-tuned"),
        ("bigscience/T0_3B", T5, "instruction-tuned"),
        ("bigscience/mt0-base", T5, "instruction-tuned"),
        ("google-t5/t5-base", T5, "pretrained"),
        ("google-bert/bert-base-uncased", BERT, "pretrained"),
        ("FacebookAI/roberta-large", BERT, "pretrained"),
    ],
)
def test_the_stages_of_other_kinds_are_known_by_their_names(
    id: str, config: dict[str, Any], regime: str
) -> None:
    registry = Registry.of(find_plugins(enabled=False))
    found = registry.classify(Facts(id, card={"language": ["en"]}, config=config))
    assert rank_regimes(found).best == regime
