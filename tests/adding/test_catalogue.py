"""The catalogue's data are lineages that zoo can run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import zoo_catalogue
from zoo.api import open_zoo
from zoo.models import Family, address_of
from zoo.placing import parents_first

FAMILIES = {family.name: family for family in zoo_catalogue.zoo_families()}
ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_a_family_of_the_catalogue_is_a_lineage_of_one_root(family: Family) -> None:
    ids = {model.id for model in family.models}
    assert all(ID.fullmatch(name) for name in ids)
    assert all(parent in ids for model in family.models for parent in model.parents)
    assert parents_first(family.models) == family.models, "parents first, and no circle"
    assert [model.regime for model in family.models if not model.parents] == ["pretrained"]
    assert family.title
    for model in family.models:
        args = model.loader_args
        if "peft" in args:
            assert (args["peft"], args["pretrained"]) == (address_of(model.id)[0], *model.parents)


def test_every_regime_of_the_catalogue_is_one_that_a_plugin_brings() -> None:
    known = set(open_zoo(plugins=False).registry.regimes)
    assert {model.regime for family in FAMILIES.values() for model in family.models} <= known


def test_every_suite_that_the_catalogue_names_is_there_and_measures_some_target() -> None:
    suites = open_zoo(plugins=False).catalogue.suites
    for family in FAMILIES.values():
        trained_for = {target for model in family.models for target in model.targets or ()}
        measured = set(suites[family.suite].capabilities("special"))
        assert not trained_for or trained_for & measured, family.name


def test_what_is_gated_or_from_memory_says_so() -> None:
    gated = {"meta-llama", "google"}
    notes = {
        model.id: " ".join(piece.why for piece in model.evidence)
        for family in FAMILIES.values()
        for model in family.models
    }
    for name, note in notes.items():
        owner = name.partition("/")[0]
        assert ("gated" in note) == (owner in gated and "t5" not in name), name
    for name in ("gemma3-1b", "alpaca-7b", "qwen2.5-math-1.5b"):
        assert "unverified" in FAMILIES[name].title
        assert all("unverified" in notes[model.id] for model in FAMILIES[name].models)


def test_the_catalogue_brings_families_and_the_embedded_one_stays_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    discovery = open_zoo(plugins=False).discovery
    assert set(FAMILIES) < set(discovery.families)
    assert next(iter(discovery.families)) == discovery.resolve(())[0].name == "nano"


def test_a_name_of_the_catalogue_stands_once() -> None:
    text = zoo_catalogue.CATALOGUE.read_text(encoding="utf-8")
    assert len(tomllib.loads(text)["families"]) == text.count("\n[families.")
