"""The card holds what people wrote into it, however often it is made anew."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from zoo.publishing.card import BEGIN, END, card_of


def manifest(**run: Any) -> dict[str, Any]:
    return {"runs": {"20261101": {"suite": "mine", "command": "zoo run f --suite mine", **run}}}


def front(card: bytes) -> dict[str, Any]:
    _, head, rest = card.decode().split("---\n", 2)
    assert "\n---\n" not in rest, "there is one front matter"
    return dict(yaml.safe_load(head))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
def test_a_card_that_people_wrote_on_any_system_keeps_one_front_matter(
    begin: str, end: str
) -> None:
    own = f"{begin}---{end}language: ko{end}---{end}# Ours{end}"
    card = card_of(manifest(), "org/r", over=own.encode())
    assert front(card)["language"] == "ko"
    assert card_of(manifest(), "org/r", over=card) == card


def test_configs_that_people_added_stay_beside_the_cards_own() -> None:
    theirs = {"config_name": "raw", "data_files": "raw/*.csv"}
    text = yaml.safe_dump({"configs": [{"config_name": "results", "data_files": "old"}, theirs]})
    card = card_of(manifest(samples=True), "org/r", over=f"---\n{text}---\n".encode())
    configs = {each["config_name"]: each for each in front(card)["configs"]}
    assert list(configs) == ["results", "samples", "raw"]
    assert configs["raw"] == theirs
    assert configs["results"]["data_files"] == "data/results/*.parquet"
    assert configs["results"]["default"]
    assert card_of(manifest(samples=True), "org/r", over=card) == card


def test_only_one_config_is_the_default_and_people_may_choose_it() -> None:
    theirs = {"config_name": "raw", "data_files": "raw/*.csv", "default": True}
    text = yaml.safe_dump({"configs": [theirs]})
    card = card_of(manifest(), "org/r", over=f"---\n{text}---\n".encode())
    chosen = [each["config_name"] for each in front(card)["configs"] if each.get("default")]
    assert chosen == ["raw"]


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_a_name_that_is_a_mark_of_the_card_does_not_make_it_grow(mark: str) -> None:
    hostile = manifest(command=f"zoo run '{mark}'", stages=[{"model": mark, "regime": mark}])
    card = card_of(hostile, "org/r")
    assert (card.count(BEGIN.encode()), card.count(END.encode())) == (1, 1)
    assert card_of(hostile, "org/r", over=card) == card
