"""A family of seven models on five benchmarks, its numbers worked out by hand.

base - sft - rl          the trunk
base - domain            dtype differs: mixed
base - adapter           a sibling
(sft, domain) - merge    two parents
base - broken            one of its cells failed
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from tradeoff.lineage import BFLOAT16, REGIMES, cell, failed
from zoo.benchmarks import Benchmark, Suite
from zoo.contrasts import Change, Estimate
from zoo.errors import UnknownNameError
from zoo.models import Family, Model, Prompting
from zoo.tradeoff import analyse

ARC = Benchmark("arc", "acc", axis="general", capability="knowledge", chance=0.25)
MMLU = Benchmark("mmlu", "acc", axis="general", capability="knowledge", chance=0.25)
PIQA = Benchmark("piqa", "acc", axis="general", capability="common sense", chance=0.5)
GSM = Benchmark("gsm", "exact_match", axis="special", capability="math")
IFEVAL = Benchmark("ifeval", "acc", axis="special", capability="instruction")
WIKI = Benchmark("wiki", "perplexity", axis="general", capability="language")
SUITE = Suite("hand", (ARC, MMLU, PIQA, GSM, IFEVAL, WIKI))

BASE = Model("base", regime="pretrained")
SFT = Model("sft", regime="instruction-tuned", base_model="base")
RL = Model("rl", regime="RL-tuned", base_model="sft")
DOMAIN = Model("domain", regime="fine-tuned", base_model="base", targets=("law",))
ADAPTER = Model("adapter", regime="fine-tuned", base_model="base", targets=("math",))
MERGE = Model("merge", regime="fine-tuned", base_model=("sft", "domain"))
BROKEN = Model("broken", regime="fine-tuned", base_model="base", targets=("math",))
FAMILY = Family("hands", (RL, MERGE, BROKEN, ADAPTER, DOMAIN, SFT, BASE))

SCORES = {
    #          arc         mmlu        piqa        gsm         ifeval
    "base": ("11111100", "11110000", "11111100", "10000000", "11000000"),
    "sft": ("11111100", "11100000", "11111000", "11000000", "11111100"),
    "rl": ("11111000", "11100000", "11111000", "11111000", "11111000"),
    "domain": ("11110000", "11110000", "11111100", "10000000", "11000000"),
    "adapter": ("11111100", "11110000", "11111100", "11110000", "11000000"),
    "merge": ("11111100", "11110000", "11111100", "10000000", "11110000"),
    "broken": ("11111100", "11110000", "11111100", "11110000", "11000000"),
}
NATIVE = {"base": ("ifeval", "01000000"), "sft": ("ifeval", "11111111")}


def results():
    rows = []
    for model in FAMILY.models:
        provenance = {"provenance": BFLOAT16} if model is DOMAIN else {}
        for benchmark, scores in zip(SUITE.benchmarks, SCORES[model.id], strict=False):
            if model is BROKEN and benchmark is PIQA:
                rows.append(failed(model, benchmark, "the dataset is gone"))
            else:
                rows.append(cell(model, benchmark, scores, **provenance))
        rows.append(cell(model, WIKI, [7.5, 9.25], higher_is_better=False, **provenance))
    chat = Prompting(chat_template="default")
    rows.append(cell(BASE, IFEVAL, NATIVE["base"][1], "native"))
    rows.append(cell(SFT, IFEVAL, NATIVE["sft"][1], "native", prompting=chat))
    random.Random(0).shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def report():
    return analyse(FAMILY, SUITE, results(), REGIMES, provenance={"seed": 1234})


def stage(report, name):
    return next(each for each in report.stages if each.model == name)


def edge(report, base, other, benchmark, protocol="uniform"):
    found = [
        each
        for each in report.edges
        if (each.base, each.other, each.benchmark, each.protocol)
        == (base, other, benchmark, protocol)
    ]
    assert len(found) == 1
    return found[0]


def tradeoff(report, base, other, protocol="uniform"):
    found = [
        each
        for each in report.tradeoffs
        if (each.base, each.other, each.protocol) == (base, other, protocol)
    ]
    assert len(found) == 1
    return found[0]


def test_stages_stand_in_the_order_of_their_regimes_but_after_their_parents(report):
    names = [each.model for each in report.stages]
    assert names == ["base", "broken", "adapter", "domain", "sft", "merge", "rl"]


def test_the_targets_are_the_union_over_the_stages_as_far_as_the_suite_measures_them(report):
    assert report.targets == ("math", "instruction")
    assert stage(report, "base").targets == ()
    assert stage(report, "domain").targets == ("law",)
    assert stage(report, "rl").targets == ("math",)
    assert "target law: the suite does not measure it" in report.provenance["left_out"]


def test_general_and_special_of_a_stage_are_means_over_capabilities_of_normalised_scores(report):
    base = stage(report, "base")
    # arc (6/8 - 1/4) / (3/4) = 2/3, mmlu (4/8 - 1/4) / (3/4) = 1/3, piqa (6/8 - 1/2) / (1/2) = 1/2
    assert base.general["uniform"].value == pytest.approx(((2 / 3 + 1 / 3) / 2 + 1 / 2) / 2)
    assert base.special["uniform"].value == pytest.approx((1 / 8 + 2 / 8) / 2)
    assert base.other_special["uniform"] == Estimate(None)
    assert base.general["native"] == Estimate(None)
    assert base.general["uniform"].low < 0.5 < base.general["uniform"].high


def test_chosen_targets_leave_the_rest_of_the_special_skills_to_other_special():
    report = analyse(FAMILY, SUITE, results(), REGIMES, targets=["math"])
    assert report.targets == ("math",)
    assert stage(report, "sft").special["uniform"].value == pytest.approx(2 / 8)
    assert stage(report, "sft").other_special["uniform"].value == pytest.approx(6 / 8)


def test_a_chosen_target_that_nothing_measures_is_refused_by_name():
    with pytest.raises(UnknownNameError, match="did you mean 'math'"):
        analyse(FAMILY, SUITE, results(), REGIMES, targets=["maths"])


def test_scores_are_raw_and_normalised_and_a_failed_cell_says_why(report):
    arc = next(each for each in stage(report, "base").scores if each.benchmark == "arc")
    assert (arc.value, arc.chance, arc.n, arc.status) == (0.75, 0.25, 8, "scored")
    assert arc.normalised == pytest.approx(2 / 3)
    piqa = next(each for each in stage(report, "broken").scores if each.benchmark == "piqa")
    assert (piqa.status, piqa.error, piqa.value, piqa.normalised, piqa.n) == (
        "failed",
        "the dataset is gone",
        None,
        None,
        0,
    )


def test_a_composite_is_unknown_where_a_benchmark_that_it_needs_is_missing(report):
    broken = stage(report, "broken")
    assert broken.general["uniform"] == Estimate(None)
    assert broken.special["uniform"].value == pytest.approx((4 / 8 + 2 / 8) / 2)
    change = tradeoff(report, "base", "broken")
    assert change.general == Change(None)
    assert change.special.delta == pytest.approx(3 / 8)
    assert not [e for e in report.edges if (e.other, e.benchmark) == ("broken", "piqa")]


def test_every_parent_in_the_family_has_an_edge_a_merge_one_for_each(report):
    pairs = [(each.base, each.other) for each in report.tradeoffs if each.protocol == "uniform"]
    assert sorted(pairs) == sorted(
        [
            ("base", "broken"),
            ("base", "adapter"),
            ("base", "domain"),
            ("base", "sft"),
            ("sft", "merge"),
            ("domain", "merge"),
            ("sft", "rl"),
        ]
    )


def test_a_contrast_counts_the_items_gained_and_lost(report):
    change = edge(report, "sft", "rl", "gsm")
    assert (change.n, change.delta, change.gained, change.lost) == (8, 3 / 8, 3, 0)
    assert change.p == pytest.approx(0.25)
    assert change.mde == pytest.approx(2.80 * (3 / 8 / 8) ** 0.5)
    unchanged = edge(report, "base", "adapter", "arc")
    assert (unchanged.delta, unchanged.gained, unchanged.lost, unchanged.p) == (0, 0, 0, 1)
    assert unchanged.low < -0.1
    assert unchanged.high > 0.1
    assert unchanged.mde == pytest.approx(2.80 / 8)


def test_the_change_along_an_edge_is_measured_against_the_childs_own_targets(report):
    change = tradeoff(report, "sft", "rl")
    assert change.targets == ("math",)
    assert change.special.delta == pytest.approx(3 / 8)
    assert change.other_special.delta == pytest.approx(-1 / 8)
    # arc loses 1 of 8 items: -1/8 / (3/4), in the mean of two benchmarks and of two capabilities
    assert change.general.delta == pytest.approx(-1 / 8 / 0.75 / 4)
    assert change.general.low < change.general.delta < change.general.high
    assert change.other_special.p_adjusted is None
    assert change.special.p_adjusted <= 1


def test_a_child_without_targets_has_general_and_other_special_changes_only(report):
    change = tradeoff(report, "sft", "merge")
    assert change.targets == ()
    assert change.special == Change(None)
    assert change.general.delta == pytest.approx((1 / 8 / 0.75 / 2 + 1 / 8 / 0.5) / 2)
    assert change.other_special.delta == pytest.approx((-1 / 8 - 2 / 8) / 2)


def test_an_edge_that_mixes_dtypes_says_so_and_has_no_composites(report):
    change = edge(report, "base", "domain", "arc")
    assert change.mixed == "dtype float32 against bfloat16"
    assert change.delta == pytest.approx(-2 / 8)
    for base, other in (("base", "domain"), ("domain", "merge")):
        row = tradeoff(report, base, other)
        assert (row.general, row.special, row.other_special) == (Change(None),) * 3
    assert edge(report, "sft", "rl", "arc").mixed == ""


def test_a_metric_that_is_no_score_in_0_to_1_stays_out_of_the_composites_and_is_named(report):
    assert "benchmark wiki: perplexity is not a score in 0..1" in report.provenance["left_out"]
    wiki = next(each for each in stage(report, "base").scores if each.benchmark == "wiki")
    assert (wiki.value, wiki.normalised) == (8.375, None)
    assert edge(report, "base", "sft", "wiki").delta == 0
    assert report.provenance["seed"] == 1234


def test_a_native_change_is_ability_plus_format(report):
    (row,) = report.decomposition
    assert (row.base, row.other, row.benchmark, row.metric) == ("base", "sft", "ifeval", "acc")
    # uniform 2/8 -> 6/8, native 1/8 -> 8/8
    assert (row.native, row.ability, row.format) == (7 / 8, 4 / 8, 3 / 8)
    assert edge(report, "base", "sft", "ifeval", "native").mixed == ""


def test_p_is_adjusted_over_all_contrasts_of_a_protocol(report):
    from statsmodels.stats.multitest import multipletests

    for protocol in ("uniform", "native"):
        rows = [each for each in report.edges if each.protocol == protocol]
        expected = multipletests([each.p for each in rows], method="fdr_bh")[1]
        assert [each.p_adjusted for each in rows] == pytest.approx(list(expected))


def test_the_composites_p_is_adjusted_by_holm_over_general_and_special():
    before = "10" * 40
    base = [cell(BASE, benchmark, before) for benchmark in (PIQA, GSM)]
    # Five items lost in general, six gained in the target: both uncertain, the loss more so.
    other = [
        cell(ADAPTER, PIQA, "0" * 10 + before[10:]),
        cell(ADAPTER, GSM, "1" * 12 + before[12:]),
    ]

    def changes(*benchmarks):
        family, suite = Family("two", (BASE, ADAPTER)), Suite("some", benchmarks)
        return analyse(family, suite, base + other, REGIMES).tradeoffs[0]

    general, special = changes(PIQA).general, changes(GSM).special
    assert 0 < special.p_adjusted < general.p_adjusted < 0.05
    both = changes(PIQA, GSM)
    assert both.special.p_adjusted == pytest.approx(min(2 * special.p_adjusted, 1))
    assert both.general.p_adjusted == pytest.approx(max(2 * special.p_adjusted, general.p_adjusted))


def test_the_report_is_json_without_nan(report):
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(text) == report.to_dict()
    assert json.loads(text)["schema"] == "zoo.tradeoff/1"


def test_the_order_of_results_does_not_matter(report):
    again = analyse(FAMILY, SUITE, results()[::-1], REGIMES, provenance={"seed": 1234})
    assert again == report


def test_a_family_without_results_is_a_report_without_numbers():
    report = analyse(FAMILY, SUITE, [], REGIMES)
    assert len(report.stages) == 7
    assert report.edges == report.tradeoffs == report.decomposition == ()
    assert all(each.general["uniform"] == Estimate(None) for each in report.stages)


def test_results_of_another_revision_are_never_served_for_a_pinned_stage():
    pinned = replace(BASE, revision="aaa")
    family, suite = Family("one", (pinned,)), Suite("one", (GSM,))
    other = cell(replace(BASE, revision="bbb"), GSM, "1111")
    assert analyse(family, suite, [other], REGIMES).stages[0].scores == ()
    own = cell(pinned, GSM, "1010")
    report = analyse(family, suite, [own, other], REGIMES)
    assert report.stages[0].scores[0].value == 0.5
