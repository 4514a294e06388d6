"""The registry: named things, who brought each, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo import hookimpl
from zoo.benchmarks import Benchmark
from zoo.errors import ConfigError, UnknownNameError
from zoo.evidence import rank_regimes
from zoo.hookspecs import Claim, Command, Loader
from zoo.models import Evidence, Facts, Family, Model, Prompting, Regime
from zoo.plugins import Plugin, Plugins
from zoo.registry import Registry


def load(*args: Any, **options: Any) -> Any:
    """A loader that nobody calls."""


def complete(_model: Model, _benchmark: Benchmark) -> Prompting:
    """Plain completion."""
    return Prompting()


def bring(plugins: Plugins, name: str, *, first_party: bool = False, **hooks: Any) -> None:
    """Register a plugin whose hooks return these values."""
    functions = {hook: hookimpl(lambda value=value: value) for hook, value in hooks.items()}
    distribution = "stagezoo" if first_party else f"dist-{name}"
    plugin = Plugin(name, distribution, "1.0", first_party=first_party)
    plugins.admit(plugin, lambda: SimpleNamespace(**functions))


def regime(name: str, order: int = 25) -> Regime:
    return Regime(name, name.title(), order, complete)


def test_things_are_had_by_name_with_their_owner() -> None:
    plugins = Plugins()
    bring(plugins, "echo", zoo_loaders=[Loader("echo", load)])
    registry = Registry.of(plugins, {"loaders": [Loader("hf", load)]})
    assert list(registry.loaders) == ["hf", "echo"]
    assert registry.loaders.owner("hf").name == "zoo"
    assert registry.loaders.owner("echo").distribution == "dist-echo"
    assert registry.loaders["echo"] is registry.loaders.get("echo")


def test_an_unknown_name_is_answered_with_the_nearest_and_with_a_remedy() -> None:
    registry = Registry.of(Plugins(), {"loaders": [Loader("hf", load), Loader("torch", load)]})
    with pytest.raises(UnknownNameError, match="no loader named 'troch'; did you mean 'torch'"):
        registry.loaders.get("troch")
    with pytest.raises(UnknownNameError, match=r"no family named 'x'; describe it in zoo\.toml"):
        registry.families.get("x")


def test_a_built_in_cannot_be_shadowed() -> None:
    plugins = Plugins(pick={"run": "dist-shadow"})
    bring(plugins, "shadow", zoo_commands=[Command("run", "mine", load, load)])
    built_in = Command("run", "run a suite", load, load)
    registry = Registry.of(plugins, {"commands": [built_in]})
    assert registry.commands.get("run") is built_in
    assert [plugin.status for plugin in plugins] == ["incompatible"]
    assert "the command 'run' belongs to zoo of stagezoo" in registry.problems[0]


def test_a_refused_name_is_answered_with_why() -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_regimes=[regime("merged"), regime("kept")])
    bring(plugins, "b", zoo_regimes=[regime("merged")])
    registry = Registry.of(plugins)
    assert list(registry.regimes) == ["kept"]
    with pytest.raises(ConfigError, match=r"'merged' is refused: .* claimed by dist-b"):
        registry.regimes.get("merged")


def test_a_name_brought_twice_by_one_plugin_is_refused() -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_regimes=[regime("merged"), regime("merged")])
    registry = Registry.of(plugins)
    assert "merged" not in registry.regimes
    assert "brought twice by dist-a itself" in registry.problems[0]


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_regimes=[regime(name), regime("kept")])
    assert list(Registry.of(plugins).regimes) == ["kept"]
    assert [plugin.status for plugin in plugins] == ["broken"]


def test_claims_are_had_by_id() -> None:
    plugins = Plugins()
    claim = Claim("H1", "tuning helps", load)
    bring(plugins, "claims", zoo_claims=[claim])
    assert Registry.of(plugins).claims.get("H1") is claim


def test_regimes_come_in_the_order_of_their_stages() -> None:
    plugins = Plugins()
    bring(plugins, "z", first_party=True, zoo_regimes=[regime("last", 30), regime("first", 0)])
    bring(plugins, "a", zoo_regimes=[regime("middle", 15)])
    assert list(Registry.of(plugins).regimes) == ["first", "middle", "last"]


def test_only_the_hook_that_is_needed_is_asked() -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_regimes=[regime("kept")], zoo_loaders="nonsense")
    registry = Registry.of(plugins)
    assert list(registry.regimes) == ["kept"]
    assert registry.problems == []
    assert list(registry.loaders) == []
    assert len(registry.problems) == 1


def test_a_failing_hook_costs_a_plugin_that_hook_alone_whatever_is_asked_first() -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_regimes=[regime("kept")], zoo_loaders="nonsense")
    registry = Registry.of(plugins)
    assert list(registry.loaders) == []
    assert list(registry.regimes) == ["kept"]


@pytest.mark.parametrize(
    ("family", "trouble"),
    [
        (Family("f", [Model("org/m")]), "whose models is a list, not tuple[Model, ...]"),
        (Family("f", (Model(7),)), "whose models is a tuple, not tuple[Model, ...]"),
        (Family("f", (), suite=None), "whose suite is None, not str"),
    ],
)
def test_fields_are_checked_to_the_bottom(family: Family, trouble: str) -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_families=[family])
    assert len(Registry.of(plugins).families) == 0
    assert trouble in plugins.problems[0]


def test_benchmark_folders_must_exist(tmp_path: Path) -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_benchmarks=[tmp_path])
    bring(plugins, "b", zoo_benchmarks=[tmp_path / "nowhere"])
    registry = Registry.of(plugins)
    assert [(folder, owner.name) for folder, owner in registry.benchmark_folders] == [
        (tmp_path, "a")
    ]
    assert [plugin.status for plugin in plugins] == ["ok", "broken"]


def test_no_plugin_answers_before_the_hosts_own() -> None:
    plugins = Plugins()
    host = Plugin("own", "stagezoo", "1.0", first_party=True)
    guest = Plugin("eager", "dist-eager", "1.0")
    plugins.admit(host, lambda: SimpleNamespace(zoo_loaders=hookimpl(lambda: [Loader("a", load)])))
    first = hookimpl(lambda: [Loader("b", load)], tryfirst=True)
    plugins.admit(guest, lambda: SimpleNamespace(zoo_loaders=first))
    assert [answer.value.name for answer in plugins.ask("zoo_loaders")] == ["a", "b"]


def test_no_answer_is_an_empty_answer() -> None:
    plugins = Plugins()
    bring(plugins, "a", zoo_regimes=None)
    assert len(Registry.of(plugins).regimes) == 0
    assert plugins.problems == []


def test_asking_a_hook_that_does_not_exist_is_the_askers_error() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'zoo_regimes'"):
        Plugins().ask("zoo_regime")


def third_parties(**evidence: list[Evidence]) -> Registry:
    plugins = Plugins()
    for name, pieces in evidence.items():
        bring(plugins, name, zoo_classify=pieces)
    return Registry.of(plugins)


def test_third_parties_classify_what_the_host_cannot() -> None:
    registry = third_parties(a=[Evidence("distilled", 0.8, "seen")])
    assert rank_regimes(registry.classify(Facts("org/m"))).best == "distilled"


def test_third_parties_of_different_minds_decide_nothing() -> None:
    registry = third_parties(
        a=[Evidence("distilled", 0.8, "seen")], b=[Evidence("merged", 0.99, "seen")]
    )
    evidence = registry.classify(Facts("org/m"))
    assert rank_regimes(evidence).regimes == ()
    assert {piece.regime for piece in evidence} == {"distilled", "merged"}
