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
from zoo.errors import did_you_mean
from zoo.models import Model, Prompting, Regime
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
    """Cells to be evaluated, and those that cannot even be planned, with the reason."""

    specs: tuple[RunSpec, ...]
    failed: tuple[Result, ...] = ()


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
    """
    wishes = wishes or Wishes()
    specs: list[RunSpec] = []
    failed: list[Result] = []
    for model in models:
        for protocol in wishes.protocols:
            for benchmark in suite.benchmarks:
                asked, rules = _benchmark(benchmark, wishes)
                spec = RunSpec(
                    model, asked, protocol, Prompting(), wishes.seed, wishes.limit, tuple(rules)
                )
                if protocol == "native" and model.regime not in regimes:
                    reason = (
                        f"nobody brings the regime {model.regime!r} of {model.id}"
                        f"{did_you_mean(model.regime, regimes, 'see `zoo plugins`')}"
                    )
                    failed.append(Result(spec, "failed", error=reason))
                    continue
                layers = _layers(spec, regimes, wishes, prompting or {}, model_prompting or {})
                resolved, why = _resolve(layers)
                if (output_types or {}).get(benchmark.task, "generate_until") != "generate_until":
                    resolved = without_generation(resolved)
                    why = [(what, rule) for what, rule in why if not _about_generation(what)]
                specs.append(replace(spec, prompting=resolved, rules=(*rules, *why)))
    return Plan(tuple(specs), tuple(failed))


def without_generation(prompting: Prompting) -> Prompting:
    """The prompting of a cell that is scored by likelihood: it writes nothing and never thinks."""
    thinking = False if prompting.enable_thinking else prompting.enable_thinking
    return replace(prompting, enable_thinking=thinking, think_end_token=None, gen_kwargs={})


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


def _layers(
    spec: RunSpec,
    regimes: Mapping[str, Regime],
    wishes: Wishes,
    by_regime: Mapping[str, PromptingChange],
    by_model: Mapping[str, PromptingChange],
) -> list[tuple[str, Prompting | PromptingChange]]:
    """Who has a say, lowest first."""
    model, benchmark = spec.model, spec.benchmark
    layers: list[tuple[str, Prompting | PromptingChange]] = []
    if spec.protocol == "uniform":
        layers.append(("protocol uniform", Prompting()))
    else:
        regime = regimes[model.regime]
        layers.append((f"regime {regime.name}", regime.prompting(model, benchmark)))
    if benchmark.gen_kwargs:
        wish = PromptingChange(gen_kwargs=benchmark.gen_kwargs)
        layers.append((f"benchmark {benchmark.name}", wish))
    if spec.protocol == "native":
        if model.regime in by_regime:
            layers.append((f"zoo.toml [prompting.{model.regime}]", by_regime[model.regime]))
        if model.id in by_model:
            layers.append((f"zoo.toml, the model {model.id}", by_model[model.id]))
    if wishes.gen_kwargs:
        layers.append(("--gen-kwargs", PromptingChange(gen_kwargs=wishes.gen_kwargs)))
    return layers


def _resolve(
    layers: Sequence[tuple[str, Prompting | PromptingChange]],
) -> tuple[Prompting, list[tuple[str, str]]]:
    """Lays each layer over those below; says for every setting that is not the default whose it is.

    gen_kwargs are merged key by key, all else is replaced.
    """
    values: dict[str, Any] = {}
    whose: dict[str, str] = {}
    for rule, layer in layers:
        for name in (f.name for f in fields(Prompting)):
            value = getattr(layer, name)
            if name == "gen_kwargs":
                values[name] = {**values.get(name, {}), **value}
                whose.update({f"gen_kwargs.{key}": rule for key in value})
            elif value is not None:
                values[name] = value
                whose[name] = rule
    prompting = Prompting(**values)
    default = Prompting()
    explained = [
        (f"{name}={getattr(prompting, name)}", rule)
        for name, rule in whose.items()
        if "." not in name and getattr(prompting, name) != getattr(default, name)
    ]
    explained += [
        (f"{key}={prompting.gen_kwargs[key.removeprefix('gen_kwargs.')]}", rule)
        for key, rule in whose.items()
        if "." in key
    ]
    return prompting, explained or [("plain completion", layers[0][0])]


def _about_generation(what: str) -> bool:
    return what.startswith(("gen_kwargs.", "think_end_token", "enable_thinking"))
