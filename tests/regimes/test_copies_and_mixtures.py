"""Quantised and merged stages: asked as what they were made from, held against it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from zoo.api import Tradeoff, open_zoo
from zoo.benchmarks import Benchmark, Suite
from zoo.models import Model
from zoo.plan import make_plan
from zoo.plugins import find_plugins
from zoo.registry import Registry, Things

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def regimes() -> Things:
    return Registry.of(find_plugins(enabled=False)).regimes


def rules(models: list[Model], regimes: Things) -> dict[str, tuple[bool, str]]:
    """By model: whether it is asked through a chat template, and because of whom."""
    suite = Suite("s", (Benchmark("arc_easy", "acc"),))
    plan = make_plan(models, suite, regimes)
    native = [spec for spec in plan.specs if spec.protocol == "native"]
    return {spec.model.id: (spec.prompting.is_chat, spec.rules[-1][1]) for spec in native}


def test_a_copy_is_asked_as_its_original(regimes: Things) -> None:
    chat = Model("chat", regime="instruction-tuned", base_model="base")
    base = Model("base", regime="pretrained")
    copies = [
        Model("chat-4bit", regime="quantized", base_model="chat"),
        Model("base-4bit", regime="quantized", base_model="base"),
        Model("chat-4bit-again", regime="quantized", base_model="chat-4bit"),
    ]
    found = rules([base, chat, *copies], regimes)
    assert found["chat-4bit"][0]
    assert found["chat-4bit"][1] == "regime instruction-tuned of chat, which it was made from"
    assert found["chat-4bit-again"][0]
    assert not found["base-4bit"][0]


def test_a_merge_is_asked_as_the_latest_of_its_parents(regimes: Things) -> None:
    parents = [Model("base", regime="pretrained"), Model("chat", regime="instruction-tuned")]
    merge = Model("soup", regime="merged", base_model=("base", "chat"))
    assert rules([*parents, merge], regimes)["soup"][0]


def test_a_copy_whose_original_is_not_here_is_asked_by_plain_completion(regimes: Things) -> None:
    lonely = Model("chat-4bit", regime="quantized", base_model="elsewhere/chat")
    assert rules([lonely], regimes)["chat-4bit"] == (False, "regime quantized")


def test_models_that_name_each_other_do_not_keep_anyone_waiting(regimes: Things) -> None:
    circle = [
        Model("a", regime="quantized", base_model="b"),
        Model("b", regime="merged", base_model="a"),
    ]
    assert rules(circle, regimes).keys() == {"a", "b"}


def rounded(weights: Weights) -> Weights:
    """Each row of a matrix on a grid of 4 bits: what is lost is really lost."""
    done = {}
    for name, weight in weights.items():
        step = weight.float().abs().amax(-1, keepdim=True).clamp_min(1e-9) / 7
        done[name] = ((weight.float() / step).round() * step).to(weight.dtype)
        if weight.dim() == 1:
            done[name] = weight
    return done


@pytest.fixture(scope="module")
def tradeoff(tmp_path_factory: pytest.TempPathFactory) -> Tradeoff:
    """The embedded instruct model, a 4-bit copy, and a merge of it with its base, really run."""
    root = tmp_path_factory.mktemp("copies")
    host = open_zoo()
    (family,) = host.discovery.resolve(["nano"])
    where = {m.id: Path(m.loader_args.get("pretrained") or m.id) for m in family.models}
    base, chat = (
        load_file(where[name] / "model.safetensors")
        for name in ("nano/pretrained", "nano/instruct")
    )

    def write(name: str, make: Callable[[], Weights]) -> None:
        shutil.copytree(where["nano/instruct"], root / name)
        save_file(make(), root / name / "model.safetensors", metadata={"format": "pt"})

    write("instruct-4bit", lambda: rounded(chat))
    write("soup", lambda: {n: ((base[n].float() + chat[n].float()) / 2).half() for n in base})
    (root / "zoo.toml").write_text(
        '[zoo]\nstore = "results"\n[families.copies]\nsuite = "core"\nmodels = [\n'
        '  { id = "nano/pretrained" },\n'
        '  { id = "nano/instruct", base_model = "nano/pretrained" },\n'
        '  { id = "./instruct-4bit", regime = "quantized", base_model = "nano/instruct" },\n'
        '  { id = "./soup", regime = "merged", '
        'base_model = ["nano/pretrained", "nano/instruct"] },\n'
        "]\n"
    )
    tasks = ["core_facts", "core_format"]
    return zoo.run("copies", tasks=tasks, limit=60, config=root / "zoo.toml", device="cpu")


def test_recovery_is_told_for_each_benchmark_with_its_noise_floor(tradeoff: Tradeoff) -> None:
    from zoo_quantized.recovery import recoveries, render

    rows = list(recoveries(tradeoff))
    assert {row.benchmark for row in rows} >= {"core_facts"}
    scores = {
        (stage.model, score.protocol, score.benchmark): score.normalised
        for stage in tradeoff.stages
        for score in stage.scores
    }
    for row in rows:
        ends = [scores[model, row.protocol, row.benchmark] for model in (row.base, row.other)]
        assert row.value == pytest.approx(ends[1] / ends[0])
        assert row.floor is None or 0 <= row.floor < 1
    html = render(tradeoff)
    assert html.count("<tr>") == len(rows) + 1
    assert "instruct-4bit" in html


def test_claims_of_copies_and_mixtures_are_decided(tradeoff: Tradeoff) -> None:
    verdicts = {row["id"]: row["verdict"] for row in tradeoff.claims}
    assert verdicts["Q1"] != "not testable"
    assert verdicts["M1"] != "not testable"


def test_a_merge_has_an_edge_from_each_parent(tradeoff: Tradeoff) -> None:
    edges = {(edge.base, edge.other) for edge in tradeoff.tradeoffs}
    merged = {base for base, other in edges if other.endswith("soup")}
    assert merged == {"nano/pretrained", "nano/instruct"}
