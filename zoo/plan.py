"""Models x suite -> run specs, with the rule behind each choice. Pure: nothing is read or loaded.

Precedence, highest first: the command line, a model's own table in zoo.toml,
``[prompting.<regime>]`` in zoo.toml, the benchmark, the regime. The uniform protocol asks every
stage by plain completion and hears neither regime nor zoo.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.config import PromptingChange
from zoo.errors import ConfigError, PromptingError, did_you_mean
from zoo.models import Model, Prompting, Regime
from zoo.process_state import kept
from zoo.results import PROTOCOLS, Protocol, Result, RunSpec

DEFAULT_SEED = 1234
"""lm-eval's own few-shot seed, so that both draw the same examples."""


@dataclass(frozen=True)
class Wishes:
    """What the command line asks of every cell; None and empty mean nothing."""

    protocols: tuple[Protocol, ...] = PROTOCOLS
    seed: int = DEFAULT_SEED
    limit: int | None = None
    num_fewshot: int | None = None
    gen_kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Cells to be evaluated, and those that cannot even be planned, with the reason.

    notes: what was said and has no effect, one sentence each.
    """

    specs: tuple[RunSpec, ...]
    failed: tuple[Result, ...] = ()
    notes: tuple[str, ...] = ()


Layer = tuple[str, Prompting | PromptingChange]
"""Who says something of the prompting, and what."""

BUDGET_ALIASES = ("max_new_tokens", "max_tokens", "max_completion_tokens")
"""Other names for max_gen_toks, which lm-eval passes over where that is given too."""

LIKELIHOOD = "scored by likelihood"
"""The rule by which a cell writes nothing and never thinks, whatever was wished."""


def make_plan(
    models: Iterable[Model],
    suite: Suite,
    regimes: Mapping[str, Regime],
    wishes: Wishes | None = None,
    *,
    prompting: Mapping[str, PromptingChange] | None = None,
    model_prompting: Mapping[str, PromptingChange] | None = None,
    output_types: Mapping[str, str] | None = None,
) -> Plan:
    """One spec for each model, benchmark and protocol, models in the order given.

    prompting: changes by regime; model_prompting: by model id (both from zoo.toml).
    output_types: lm-eval output type by task, where it is known: a task that is scored by
        likelihood never thinks.
    Raises ConfigError where the limit or the number of shots cannot be meant.
    """
    wishes = wishes or Wishes()
    _check(wishes)
    by_regime, by_model = prompting or {}, model_prompting or {}
    models = tuple(models)
    asked_as = {model.id: _asked_as(model, models, regimes) for model in models}
    specs: list[RunSpec] = []
    failed: list[Result] = []
    for model in models:
        for protocol in wishes.protocols:
            for benchmark in suite.benchmarks:
                asked, rules = _benchmark(benchmark, wishes)
                spec = RunSpec(
                    model, asked, protocol, Prompting(), wishes.seed, wishes.limit, tuple(rules)
                )
                try:
                    layers = _layers(spec, asked_as[model.id], regimes, wishes, by_regime, by_model)
                except PromptingError as problem:
                    failed.append(Result(spec, "failed", error=str(problem)))
                    continue
                kind = (output_types or {}).get(benchmark.task, "generate_until")
                resolved, why = _resolve(layers, generates=kind == "generate_until")
                specs.append(replace(spec, prompting=resolved, rules=(*rules, *why)))
    notes = [
        f"zoo.toml [prompting.{name}] changes nothing: nobody brings the regime {name!r}"
        f"{did_you_mean(name, regimes)}"
        for name in by_regime
        if name not in regimes
    ]
    return Plan(tuple(specs), tuple(failed), tuple(notes))


def as_asked(suite: Suite, wishes: Wishes) -> Suite:
    """The suite with the shots that the command line wishes for all its benchmarks.

    Raises ConfigError where that makes two of them the same one.
    """
    if wishes.num_fewshot is None:
        return suite
    asked = tuple(replace(each, num_fewshot=wishes.num_fewshot) for each in suite.benchmarks)
    if len({benchmark.key for benchmark in asked}) < len(asked):
        raise ConfigError(
            f"with --num-fewshot {wishes.num_fewshot} the suite {suite.name!r} asks one task twice "
            "in the same way; name the tasks with --tasks"
        )
    return replace(suite, benchmarks=asked)


def _check(wishes: Wishes) -> None:
    if wishes.limit is not None and wishes.limit < 1:
        raise ConfigError(f"a limit of {wishes.limit} leaves no items; give one above 0")
    if wishes.num_fewshot is not None and wishes.num_fewshot < 0:
        raise ConfigError(f"{wishes.num_fewshot} shots cannot be given; give 0 or more")


def without_generation(prompting: Prompting) -> Prompting:
    """The prompting of a cell that is scored by likelihood: it writes nothing and never thinks."""
    thinking = False if prompting.enable_thinking else prompting.enable_thinking
    return replace(prompting, enable_thinking=thinking, think_end_token=None, gen_kwargs={})


def one_budget(gen_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Generation arguments whose budget, if any, is called max_gen_toks, chosen as lm-eval does.

    >>> one_budget({"max_new_tokens": 64, "top_p": 0.9})
    {'top_p': 0.9, 'max_gen_toks': 64}
    """
    found = [gen_kwargs[k] for k in ("max_gen_toks", *BUDGET_ALIASES) if k in gen_kwargs]
    others = {k: v for k, v in gen_kwargs.items() if k not in BUDGET_ALIASES}
    return {**others, "max_gen_toks": found[0]} if found else others


