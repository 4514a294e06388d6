"""Two cells side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradeoff.lineage import FLOAT32, REGIMES, cell, failed
from zoo.benchmarks import Benchmark, Suite
from zoo.contrasts import Change, Estimate
from zoo.errors import CellError
from zoo.models import Family, Model, Prompting
from zoo.tradeoff import analyse, contrast

A, B = Model("a", regime="pretrained"), Model("b", regime="fine-tuned", base_model="a")
ACC = Benchmark("task", "acc", capability="skill")


def test_items_pair_by_their_ids_whatever_their_order():
    base, other = cell(A, ACC, "1100"), cell(B, ACC, "0111")
    shuffled = replace(other, items=other.items[::-1])
    assert contrast(base, shuffled) == contrast(base, other)
    assert (contrast(base, other).gained, contrast(base, other).lost) == (2, 1)


def test_items_that_only_one_end_has_are_left_out_and_named():
    change = contrast(cell(A, ACC, "1" * 100), cell(B, ACC, "1" * 45 + "0" * 45))
    assert (change.n, change.lost) == (90, 45)
    assert change.mixed == "only 90 of 100 items are shared"


def test_ends_without_a_common_item_have_no_difference():
    other = cell(B, ACC, "11")
    other = replace(other, items=tuple(replace(i, item_id=i.item_id + "'") for i in other.items))
    change = contrast(cell(A, ACC, "10"), other)
    assert (change.n, change.delta, change.p, change.mde) == (0, None, None, None)
    assert change.mixed == "no items are shared"


def test_a_score_without_items_is_shown_but_never_paired():
    bare = cell(A, ACC, []), cell(B, ACC, [])
    assert contrast(*bare).mixed == "no items are shared"
    report = analyse(Family("f", (A, B)), Suite("s", (ACC,)), bare, REGIMES)
    assert report.stages[0].scores[0].value == 0.5
    assert report.stages[0].general["uniform"] == Estimate(None)


def test_several_answers_to_an_item_are_averaged_before_items_are_compared():
    base = cell(A, ACC, "110011110000", samples=4)
    other = cell(B, ACC, "111011111100", samples=4)
    change = contrast(base, other)
    assert change.n == 3
    assert change.delta == pytest.approx((0.25 + 0 + 0.5) / 3)
    assert (change.gained, change.lost) == (None, None)
    fewer = contrast(cell(A, ACC, "101"), other)
    assert (fewer.n, fewer.gained, fewer.mixed) == (3, 1, "only 3 of 12 answers are shared")


def test_documents_that_occur_twice_are_two_items():
    twins = [cell(model, ACC, scores) for model, scores in ((A, "1010"), (B, "1111"))]
    twins = [
        replace(each, items=tuple(replace(i, item_id="same") for i in each.items)) for each in twins
    ]
    change = contrast(*twins)
    assert (change.n, change.delta, change.mixed) == (4, 0.5, "")


def test_clustered_items_get_a_wider_interval():
    base, scores = "0" * 60, "1" * 12 + "0" * 48
    passages = [str(at // 6) for at in range(60)]
    alone = contrast(cell(A, ACC, base), cell(B, ACC, scores))
    together = contrast(
        cell(A, ACC, base, clusters=passages), cell(B, ACC, scores, clusters=passages)
    )
    assert together.delta == alone.delta
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert together.mde > 1.5 * alone.mde
    assert together.p > 0.05 > alone.p


def test_benchmarks_that_ask_the_same_facts_count_as_fewer_items():
    other = Benchmark("retold", "acc", capability="skill")
    facts = [f"fact {at}" for at in range(400)]

    def general(clusters):
        cells = [
            cell(A, ACC, "01" * 200, clusters=clusters),
            cell(A, other, "01" * 200, clusters=clusters),
            cell(B, ACC, "1" * 100 + "01" * 150, clusters=clusters),
            cell(B, other, "1" * 100 + "01" * 150, clusters=clusters),
        ]
        report = analyse(Family("f", (A, B)), Suite("s", (ACC, other)), cells, REGIMES)
        return report.stages[1].general["uniform"], report.tradeoffs[0].general

    for apart, together in zip(general(None), general(facts), strict=True):
        ratio = (together.high - together.low) / (apart.high - apart.low)
        assert ratio == pytest.approx(2**0.5, rel=0.03)
    assert general(facts)[1].delta == general(None)[1].delta == pytest.approx(1 / 8)


def test_an_unchanged_composite_is_as_uncertain_as_its_scale_is_stretched():
    def width(chance):
        benchmark = replace(ACC, chance=chance)
        cells = [cell(model, benchmark, "1" * 50) for model in (A, B)]
        report = analyse(Family("f", (A, B)), Suite("s", (benchmark,)), cells, REGIMES)
        change = report.tradeoffs[0].general
        assert change.delta == 0
        return change.high - change.low

    assert width(0.5) == pytest.approx(2 * width(0.0))


def test_where_lower_is_better_the_delta_stays_raw_and_an_item_gained_is_one_put_right():
    change = contrast(
        cell(A, ACC, "1110", higher_is_better=False), cell(B, ACC, "0010", higher_is_better=False)
    )
    assert (change.delta, change.gained, change.lost) == (-0.5, 2, 0)


def test_composites_are_oriented_so_that_higher_is_better():
    error = {"higher_is_better": False, "chance": 0.8}
    cells = [cell(A, ACC, [0.8, 0.4], **error), cell(B, ACC, [0.4, 0.0], **error)]
    report = analyse(Family("f", (A, B)), Suite("s", (ACC,)), cells, REGIMES)
    assert report.stages[0].general["uniform"].value == pytest.approx(0.25)
    assert report.tradeoffs[0].general.delta == pytest.approx(0.5)
    assert report.edges[0].delta == pytest.approx(-0.4)


def test_a_lower_is_better_score_without_a_declared_chance_enters_no_composite():
    cells = [cell(m, ACC, [0.3, 0.2], higher_is_better=False) for m in (A, B)]
    report = analyse(Family("f", (A, B)), Suite("s", (ACC,)), cells, REGIMES)
    assert report.stages[0].general["uniform"] == Estimate(None)
    assert report.provenance["left_out"] == [
        "benchmark task: a guesser's acc is given as 0, which is perfect"
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"loader": "hf"}, "loader torch against hf"),
        ({"engine": ""}, "engine torch 1 against unknown"),
        (
            {"dtype": "bfloat16", "loader": "hf"},
            "loader torch against hf; dtype float32 against bfloat16",
        ),
        ({"device": "cuda", "hardware": "H100", "batch_size": "8"}, ""),
    ],
)
def test_what_differs_in_the_setup_is_said_in_words(changed, sentence):
    other = cell(B, ACC, "11", provenance=replace(FLOAT32, **changed))
    assert contrast(cell(A, ACC, "10"), other).mixed == sentence


def test_prompting_may_differ_under_the_native_protocol_only():
    chat = Prompting(chat_template="default")
    native = cell(A, ACC, "10", "native"), cell(B, ACC, "11", "native", prompting=chat)
    uniform = cell(A, ACC, "10"), cell(B, ACC, "11", prompting=chat)
    named = cell(A, ACC, "10"), cell(B, ACC, "11", prompting=Prompting(chat_template="none"))
    assert contrast(*native).mixed == ""
    assert contrast(*uniform).mixed == "prompting differs under the uniform protocol"
    assert contrast(*named).mixed == ""


def test_another_seed_draws_other_examples_and_is_said():
    assert contrast(cell(A, ACC, "10"), cell(B, ACC, "11", seed=1)).mixed == "seed 1234 against 1"


def test_a_cell_with_an_invalid_item_counts_as_failed():
    nan = cell(B, ACC, [1.0, float("nan"), 1.0])
    with pytest.raises(CellError, match="b · task · uniform cannot be compared: 1 of 3 items"):
        contrast(cell(A, ACC, "101"), nan)
    report = analyse(Family("f", (A, B)), Suite("s", (ACC,)), [cell(A, ACC, "101"), nan], REGIMES)
    score = report.stages[1].scores[0]
    assert (score.status, score.value) == ("failed", None)
    assert score.error == "1 of 3 items have no valid score"
    assert report.edges == ()
    assert report.tradeoffs[0].general == Change(None)


def test_a_failed_cell_cannot_be_compared_and_says_why():
    with pytest.raises(CellError, match="the dataset is gone"):
        contrast(failed(A, ACC, "the dataset is gone"), cell(B, ACC, "1"))


def test_cells_of_two_benchmarks_or_protocols_cannot_be_compared():
    with pytest.raises(ValueError, match="one benchmark and protocol"):
        contrast(cell(A, ACC, "10"), cell(B, replace(ACC, num_fewshot=5), "11"))
    with pytest.raises(ValueError, match="one benchmark and protocol"):
        contrast(cell(A, ACC, "10"), cell(B, ACC, "11", "native"))


def test_an_end_that_is_mixed_has_no_decomposition():
    cells = [cell(m, ACC, "10", p) for m in (A, B) for p in ("uniform", "native")]
    family, suite = Family("f", (A, B)), Suite("s", (ACC,))
    assert len(analyse(family, suite, cells, REGIMES).decomposition) == 1
    cells[-1] = replace(cells[-1], provenance=replace(FLOAT32, dtype="bfloat16"))
    assert analyse(family, suite, cells, REGIMES).decomposition == ()
