"""Models of the catalogue's architectures run as a user runs them, from a Hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hub import Hub, loopback_hub
from support.architectures import DECODERS, adapter_over, tiny
from support.saying import Said, say

OLMO = "allenai/OLMo-2-0425-1B"
STAGES = ("", "-SFT", "-DPO", "-RLVR1", "-Instruct")
LIKELY = ["--tasks", "core_facts", "--limit", "2"]
TASKS = ["--tasks", "core_facts,core_qa", "--limit", "2", "--protocol", "uniform"]
NAMES = [f"org/tiny-{name}" for name in (*DECODERS, "T5")]

SAYS: dict[str, tuple[str, list[str]]] = {
    "price": ("olmo", ["plan", "olmo2-1b", *LIKELY]),
    "price as JSON": ("olmo", ["plan", "olmo2-1b", *LIKELY, "--json"]),
    "catalogue": ("olmo", ["run", "olmo2-1b", *LIKELY]),
    "report": ("olmo", ["report", "olmo2-1b", "--format", "json"]),
    "price of more": ("olmo", ["plan", "olmo2-1b", *LIKELY[:-1], "4", "--json"]),
    "architectures": (
        "architectures",
        ["run", *NAMES, "org/tiny-Bert", "org/tiny-Classifier", *TASKS],
    ),
    "architectures, read back": ("architectures", ["report", "--format", "json"]),
    "add a branch": ("branch", ["add", "org/ckpts@sft", "--base", "org/tiny-Llama"]),
    "add another": ("branch", ["add", "org/ckpts@dpo", "--base", "org/ckpts@sft"]),
    "run branches": ("branch", ["run", *LIKELY]),
    "branches": ("branch", ["report", "--format", "json"]),
    "branches by name": ("branch", ["plan", "org/ckpts@sft", "org/ckpts@dpo", *LIKELY, "--json"]),
    "add an adapter": ("adapter", ["add", "org/lora"]),
    "run an adapter": ("adapter", ["run", *LIKELY]),
    "adapter": ("adapter", ["report", "--format", "json"]),
    "gated": ("none", ["run", "org/gated"]),
    "gone": ("none", ["run", "org/gone"]),
    "private": ("none", ["run", "other/private"]),
    "no revision": ("none", ["run", "org/ckpts@nowhere"]),
    "silent": ("none", ["run", "org/silent"]),
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with loopback_hub() as hub:
        for seed, stage in enumerate(STAGES):
            hub.add_repo("model", OLMO + stage, tiny("Olmo2", seed=seed, chat=bool(stage)))
        for name in (*DECODERS, "T5", "Bert", "Classifier"):
            hub.add_repo("model", f"org/tiny-{name}", tiny(name))
        stages = {
            name: tiny("Llama", seed=seed, chat=True) for seed, name in ((1, "sft"), (2, "dpo"))
        }
        hub.add_repo("model", "org/ckpts", {"README.md": "# stages"}, branches=stages)
        hub.add_repo("model", "org/lora", adapter_over("org/tiny-Llama", tiny("Llama")))
        hub.add_repo("model", "org/gated", tiny("Llama"), gated=True)
        hub.add_repo("model", "other/private", tiny("Llama"), private=True)
        hub.fail("GET", "/models/org/silent", "hang")
        yield hub


@pytest.fixture(scope="module")
def said(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """All commands, said by one process."""
    root = tmp_path_factory.mktemp("running")
    commands = [(root / folder, argv) for folder, argv in SAYS.values()]
    found = say(commands, hub.environment(root))
    return dict(zip(SAYS, found, strict=True))


def stages(said: Said) -> dict[str, Any]:
    return {stage["model"]: stage for stage in json.loads(said.out)["stages"]}


def scored(stage: dict[str, Any]) -> set[str]:
    assert {score["n"] for score in stage["scores"]} == {2}
    return {score["status"] for score in stage["scores"]}


def test_a_family_of_the_catalogue_is_run_from_its_ids(said: dict[str, Said], hub: Hub) -> None:
    assert said["catalogue"].status == 0, said["catalogue"].err
    found = stages(said["report"])
    assert list(found) == [OLMO + stage for stage in STAGES]
    for name, stage in found.items():
        assert scored(stage) == {"scored"}
        assert stage["revision"] == hub.repo("model", name).head.oid
    assert said["report"].status == 0
    edges = json.loads(said["report"].out)["tradeoffs"]
    assert {(edge["base"], edge["other"]) for edge in edges} == {
        (OLMO + one, OLMO + two) for one, two in pairwise(STAGES)
    }


def test_every_architecture_of_the_catalogue_loads_and_scores_and_a_classifier_is_refused(
    said: dict[str, Said],
) -> None:
    assert said["architectures"].status == 1
    found = stages(said["architectures, read back"])
    (failed,) = {score["error"] for score in found["org/tiny-Classifier"]["scores"]}
    assert failed.startswith("org/tiny-Classifier is a classifier")
    assert failed in said["architectures"].err
    for name in NAMES:
        assert scored(found[name]) == {"scored"}, name
    status = {score["benchmark"]: score["status"] for score in found["org/tiny-Bert"]["scores"]}
    assert status == {"core_facts": "scored", "core_qa": "not_applicable"}


def test_an_adapter_of_the_hub_is_run_over_its_base_each_at_its_own_commit(
    said: dict[str, Said], hub: Hub
) -> None:
    for name in ("add an adapter", "run an adapter"):
        assert said[name].status == 0, said[name].err
    found = stages(said["adapter"])
    assert {name: stage["revision"] for name, stage in found.items()} == {
        name: hub.repo("model", name).head.oid for name in ("org/tiny-Llama", "org/lora")
    }
    for stage in found.values():
        assert scored(stage) == {"scored"}


def test_a_plan_prices_what_a_run_would_fetch_load_and_read(said: dict[str, Said]) -> None:
    assert said["price"].status == 0, said["price"].err
    weights = len(tiny("Olmo2", seed=0)["model.safetensors"])
    cells = json.loads(said["price as JSON"].out)
    prices = {cell["model"]: cell["price"] for cell in cells}
    assert set(prices) == {OLMO + stage for stage in STAGES}
    for price in prices.values():
        assert price["download"] == price["weights"] == weights
        # by the size of the file, whose header is in it
        assert 0 <= price["memory"] - 4 * price["parameters"] < 4
        assert price["tokens_in"] > price["answers"] > 0
        assert price["tokens_out"] == 0
        assert price["seconds"] > 0
        assert price["basis"].startswith("assumed")
    assert f"in all: {5 * weights / 1000:.0f} kB to download" in said["price"].out


def test_what_is_here_costs_no_download_and_what_was_measured_is_said_to_be(
    said: dict[str, Said],
) -> None:
    more = json.loads(said["price of more"].out)
    for cell in more:
        assert cell["price"]["download"] == 0
        assert cell["price"]["basis"].startswith("measured in earlier runs")
        assert cell["price"]["memory"] == 4 * cell["price"]["parameters"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gated", "org/gated is gated; accept its terms on the Hub, then set HF_TOKEN"),
        ("gone", "there is no model org/gone on the Hub (if it is private, set HF_TOKEN)"),
        ("private", "there is no model other/private on the Hub (if it is private, set HF_TOKEN)"),
        ("no revision", "org/ckpts has no revision 'nowhere'"),
        ("silent", "org/silent is not in the cache and the Hub cannot be reached"),
    ],
)
def test_what_the_hub_does_not_give_is_one_sentence_with_the_remedy(
    said: dict[str, Said], name: str, sentence: str
) -> None:
    assert said[name].status == 2
    (line,) = said[name].err.splitlines()
    assert sentence in line
    assert "; " in line or "(" in line, "what to do about it"


def test_branches_of_one_repository_are_stages_from_zoo_add_to_the_report(
    said: dict[str, Said], hub: Hub
) -> None:
    for name in ("add a branch", "add another", "run branches", "branches by name"):
        assert said[name].status == 0, said[name].err
    found = stages(said["branches"])
    repo = hub.repo("model", "org/ckpts")
    commits = {f"org/ckpts@{name}": repo.at(name).oid for name in ("sft", "dpo")}
    root = "org/tiny-Llama"
    assert {name: stage["revision"] for name, stage in found.items()} == {
        root: hub.repo("model", root).head.oid,
        **commits,
    }
    for stage in found.values():
        assert scored(stage) == {"scored"}
    weights = {
        cell["model"]: (cell["revision"], cell["status"])
        for cell in json.loads(said["branches by name"].out)
        if cell["protocol"] == "uniform"
    }
    stored = {name: (commit, "in the store") for name, commit in commits.items()}
    assert weights == stored, "a branch is known by its commit, however it is named"
