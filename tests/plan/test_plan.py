"""The plan: who decides how a model is asked, and that every choice says whose it was."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.benchmarks import Benchmark, Suite
from zoo.config import PromptingChange
from zoo.errors import ConfigError
from zoo.models import Evidence, Model, Prompting, Regime
from zoo.plan import LIKELIHOOD, Plan, Wishes, make_plan
from zoo.results import RunSpec

MODEL = Model("org/m", regime="chatty")
SETTINGS = [field.name for field in fields(Prompting) if field.name != "gen_kwargs"]


def regimes(prompting: Prompting) -> dict[str, Regime]:
    return {"chatty": Regime("chatty", "Chatty", 1, lambda _model, _benchmark: prompting)}


def plan(
    own: Prompting = Prompting(),  # noqa: B008
    benchmark: Benchmark = Benchmark("t", "acc"),  # noqa: B008
    wishes: Wishes | None = None,
    **given: Any,
) -> Plan:
    return make_plan([MODEL], Suite("s", (benchmark,)), regimes(own), wishes, **given)


def native(found: Plan) -> RunSpec:
    return next(spec for spec in found.specs if spec.protocol == "native")


def uniform(found: Plan) -> RunSpec:
    return next(spec for spec in found.specs if spec.protocol == "uniform")


def test_there_is_one_cell_for_each_model_benchmark_and_protocol_in_the_order_given() -> None:
    models = [Model("b", regime="chatty"), Model("a", regime="chatty")]
    suite = Suite("s", (Benchmark("y", "acc"), Benchmark("x", "acc")))
    found = make_plan(models, suite, regimes(Prompting()))
    assert [(s.model.id, s.protocol, s.benchmark.task) for s in found.specs] == [
        (model, protocol, task)
        for model in "ba"
        for protocol in ("uniform", "native")
        for task in "yx"
    ]


def test_native_is_asked_as_its_regime_says() -> None:
    own = Prompting(chat_template="default", fewshot_as_multiturn=True)
    spec = native(plan(own))
    assert spec.prompting == own
    assert dict(spec.rules) == {
        "chat_template=default": "regime chatty",
        "fewshot_as_multiturn=True": "regime chatty",
    }


def test_a_regime_is_told_the_model_and_the_benchmark() -> None:
    told = []

    def prompting(model: Model, benchmark: Benchmark) -> Prompting:
        told.append((model, benchmark))
        return Prompting()

    benchmark = Benchmark("t", "acc", num_fewshot=2)
    make_plan([MODEL], Suite("s", (benchmark,)), {"chatty": Regime("chatty", "", 1, prompting)})
    assert told == [(MODEL, benchmark)]


def test_uniform_is_plain_completion_whatever_regime_and_zoo_toml_say() -> None:
    change = PromptingChange(chat_template="other", gen_kwargs={"a": 1})
    found = plan(
        Prompting(chat_template="default", gen_kwargs={"b": 1}),
        prompting={"chatty": change},
        model_prompting={MODEL.id: change},
    )
    assert uniform(found).prompting == Prompting()
    assert uniform(found).rules == (("plain completion", "protocol uniform"),)


def test_uniform_hears_the_benchmark_and_the_command_line() -> None:
    benchmark = Benchmark("t", "acc", gen_kwargs={"a": 1, "b": 1})
    spec = uniform(plan(benchmark=benchmark, wishes=Wishes(gen_kwargs={"b": 2})))
    assert spec.prompting == Prompting(gen_kwargs={"a": 1, "b": 2})
    assert spec.rules == (("gen_kwargs.a=1", "benchmark t"), ("gen_kwargs.b=2", "--gen-kwargs"))


def test_zoo_toml_can_take_back_what_the_regime_asks_for() -> None:
    own = Prompting(chat_template="default", fewshot_as_multiturn=True, enable_thinking=True)
    change = PromptingChange(
        chat_template="none", fewshot_as_multiturn=False, enable_thinking=False
    )
    spec = native(plan(own, prompting={"chatty": change}))
    assert not spec.prompting.is_chat
    assert spec.prompting.fewshot_as_multiturn is False
    assert dict(spec.rules) == {
        "chat_template=none": "zoo.toml [prompting.chatty]",
        "enable_thinking=False": "zoo.toml [prompting.chatty]",
    }


def test_the_command_line_decides_the_shots_and_says_so() -> None:
    found = plan(benchmark=Benchmark("t", "acc", num_fewshot=5), wishes=Wishes(num_fewshot=0))
    for spec in found.specs:
        assert spec.benchmark.num_fewshot == 0
        assert ("num_fewshot=0", "--num-fewshot") in spec.rules
    found = plan(benchmark=Benchmark("t", "acc", num_fewshot=5), wishes=Wishes(limit=3, seed=7))
    for spec in found.specs:
        assert (spec.limit, spec.seed) == (3, 7)
        assert ("num_fewshot=5", "benchmark t") in spec.rules
        assert ("limit=3", "--limit") in spec.rules


THINKING = Prompting(
    chat_template="default",
    enable_thinking=True,
    think_end_token="</think>",
    gen_kwargs={"max_gen_toks": 9},
)


@pytest.mark.parametrize("kind", ["multiple_choice", "loglikelihood", "loglikelihood_rolling"])
def test_a_cell_that_is_scored_by_likelihood_never_thinks_and_says_why(kind: str) -> None:
    spec = native(plan(THINKING, output_types={"t": kind}))
    assert spec.prompting == Prompting(chat_template="default", enable_thinking=False)
    assert spec.rules == (
        ("chat_template=default", "regime chatty"),
        ("enable_thinking=False", LIKELIHOOD),
    )


@pytest.mark.parametrize("kinds", [{}, {"t": "generate_until"}])
def test_a_cell_that_writes_thinks_where_its_regime_does(kinds: Mapping[str, str]) -> None:
    assert native(plan(THINKING, output_types=kinds)).prompting == THINKING


def test_generation_arguments_leave_a_likelihood_cell_plain_and_it_says_so() -> None:
    spec = native(plan(wishes=Wishes(gen_kwargs={"a": 1}), output_types={"t": "multiple_choice"}))
    assert spec.prompting == Prompting()
    assert spec.rules == (("plain completion", "regime chatty"),)


def test_a_regime_that_nobody_brings_costs_the_models_native_cells_alone() -> None:
    models = [MODEL, Model("lost", regime="chaty")]
    suite = Suite("s", (Benchmark("t", "acc"), Benchmark("u", "acc")))
    found = make_plan(models, suite, regimes(Prompting()))
    assert [(s.model.id, s.protocol) for s in found.specs if s.model.id == "lost"] == [
        ("lost", "uniform")
    ] * 2
    assert len(found.specs) == 6
    assert [r.spec.benchmark.task for r in found.failed] == ["t", "u"]
    for result in found.failed:
        assert (result.status, result.spec.protocol) == ("failed", "native")
        assert result.error == ("nobody brings the regime 'chaty' of lost; did you mean 'chatty'?")


def test_a_model_whose_regime_is_not_known_says_why() -> None:
    model = Model("lost", evidence=(Evidence("", 0.0, "there is no such folder"),))
    found = make_plan([model], Suite("s", (Benchmark("t", "acc"),)), regimes(Prompting()))
    assert [spec.protocol for spec in found.specs] == ["uniform"]
    assert found.failed[0].error == (
        "the regime of lost is not known (there is no such folder); say it in zoo.toml"
    )


def fails(_model: Model, _benchmark: Benchmark) -> Prompting:
    raise ZeroDivisionError("one by nought")


@pytest.mark.parametrize(
    ("prompting", "said"),
    [(fails, "ZeroDivisionError: one by nought"), (lambda _m, _b: "chat", "(chat)")],
)
def test_a_regime_that_cannot_say_how_to_ask_costs_its_native_cells_alone(
    prompting: Any, said: str
) -> None:
    broken = {"chatty": Regime("chatty", "", 1, prompting)}
    found = make_plan([MODEL], Suite("s", (Benchmark("t", "acc"),)), broken)
    assert [spec.protocol for spec in found.specs] == ["uniform"]
    (result,) = found.failed
    assert said in result.error
    assert "`zoo plugins`" in result.error


def test_a_prompting_for_a_regime_that_nobody_brings_is_noted() -> None:
    found = plan(prompting={"Chatty": PromptingChange(enable_thinking=True)})
    assert found.notes == (
        "zoo.toml [prompting.Chatty] changes nothing: nobody brings the regime 'Chatty'"
        "; did you mean 'chatty'?",
    )
    assert plan(prompting={"chatty": PromptingChange()}).notes == ()


@pytest.mark.parametrize("wishes", [Wishes(limit=0), Wishes(limit=-1), Wishes(num_fewshot=-1)])
def test_wishes_that_cannot_be_meant_are_refused(wishes: Wishes) -> None:
    with pytest.raises(ConfigError, match="give"):
        plan(wishes=wishes)


KEYS = st.sampled_from(["temperature", "max_gen_toks", "until", "a.b"])
GEN_KWARGS = st.dictionaries(KEYS, st.integers(0, 3) | st.text(max_size=2), max_size=3)
TEXTS = st.sampled_from(["default", "none", "x"])
CHANGES = st.builds(
    PromptingChange,
    chat_template=st.none() | TEXTS,
    system_instruction=st.none() | TEXTS,
    fewshot_as_multiturn=st.none() | st.booleans(),
    enable_thinking=st.none() | st.booleans(),
    think_end_token=st.none() | TEXTS,
    gen_kwargs=GEN_KWARGS,
)
PROMPTINGS = st.builds(
    Prompting,
    chat_template=st.none() | TEXTS,
    system_instruction=st.none() | TEXTS,
    fewshot_as_multiturn=st.booleans(),
    enable_thinking=st.none() | st.booleans(),
    think_end_token=st.none() | TEXTS,
    gen_kwargs=GEN_KWARGS,
)


@settings(max_examples=300, deadline=None)
@given(
    own=PROMPTINGS,
    by_regime=st.none() | CHANGES,
    by_model=st.none() | CHANGES,
    asked=GEN_KWARGS,
    wished=GEN_KWARGS,
    kind=st.sampled_from(["generate_until", "multiple_choice"]),
)
def test_the_highest_that_says_anything_decides_and_every_choice_has_one_rule(
    own: Prompting,
    by_regime: PromptingChange | None,
    by_model: PromptingChange | None,
    asked: dict[str, Any],
    wished: dict[str, Any],
    kind: str,
) -> None:
    given = {
        "prompting": {"chatty": by_regime} if by_regime else {},
        "model_prompting": {MODEL.id: by_model} if by_model else {},
    }
    before = copy.deepcopy((own, given, asked, wished))
    benchmark = Benchmark("t", "acc", gen_kwargs=asked)
    found = plan(own, benchmark, Wishes(gen_kwargs=wished), output_types={"t": kind}, **given)
    assert found == plan(
        own, benchmark, Wishes(gen_kwargs=wished), output_types={"t": kind}, **given
    )
    assert (own, given, asked, wished) == before

    # highest first
    layers: list[tuple[str, Any]] = [
        ("--gen-kwargs", PromptingChange(gen_kwargs=wished)),
        (f"zoo.toml, the model {MODEL.id}", by_model or PromptingChange()),
        ("zoo.toml [prompting.chatty]", by_regime or PromptingChange()),
        ("benchmark t", PromptingChange(gen_kwargs=asked)),
        ("regime chatty", own),
    ]
    generates = kind == "generate_until"
    spec = native(found)
    rules: list[tuple[str, str]] = []
    for name in SETTINGS:
        said = [(rule, getattr(layer, name)) for rule, layer in layers]
        rule, value = next((pair for pair in said if pair[1] is not None), ("", None))
        if not generates and name == "think_end_token":
            value = None
        if not generates and name == "enable_thinking" and value:
            rule, value = LIKELIHOOD, False
        assert getattr(spec.prompting, name) == value
        if value != getattr(Prompting(), name):
            rules.append((f"{name}={value}", rule))
    expected: dict[str, Any] = {}
    for rule, layer in reversed(layers):
        for key, value in layer.gen_kwargs.items():
            expected[key] = (rule, value)
    if not generates:
        expected = {}
    assert spec.prompting.gen_kwargs == {key: value for key, (_, value) in expected.items()}
    rules += [(f"gen_kwargs.{key}={value}", rule) for key, (rule, value) in expected.items()]
    assert sorted(spec.rules) == sorted(rules or [("plain completion", "regime chatty")])

    heard = {**asked, **wished} if generates else {}
    assert uniform(found).prompting == Prompting(gen_kwargs=heard)


@pytest.mark.parametrize("name", ["max_gen_toks", "max_new_tokens", "max_tokens"])
def test_a_budget_by_any_name_holds_over_those_of_lower_layers(name: str) -> None:
    own = Prompting(gen_kwargs={"max_gen_toks": 4096})
    for said, rule in (
        ({"wishes": Wishes(gen_kwargs={name: 64})}, "--gen-kwargs"),
        (
            {"model_prompting": {"org/m": PromptingChange(gen_kwargs={name: 64})}},
            "zoo.toml, the model org/m",
        ),
        (
            {"prompting": {"chatty": PromptingChange(gen_kwargs={name: 64})}},
            "zoo.toml [prompting.chatty]",
        ),
        ({"benchmark": Benchmark("t", "acc", gen_kwargs={name: 64})}, "benchmark t"),
    ):
        spec = native(plan(own, **said))
        assert spec.prompting.gen_kwargs == {"max_gen_toks": 64}
        assert ("gen_kwargs.max_gen_toks=64", rule) in spec.rules