def _benchmark(benchmark: Benchmark, wishes: Wishes) -> tuple[Benchmark, list[tuple[str, str]]]:
    rules = []
    if wishes.num_fewshot is not None:
        benchmark = replace(benchmark, num_fewshot=wishes.num_fewshot)
        rules.append((f"num_fewshot={wishes.num_fewshot}", "--num-fewshot"))
    elif benchmark.num_fewshot is not None:
        rules.append((f"num_fewshot={benchmark.num_fewshot}", f"benchmark {benchmark.name}"))
    if wishes.limit is not None:
        rules.append((f"limit={wishes.limit}", "--limit"))
    return benchmark, rules


def _asked_as(model: Model, models: Sequence[Model], regimes: Mapping[str, Regime]) -> Model:
    """The model whose regime says how this one is asked: itself, or who it was made from."""
    by_id = {each.id: each for each in models}
    seen = {model.id}
    while model.regime in regimes and regimes[model.regime].as_parents:
        parents = [by_id[id] for id in model.parents if id in by_id and id not in seen]
        if not parents:
            break
        model = max(
            parents, key=lambda each: regimes[each.regime].order if each.regime in regimes else 0
        )
        seen.add(model.id)
    return model


def _layers(
    spec: RunSpec,
    asked_as: Model,
    regimes: Mapping[str, Regime],
    wishes: Wishes,
    by_regime: Mapping[str, PromptingChange],
    by_model: Mapping[str, PromptingChange],
) -> list[Layer]:
    """Who has a say, lowest first. Raises PromptingError where the model's regime cannot tell."""
    model, benchmark = spec.model, spec.benchmark
    native = spec.protocol == "native"
    layers: list[Layer] = [("protocol uniform", Prompting())]
    if native:
        rule = f"regime {asked_as.regime}"
        if asked_as is not model:
            rule += f" of {asked_as.id}, which it was made from"
        layers = [(rule, _own_form(asked_as, benchmark, regimes))]
    if benchmark.gen_kwargs:
        wish = PromptingChange(gen_kwargs=benchmark.gen_kwargs)
        layers.append((f"benchmark {benchmark.name}", wish))
    for regime in dict.fromkeys((asked_as.regime, model.regime)):
        if native and regime in by_regime:
            layers.append((f"zoo.toml [prompting.{regime}]", by_regime[regime]))
    if native and model.id in by_model:
        layers.append((f"zoo.toml, the model {model.id}", by_model[model.id]))
    if wishes.gen_kwargs:
        layers.append(("--gen-kwargs", PromptingChange(gen_kwargs=wishes.gen_kwargs)))
    return layers


def _own_form(model: Model, benchmark: Benchmark, regimes: Mapping[str, Regime]) -> Prompting:
    """How the model's regime asks it. A regime is a plugin's code and may fail."""
    if not model.regime:
        why = f" ({model.evidence[-1].why})" if model.evidence else ""
        raise PromptingError(f"the regime of {model.id} is not known{why}; say it in zoo.toml")
    if model.regime not in regimes:
        near = did_you_mean(model.regime, regimes, "see `zoo plugins`")
        raise PromptingError(f"nobody brings the regime {model.regime!r} of {model.id}{near}")
    with kept() as changed:
        try:
            said: object = regimes[model.regime].prompting(model, benchmark)
        except Exception as problem:
            said = f"{type(problem).__name__}: {problem}"
    if changed:
        said = f"it changes {' and '.join(changed)}"
    if not isinstance(said, Prompting):
        raise PromptingError(
            f"the regime {model.regime!r} does not say how to ask {model.id} ({said!s:.100}); "
            "see `zoo plugins`"
        )
    return said


def _resolve(
    layers: Sequence[Layer], *, generates: bool
) -> tuple[Prompting, list[tuple[str, str]]]:
    """Lays each layer over those below; says for every setting that is not the default whose it is.

    gen_kwargs are merged key by key, all else is replaced.
    """
    values: dict[str, Any] = {}
    whose: dict[str, str] = {}
    gen_kwargs: dict[str, Any] = {}
    whose_gen_kwargs: dict[str, str] = {}
    for rule, layer in layers:
        for name in (f.name for f in fields(Prompting)):
            value = getattr(layer, name)
            if name == "gen_kwargs":
                said = one_budget(value)  # by whatever name: a higher layer's holds
                gen_kwargs.update(said)
                whose_gen_kwargs.update(dict.fromkeys(said, rule))
            elif value is not None:
                values[name], whose[name] = value, rule
    wished = Prompting(**values, gen_kwargs=gen_kwargs)
    prompting = wished if generates else without_generation(wished)
    if prompting.enable_thinking != wished.enable_thinking:
        whose["enable_thinking"] = LIKELIHOOD
    explained = [
        (f"{name}={getattr(prompting, name)}", rule)
        for name, rule in whose.items()
        if getattr(prompting, name) != getattr(Prompting(), name)
    ]
    explained += [
        (f"gen_kwargs.{name}={value}", whose_gen_kwargs[name])
        for name, value in prompting.gen_kwargs.items()
    ]
    return prompting, explained or [("plain completion", layers[0][0])]
