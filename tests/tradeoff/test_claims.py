"""Claims: the rule of verdicts, what is testable on what, and that a bad rule harms nobody."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t
from stats.draws import monte_carlo_error

from tradeoff.lineage import REGIMES, cell
from tradeoff.simulated import BASE, CHAT, FULL, LAW, QA, RL, report
from zoo.advice import advise
from zoo.benchmarks import Benchmark, Suite
from zoo.claims import (
    DECLARED,
    Case,
    Condition,
    NotTestable,
    above,
    below,
    case,
    decide_all,
    declare,
)
from zoo.contrasts import Tradeoff
from zoo.findings import independent, two_shares
from zoo.hookspecs import Claim
from zoo.measures.making import making
from zoo.models import Family, Making, Model
from zoo.plugins import find_plugins
from zoo.registry import Registry
from zoo.reporting import render
from zoo.reporting.data import schema
from zoo.stats import Interval
from zoo.tradeoff import analyse

EMPTY = Tradeoff("f", "s", (), ())


@pytest.fixture(scope="module")
def claims():
    return Registry.of(find_plugins()).claims


@pytest.fixture(scope="module")
def whole():
    return report()


@pytest.fixture(scope="module")
def rows(whole, claims):
    return {row["id"]: row for row in decide_all(whole, claims.values())}


def decided(*cases: Case, declared: int = 1, margin: float = 0.02):
    return declare("X", "x", lambda _: cases, margin, declared).decide(EMPTY)


def number(value, half, rule, n=None):
    return Condition("it", value, value - half, value + half, rule, n)


@pytest.mark.parametrize(
    ("value", "half", "verdict"),
    [
        (0.05, 0.02, "supported"),
        (0.05, 0.04, "inconclusive"),
        (-0.05, 0.02, "refuted"),
        (0.0, 0.01, "refuted"),  # equivalent: inside the margin
        (0.03, 0.02, "inconclusive"),
    ],
)
def test_a_claim_is_decided_by_its_whole_interval(value, half, verdict):
    row = decided(case("a", "b", number(value, half, above(0.02))))
    assert row["verdict"] == verdict
    mirrored = decided(case("a", "b", number(-value, half, below(-0.02))))
    assert mirrored["verdict"] == verdict


def test_the_interval_is_widened_for_the_number_of_declared_claims():
    row = decided(case("a", "b", number(0.05, 0.0196, above(0.02))), declared=DECLARED)
    wide = norm.ppf(1 - 0.05 / DECLARED / 2) / norm.ppf(0.975)
    assert row["low"] == pytest.approx(0.05 - wide * 0.0196)
    assert row["high"] == pytest.approx(0.05 + wide * 0.0196)
    assert row["level"] == pytest.approx(1 - 0.05 / DECLARED)
    few = decided(case("a", "b", number(0.05, 0.0196, above(0.02), n=10)), declared=DECLARED)
    by = t.ppf(1 - 0.05 / DECLARED / 2, 9) / t.ppf(0.975, 9)
    assert few["high"] - 0.05 == pytest.approx(by * 0.0196)


def test_an_inconclusive_claim_says_what_would_have_been_seen():
    row = decided(case("a", "b", number(0.0, 0.0196, above(0.0))))
    assert row["verdict"] == "inconclusive"
    assert row["mde"] == pytest.approx(0.01 * (norm.ppf(0.975) + norm.ppf(0.80)), rel=1e-3)
    assert "0.028" in row["reason"]


def test_places_that_disagree_settle_nothing_and_the_least_favourable_is_shown():
    up, down = number(0.5, 0.1, above(0.02)), number(-0.5, 0.1, above(0.02))
    row = decided(case("a", "b", up), case("a", "c", down))
    assert (row["verdict"], row["other"], row["estimate"]) == ("inconclusive", "c", -0.5)
    assert [each["verdict"] for each in row["edges"]] == ["supported", "refuted"]
    assert decided(case("a", "b", up), case("a", "c", up))["verdict"] == "supported"


def test_all_conditions_must_hold_and_any_alternative_will_do():
    good, bad = number(0.5, 0.1, above(0.02)), number(-0.5, 0.1, above(0.02))
    assert decided(case("a", "b", good, bad))["verdict"] == "refuted"
    assert decided(Case("a", "b", ((good, bad), (good,))))["verdict"] == "supported"


def test_a_claim_without_its_inputs_is_not_testable_and_says_what_is_missing():
    def measure(_):
        raise NotTestable("it needs five checkpoints")

    row = declare("X", "x", measure).decide(EMPTY)
    assert (row["verdict"], row["reason"]) == ("not testable", "it needs five checkpoints")
    assert row["estimate"] is row["low"] is row["n"] is None
    assert declare("X", "x", lambda _: []).decide(EMPTY)["verdict"] == "not testable"


@pytest.mark.parametrize(
    ("decide", "why"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda _: "yes", "returned a str"),
        (lambda _: {"id": "X"}, "no 'claim'"),
        (lambda _: {**sound(), "verdict": "true"}, "'true'"),
        (lambda _: {**sound(), "id": "H1"}, "another claim"),
        (lambda _: {**sound(), "estimate": float("nan")}, "estimate is nan"),
        (lambda _: {**sound(), "n": -1}, "n is -1"),
    ],
)
def test_a_rule_that_fails_costs_only_its_own_claim(decide, why):
    broken = Claim("X", "x", decide)
    fine = declare("Y", "y", lambda _: [case("a", "b", number(1, 0.1, above(0.02)))])
    bad, good = decide_all(EMPTY, [fine, broken])
    assert (bad["id"], bad["verdict"]) == ("X", "not testable")
    assert why in bad["reason"]
    assert good["verdict"] == "supported"


def sound():
    return {
        **dict.fromkeys(("estimate", "low", "high", "margin", "n", "reason")),
        "id": "X",
        "claim": "x",
        "verdict": "supported",
    }


OF_COPIES = dict.fromkeys(("M1", "Q1")).keys()
"""Claims of stages that trained nothing, widened for themselves alone."""


def test_the_hosts_own_plugins_declare_the_22_claims_that_intervals_are_widened_for(claims):
    assert {f"H{n}" for n in range(1, 23)} == set(claims) - OF_COPIES
    assert len(claims) - len(OF_COPIES) == DECLARED


def test_every_regime_names_the_claims_that_its_plugin_brings(claims):
    registry = Registry.of(find_plugins())
    named = [
        (registry.regimes.owner(regime.name), name)
        for regime in registry.regimes.values()
        for name in regime.claims
    ]
    assert len(named) == len(claims)
    assert all(registry.claims.owner(name) == plugin for plugin, name in named)


def test_every_claim_is_listed_in_its_order_on_any_report(claims, whole):
    for tradeoff in (EMPTY, whole):
        found = decide_all(tradeoff, claims.values())
        assert [row["id"] for row in found] == [*(f"H{n}" for n in range(1, 23)), *OF_COPIES]
    assert {row["verdict"] for row in decide_all(EMPTY, claims.values())} == {"not testable"}
    for row in decide_all(EMPTY, claims.values()):
        assert "its rule" not in row["reason"], row


def test_the_simulated_truths_are_found(rows):
    verdicts = {
        "H1": "supported",  # the base answers a tenth of bare questions, the chat stage nine
        "H2": "supported",  # .05 bare, .5 with examples
        "H12": "supported",  # three times as long
        "H14": "supported",  # peaks at step 300
    }
    assert {name: rows[name]["verdict"] for name in verdicts} == verdicts
    assert rows["H6"]["verdict"] != "refuted"
    sums = {each["other"]: each["verdict"] for each in rows["H10"]["edges"]}
    assert sums == {"rl": "supported", "step500": "inconclusive"}, "of checkpoints the last counts"
    assert rows["H4"]["verdict"] == "inconclusive", "full forgets, its adapter hardly"
    places = {each["other"]: each["verdict"] for each in rows["H4"]["edges"]}
    assert places["full"] == "supported"
    assert places["lora"] != "supported"
    (method,) = [each for each in rows["H3"]["edges"] if each["other"].startswith("seed")]
    assert method["high"] - method["low"] > 0.3, "three seeds, 22 claims: wide"
    for name in ("H5", "H8", "H9", "H11", "H15", "H16", "H17", "H18", "H20", "H21", "H22"):
        assert rows[name]["verdict"] == "not testable"
        assert rows[name]["reason"]


def test_the_rows_satisfy_the_schema_and_every_format_shows_them(whole, rows):
    full = replace(whole, claims=tuple(rows.values()), advice=advise(whole))
    document = json.loads(json.dumps(full.to_dict(), allow_nan=False))
    jsonschema.Draft202012Validator(schema()).validate(document)
    for format in ("table", "markdown", "latex", "json"):
        text = render(full, format)
        assert "H10" in text
        assert "supported" in text
    assert "H22" in render(full, "markdown").split("### Claims")[1]
    assert "cannot test: H5" in render(full, "table")
    assert "### Advice" in render(full, "markdown")


def probes(*rows):
    place = {"protocol": "uniform", "benchmark": "qa"}
    return tuple({**place, **row} for row in rows)


def abstention(model, unknown, known, hallucination, correct=0.5):
    return {
        "probe": "abstention",
        "model": model,
        "kind": "summary",
        "protocol": "native",
        "n": 400,
        "attempted": 0.8,
        "accuracy_attempted": correct / 0.8,
        "hallucination": hallucination,
        "abstain_unknown": unknown,
        "abstain_known": known,
    }


def test_abstention_is_decided_by_its_probe(whole, claims):
    rows = probes(abstention("base", 0.0, 0.0, 0.6), abstention("chat", 0.9, 0.0, 0.2))
    found = replace(whole, probes=rows)
    assert claims.get("H8").decide(found)["verdict"] == "supported"
    assert claims.get("H9").decide(found)["verdict"] == "supported"
    shy = probes(abstention("base", 0.0, 0.0, 0.6), abstention("chat", 0.9, 0.8, 0.2, 0.1))
    found = replace(whole, probes=shy)
    assert claims.get("H8").decide(found)["verdict"] == "refuted", "it abstains on what is known"
    unmatched = claims.get("H9").decide(found)
    assert unmatched["verdict"] == "not testable"
    assert "-40.0" in unmatched["reason"]


def curve(model, value, k=64):
    return {
        "probe": "passk",
        "model": model,
        "kind": "curve",
        "k": k,
        "value": value,
        "low": value - 0.01,
        "high": value + 0.01,
        "n": 500,
        "samples": 64,
    }


def test_beyond_sampling_is_decided_at_the_largest_k_and_refuted_by_a_crossing(whole, claims):
    rows = probes(curve("chat", 0.2, 1), curve("rl", 0.5, 1), curve("chat", 0.8), curve("rl", 0.85))
    kept = claims.get("H11").decide(replace(whole, probes=rows))
    assert (kept["verdict"], kept["estimate"]) == ("supported", pytest.approx(0.05))
    crossing = {
        "probe": "passk", "model": "rl", "kind": "crossing", "base": "chat", "k_star": 32,
    }  # fmt: skip
    crossed = claims.get("H11").decide(replace(whole, probes=rows + probes(crossing)))
    assert crossed["verdict"] == "refuted"
    assert "k = 32" in crossed["reason"]


def test_kl_predicts_forgetting_by_the_models_that_were_left_out(whole, claims):
    known = {
        (e.base, e.other): -e.general.delta
        for e in (*whole.root_tradeoffs, *whole.tradeoffs)
        if e.protocol == "uniform"
    }
    rows = probes(
        *(
            {"probe": "razor", "model": other, "kind": "summary", "base": base, "kl": 5 * lost}
            for (base, other), lost in known.items()
        )
    )
    assert claims.get("H16").decide(replace(whole, probes=rows))["verdict"] == "supported"
    few = claims.get("H16").decide(replace(whole, probes=rows[:7]))
    assert few["verdict"] == "not testable"
    assert "there are 7" in few["reason"]
    rng = np.random.default_rng(1)
    noise = tuple({**row, "kl": float(rng.random())} for row in rows)
    assert claims.get("H16").decide(replace(whole, probes=noise))["verdict"] != "supported"


def test_one_training_of_an_adapter_says_nothing_of_its_time(whole, claims):
    row = claims.get("H19").decide(whole)
    assert row["verdict"] == "not testable"
    assert "3 training seeds of each" in row["reason"]


def test_little_data_compares_a_tenth_with_all_of_it(whole, claims):
    data = probes(
        {"probe": "training", "kind": "data", "model": "full", "examples": 1000},
        {"probe": "training", "kind": "data", "model": "lora", "examples": 100},
    )
    row = claims.get("H22").decide(replace(whole, probes=data))
    assert row["verdict"] == "supported", "both reach .85"
    assert "100 examples" in row["reason"]


def test_claims_find_what_manifests_say_in_the_report_itself(whole, claims):
    made = {"full": Making("full", {}, 1000, 100.0), "lora": Making("lora", {}, 100, 30.0)}
    rows = tuple(making([Model(name, made=how) for name, how in made.items()]))
    told = replace(whole, probes=rows)
    assert claims.get("H22").decide(told)["verdict"] == "supported"
    made["lora"] = replace(made["lora"], source="other")
    other = replace(whole, probes=tuple(making([Model(n, made=how) for n, how in made.items()])))
    assert claims.get("H22").decide(other)["verdict"] == "not testable"


def test_a_better_start_is_tried_on_one_recipe_from_two_parents(claims):
    from_chat = replace(FULL, id="from-chat", base_model="chat")
    models = (BASE, CHAT, FULL, from_chat)
    right = {"base": (300, 60), "chat": (300, 60), "full": (200, 250), "from-chat": (300, 250)}
    cells = [
        cell(model, benchmark, "1" * k + "0" * (400 - k))
        for model in models
        for benchmark, k in zip((QA, LAW), right[model.id], strict=True)
    ]
    found = analyse(Family("f", models), Suite("s", (QA, LAW)), cells, REGIMES)
    assert ("full", "from-chat") in {(e.base, e.other) for e in found.siblings}
    row = claims.get("H21").decide(found)
    assert (row["base"], row["other"], row["verdict"]) == ("full", "from-chat", "supported")
    start = next(each for each in advise(found) if "from the base" in each["question"])
    assert start["measured"]
    assert "from-chat is ahead in G" in start["answer"]


def test_preference_tuning_is_known_by_the_stages_id_and_judged_by_calibration(claims):
    dpo = replace(RL, id="org/chat-DPO")
    change = {"probe": "calibration", "model": dpo.id, "kind": "change", "base": "chat", "n": 500,
              "ece": 0.05, "ece_low": 0.03, "ece_high": 0.07,
              "brier": 0.02, "brier_low": 0.012, "brier_high": 0.028}  # fmt: skip
    cells = [cell(m, QA, "1100") for m in (BASE, CHAT, dpo)]
    found = analyse(Family("f", (BASE, CHAT, dpo)), Suite("s", (QA,)), cells, REGIMES)
    found = replace(found, probes=({**change, "protocol": "uniform", "benchmark": None},))
    assert claims.get("H17").decide(found)["verdict"] == "supported"
    worse = {**found.probes[0], "brier": -0.02, "brier_low": -0.028, "brier_high": -0.012}
    assert claims.get("H17").decide(replace(found, probes=(worse,)))["verdict"] == "refuted"
    assert "safety" in claims.get("H20").decide(found)["reason"]


def test_where_nothing_differs_hardly_any_family_supports_or_refutes_a_change(claims):
    """At most 5 % of families may hold any false "supported" among claims of a change."""
    benchmarks = (
        Benchmark("t0", "acc", num_fewshot=0, capability="a"),
        Benchmark("t1", "acc", num_fewshot=0, axis="special", capability="math"),
        Benchmark("t2", "acc", num_fewshot=0, axis="special", capability="law"),
    )
    models = (BASE, replace(FULL), replace(RL, base_model="base"))
    rng = np.random.default_rng(11)
    wrong = []
    for _ in range(120):
        scores = {}
        for benchmark in benchmarks:
            before = rng.random(300) < 0.5
            for model in models:
                flipped = (rng.random(300) < 0.2) & (model is not BASE)
                scores[model.id, benchmark.task] = (before ^ flipped).astype(float).tolist()
        cells = [cell(m, b, scores[m.id, b.task]) for m in models for b in benchmarks]
        found = analyse(Family("f", models), Suite("s", benchmarks), cells, REGIMES)
        tried = [claims.get(name).decide(found) for name in ("H3", "H4", "H10")]
        wrong.append(any(row["verdict"] == "supported" for row in tried))
    assert np.mean(wrong) <= 0.05 + monte_carlo_error(0.05, 120)


@given(st.floats(-1, 1), st.floats(0.001, 0.5), st.floats(-0.2, 0.2), st.integers(1, 50))
def test_more_claims_never_turn_a_verdict_round(value, half, threshold, declared):
    condition = number(value, half, above(threshold))
    one = decided(case("a", "b", condition))["verdict"]
    many = decided(case("a", "b", condition), declared=declared)["verdict"]
    assert many in (one, "inconclusive")


def test_independent_estimates_and_shares_of_worked_examples():
    assert independent(Interval(1, 0.7, 1.3), Interval(2, 1.6, 2.4)).high == pytest.approx(1.5)
    found = two_shares(0.2, 100, 0.5, 80)
    one, two = 21 / 102, 41 / 82
    error = np.sqrt(one * (1 - one) / 102 + two * (1 - two) / 82)
    assert found.value == pytest.approx(0.3)
    assert found.low == pytest.approx(two - one - 1.959964 * error)


def test_advice_is_given_from_measured_cells_only(whole):
    asked = {row["question"]: row for row in advise(whole)}
    law = asked["Which stage should I use for law?"]
    assert law["measured"]
    assert law["evidence"]
    assert any(char.isdigit() for char in law["answer"])
    adapter = asked["An adapter or full fine-tuning?"]
    assert "lora is ahead in G" in adapter["answer"]
    retrieval = asked["Retrieval or fine-tuning for new facts?"]
    assert (retrieval["measured"], retrieval["evidence"]) == (False, [])
    assert retrieval["answer"].startswith("Not measured")
    for row in advise(Tradeoff("f", "s", ("law",), ())):
        assert not row["measured"]


def test_a_method_over_seeds_is_said_in_words_with_its_own_interval(whole):
    text = " ".join(render(whole, "table", width=140).split())
    row = next(each for each in whole.methods if each.protocol == "uniform")
    assert "base → seed0 and its other seeds, uniform" in text
    assert f"ΔS +{100 * row.special.value:.1f}" in text
    assert row.says in text
