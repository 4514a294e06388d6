"""Abstention: what says so, who is right, and what the root could know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.drawn import BASE, CHILD, SUMS, cell, item, known
from zoo.models import Prompting
from zoo_probes import abstention

SILENT = [
    "I don't know.",
    "I don’t know",
    "Sorry, I do not know that.",
    "I'm not sure.",
    "It isn't certain.",
    "Nobody can tell; it is unknown.",
    "I cannot say.",
    "모르겠습니다.",
    "잘 모릅니다.",
    "그것은 알 수 없습니다.",
]
ANSWERS = ["Paris", "I know it: Paris", "four legs", "파리입니다.", "", "The answer is 12."]


@pytest.mark.parametrize("text", SILENT)
def test_a_declared_phrase_abstains_in_either_language(text: str) -> None:
    assert abstention.abstains(cell(BASE, [item(0)]), item(0, response=text))


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_does_not_abstain(text: str) -> None:
    assert not abstention.abstains(cell(BASE, [item(0)]), item(0, response=text))


def test_what_follows_the_first_line_or_stands_in_the_thinking_does_not_abstain() -> None:
    thinks = cell(BASE, [item(0)], prompting=Prompting(think_end_token="</think>"))
    assert not abstention.abstains(thinks, item(0, response="I don't know yet.</think>Paris"))
    assert abstention.abstains(thinks, item(0, response="Paris? no.</think>\n I don't know."))
    assert not abstention.abstains(thinks, item(0, response="Paris\nI don't know the rest"))


def answered():
    """Ten items: 4 right, 2 wrong, 3 silent, 1 that is no answer. The root knows the first five."""
    texts = ["right"] * 4 + ["wrong"] * 2 + ["I don't know"] * 3 + ["What?"]
    items = [
        item(n, score=float(n < 4), response=text, parsed=text != "What?")
        for n, text in enumerate(texts)
    ]
    tries = [item(n, k, float(n < 5 and k == 3)) for n in range(10) for k in range(5)]
    shown = replace(SUMS, num_fewshot=3, repeats=5)
    return known(cell(CHILD, items), cell(BASE, tries, shown, purpose=abstention.PURPOSE))


def test_shares_are_those_of_their_definitions() -> None:
    (row,) = abstention.rows(answered(), None)
    assert row["n"] == 10
    assert row["attempted"] == pytest.approx(6 / 10)
    assert row["accuracy_attempted"] == pytest.approx(4 / 6)
    assert (row["hallucination"], row["n_hallucination"]) == (pytest.approx(2 / 6), 6)
    assert (row["abstain_unknown"], row["n_unknown"]) == (pytest.approx(3 / 5), 5)
    assert (row["abstain_known"], row["n_known"]) == (0.0, 5)
    assert row["attempted_low"] < row["attempted"] < row["attempted_high"]


def test_without_the_roots_tries_nothing_is_called_known_or_unknown() -> None:
    bare = replace(answered(), results=answered().results[:1])
    (row,) = abstention.rows(bare, None)
    assert row["abstain_unknown"] is row["abstain_known"] is None
    assert (row["n_unknown"], row["n_known"]) == (0, 0)
    assert row["attempted"] == pytest.approx(0.6)


def test_a_fact_that_the_root_knows_in_one_benchmark_is_known_in_another() -> None:
    said = [
        item(1, response="I don't know", cluster_id="fact:a"),
        item(2, response="I don't know", cluster_id="passage:b"),
        item(3, response="I don't know", cluster_id="passage:b"),
    ]
    tries = [
        item(11, score=1.0, cluster_id="fact:a"),
        item(12, score=1.0, cluster_id="passage:b"),
    ]
    other = replace(SUMS, task="others")
    told = known(cell(CHILD, said), cell(BASE, tries, other, purpose=abstention.PURPOSE))
    (row,) = abstention.rows(told, None)
    assert row["n_known"] == 1, "a passage holds several facts, so it tells of none"


def test_the_root_is_tried_on_benchmarks_where_some_stage_abstained_and_on_no_others() -> None:
    silent = cell(CHILD, [item(0, response="I don't know")])
    loud = cell(CHILD, [item(0, response="4")])
    root = cell(BASE, [item(0, response="4")])
    for result, wanted in ((silent, 1), (loud, 0)):
        told = replace(known(result, root), specs=(root.spec, result.spec))
        specs = list(abstention.wants(told))
        assert len(specs) == wanted
        assert all(spec.model == BASE and spec.benchmark.num_fewshot == 3 for spec in specs)
        assert all(spec.benchmark.repeats == 10 for spec in specs)
