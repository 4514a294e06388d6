"""A model's page is offered numbers of the weights that it shows, and of no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from zoo.benchmarks import Benchmark
from zoo.config import Evaluation
from zoo.models import Model, Prompting
from zoo.publishing.evaluations import Offers, offers_of
from zoo.publishing.recording import Published
from zoo.results import Provenance, Result, RunRecord, RunSpec, Score

MODEL = Model("org/chat", "b" * 40, regime="instruction-tuned")
MEASURED = Provenance(weights="w" * 64, loader="torch", dtype="bfloat16")


def offered(model: Model = MODEL, provenance: Provenance = MEASURED) -> Offers:
    spec = RunSpec(model, Benchmark("mine", "acc"), "native", Prompting())
    result = Result(spec, "scored", (Score("acc", 0.5, 0.1, 100),), provenance=provenance)
    record = RunRecord("20261101", "f", {"name": "s"}, "2026-11-01T00:00:00+00:00", {}, ())
    boards = {"mine": Evaluation("org/bench", "mine")}
    return offers_of([Published(record, [result], {}, {})], boards, {"torch", "hf"})


@pytest.mark.parametrize(
    "told",
    [{}, {"max_length": 4096, "attn_implementation": "sdpa"}, {"add_bos_token": True}],
)
def test_arguments_that_change_no_weights_are_none_against_an_offer(told: dict[str, Any]) -> None:
    (bundle,) = offered(replace(MODEL, loader_args=told)).bundles
    assert bundle.target == "org/chat"


@pytest.mark.parametrize(
    "told",
    [
        {"load_in_4bit": True},
        {"quantization": "fp8"},
        {"gguf_file": "q2.gguf"},
        {"subfolder": "older"},
        {"revision": "step-100"},
        {"tokenizer": "org/other"},
        {"base_url": "http://host/v1"},
        {"something_new": 1},
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_model_that_was_told_to_be_something_else_is_offered_nothing(
    told: Mapping[str, Any],
) -> None:
    offers = offered(replace(MODEL, loader_args=told))
    assert not offers.bundles
    assert offers.notes == (
        f"org/chat was not run as it is in its repository ({next(iter(told))})",
    )


def test_a_model_that_was_given_passages_to_read_is_offered_nothing() -> None:
    offers = offered(replace(MODEL, regime_args={"corpus": "./manuals"}))
    assert offers.notes == ("org/chat was not run as it is in its repository (corpus)",)


@pytest.mark.parametrize("loader", ["openai", "of a plugin that is gone", ""])
def test_what_no_file_of_the_repository_was_read_for_is_offered_to_nobody(loader: str) -> None:
    offers = offered(provenance=replace(MEASURED, loader=loader))
    assert not offers.bundles
    assert "reads no files of its repository" in offers.notes[0]


def test_an_entry_says_what_is_known_and_no_date_where_none_is() -> None:
    def entry(provenance: Provenance) -> dict[str, Any]:
        (bundle,) = offered(provenance=provenance).bundles
        ((found,),) = map(yaml.safe_load, bundle.files.values())
        return dict(found)

    assert "date" not in entry(MEASURED)
    dated = entry(replace(MEASURED, finished="2026-11-01T08:00:00+00:00"))
    assert str(dated["date"]) == "2026-11-01"
    assert "bfloat16" in dated["notes"]
