"""Adapters of each kind over one base: named, counted, scored as PEFT would, set side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file
from support.checkpoints import save_adapter

import zoo
from zoo.api import Tradeoff, open_zoo
from zoo.evaluation import huggingface
from zoo_peft.adapters import adapters_of, render

KINDS = {
    "lora": "LoRA of rank 2",
    "ia3": "IA3",
    "prompt": "prompt tuning with 3 tokens",
    "prefix": "prefix tuning with 3 tokens",
}


@pytest.fixture(scope="module")
def base() -> Path:
    """The embedded family's base, a real one."""
    family = open_zoo().discovery.families["nano"]
    (found,) = [model for model in family.models if model.id == "nano/pretrained"]
    return Path(str(found.loader_args["pretrained"]))


@pytest.fixture(scope="module")
def family(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One adapter of each kind, by kind."""
    folder = tmp_path_factory.mktemp("adapters")
    return {kind: save_adapter(folder / kind, base, kind=kind, seed=1) for kind in KINDS}


@pytest.fixture(scope="module")
def loads() -> list[str]:
    return []


@pytest.fixture(scope="module")
def tradeoff(
    base: Path, family: dict[str, Path], loads: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Tradeoff:
    """A run of them all, as a user starts it."""
    with pytest.MonkeyPatch.context() as patch:
        real = huggingface._hflm

        def counted(**args):
            loads.append(str(args["pretrained"]))
            return real(**args)

        patch.setattr(huggingface, "_hflm", counted)
        return zoo.run(
            str(base),
            *map(str, family.values()),
            tasks=["core_facts", "core_reports"],
            limit=12,
            protocol="uniform",
            store=tmp_path_factory.mktemp("store"),
        )


def test_the_base_is_loaded_once_for_all_its_adapters(
    tradeoff: Tradeoff, base: Path, loads: list[str]
) -> None:
    assert {score.error for stage in tradeoff.stages for score in stage.scores} == {None}
    assert loads == [str(base)]


def test_each_says_its_kind_and_how_much_was_trained(
    tradeoff: Tradeoff, base: Path, family: dict[str, Path]
) -> None:
    whole = sum(tensor.numel() for tensor in load_file(base / "model.safetensors").values())
    made = {row.model: row for row in tradeoff.training}
    for kind, folder in family.items():
        own = load_file(folder / "adapter_model.safetensors").values()
        trained = sum(tensor.numel() for tensor in own)
        row = made[str(folder)]
        assert row.adapter
        assert row.kind == KINDS[kind]
        assert (row.trained_parameters, row.parameters) == (trained, whole + trained)
    assert made[str(base)].kind == ""


def test_they_stand_beside_each_other_in_the_page(
    tradeoff: Tradeoff, family: dict[str, Path]
) -> None:
    rows = {row.model: row for row in adapters_of(tradeoff)}
    assert rows.keys() == {str(folder) for folder in family.values()}
    lora = rows[str(family["lora"])]
    assert lora.share is not None
    assert 0 < lora.share < 0.02
    page = tradeoff.to_html()
    for kind in KINDS.values():
        assert f"<td>{kind}</td>" in page
    assert f"{lora.trained:,}" in render(tradeoff)


def test_the_table_of_stages_says_it_too(tradeoff: Tradeoff) -> None:
    from zoo.reporting import render as rendered

    text = rendered(tradeoff, "markdown")
    assert "LoRA of rank 2" in text
    assert "parameters trained" in text
