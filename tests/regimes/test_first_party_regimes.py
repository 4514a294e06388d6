"""What the regimes ask for: their prompting, their order and their targets."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

from zoo.benchmarks import Benchmark
from zoo.models import Model, Prompting
from zoo.plugins import find_plugins
from zoo.registry import Registry, Things

MODEL, BENCHMARK = Model("org/model"), Benchmark("arc_easy", "acc")
MODULES = [
    "zoo_pretrained",
    "zoo_finetuned",
    "zoo_instruct",
    "zoo_rl",
    "zoo_merged",
    "zoo_quantized",
    "zoo_rag",
]


@pytest.fixture(scope="module")
def regimes() -> Things:
    """The regimes of the host's own plugins, as they are installed."""
    return Registry.of(find_plugins(enabled=False)).regimes


def test_stages_are_ordered_as_models_are_made(regimes: Things) -> None:
    assert list(regimes) == [
        "pretrained",
        "fine-tuned",
        "retrieval-augmented",
        "instruction-tuned",
        "RL-tuned",
        "merged",
        "quantized",
    ]
    assert [regime.order for regime in regimes.values()] == [0, 10, 15, 20, 30, 35, 40]


@pytest.mark.parametrize("name", ["pretrained", "fine-tuned"])
def test_early_stages_are_asked_by_plain_completion(regimes: Things, name: str) -> None:
    assert regimes.get(name).prompting(MODEL, BENCHMARK) == Prompting()


def test_instruction_tuned_stages_are_asked_in_turns_of_a_conversation(regimes: Things) -> None:
    regime = regimes.get("instruction-tuned")
    assert regime.targets == ("instruction",)
    assert regime.prompting(MODEL, BENCHMARK) == Prompting(
        chat_template="default", fewshot_as_multiturn=True
    )


def test_rl_tuned_stages_have_room_to_think(regimes: Things) -> None:
    prompting = regimes.get("RL-tuned").prompting(MODEL, BENCHMARK)
    assert prompting.is_chat
    assert prompting.fewshot_as_multiturn
    assert prompting.enable_thinking
    assert prompting.think_end_token == "</think>"
    assert prompting.gen_kwargs == {"max_gen_toks": 4096}


@pytest.mark.parametrize("module", MODULES)
def test_first_party_plugins_import_zoo_and_nothing_of_each_other(module: str) -> None:
    source = Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8")
    imported = {
        (node.module or "").partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
    }
    assert imported - {module} - sys.stdlib_module_names == {"zoo"}
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)]
