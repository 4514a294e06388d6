"""Named things and who brought each.

A name that the host or a first-party plugin has cannot be claimed; third parties in conflict over
a name are all refused until zoo.toml picks one. Nothing is asked for before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from packaging.utils import canonicalize_name

from zoo.errors import ConfigError, UnknownNameError
from zoo.evidence import rank_regimes
from zoo.models import Evidence, Facts, Family, Regime
from zoo.plugins import HOST, Answer, Plugin, Plugins, conflict

if TYPE_CHECKING:
    from zoo.hookspecs import (
        Claim,
        Command,
        Executor,
        Loader,
        Probe,
        Publisher,
        Recipe,
        Recorded,
        Section,
    )

T = TypeVar("T")


class Things(Mapping[str, T], Generic[T]):
    """Things of one kind by name, the host's first: a mapping that knows who brought each."""

    def __init__(
        self, noun: str, answers: Mapping[str, Answer], refused: Mapping[str, str], remedy: str
    ) -> None:
        self._noun, self._answers = noun, answers
        self._refused, self._remedy = refused, remedy

    def __getitem__(self, name: str) -> T:
        return self._answers[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, name: str) -> T:  # type: ignore[override]
        """The thing of a name that somebody asked for.

        Raises UnknownNameError where nobody brings it, ConfigError where it is refused.
        """
        return self._answer(name).value

    def owner(self, name: str) -> Plugin:
        """The plugin that brought it. Raises as `get` does."""
        return self._answer(name).plugin

    def _answer(self, name: str) -> Answer:
        if name in self._answers:
            return self._answers[name]
        if name in self._refused:
            raise ConfigError(f"the {self._noun} {name!r} is refused: {self._refused[name]}")
        raise UnknownNameError(self._noun, name, self._answers, self._remedy)


class Registry:
    """All that the host and the plugins bring, by kind."""

    def __init__(self, plugins: Plugins, builtins: Mapping[str, Sequence[Any]]) -> None:
        from zoo import __version__

        self._plugins = plugins
        self._builtins = builtins
        self._host = Plugin("zoo", HOST, __version__, first_party=True)

    @classmethod
    def of(cls, plugins: Plugins, builtins: Mapping[str, Sequence[Any]] | None = None) -> Registry:
        """A registry of what the plugins bring.

        builtins: what the host brings itself, by kind ("loaders", "commands", ...), owned by a
            plugin called "zoo".
        """
        return cls(plugins, builtins or {})

    @property
    def plugins(self) -> Plugins:
        """The plugins that are asked."""
        return self._plugins

    @property
    def problems(self) -> list[str]:
        """What plugins did wrong so far and what was refused, one sentence each."""
        return self._plugins.problems

    @cached_property
    def regimes(self) -> Things[Regime]:
        """Ways of training, in the order their stages are listed in."""
        return self._collect("regimes", "regime", order=lambda regime: regime.order)

    @cached_property
    def families(self) -> Things[Family]:
        """Lineages that plugins bring; zoo.toml's own are not among them."""
        return self._collect("families", "family", "describe it in zoo.toml as [families.NAME]")

    @cached_property
    def loaders(self) -> Things[Loader]:
        """Ways to load a model."""
        return self._collect("loaders", "loader")

    @cached_property
    def executors(self) -> Things[Executor]:
        """Places where jobs run."""
        return self._collect("executors", "executor")

    @cached_property
    def probes(self) -> Things[Probe]:
        """Measurements beyond tasks."""
        return self._collect("probes", "probe")

    @cached_property
    def recipes(self) -> Things[Recipe]:
        """How stages are made."""
        return self._collect("recipes", "recipe")

    @cached_property
    def claims(self) -> Things[Claim]:
        """Hypotheses, by id."""
        return self._collect("claims", "claim")

    @cached_property
    def sections(self) -> Things[Section]:
        """Sections of the report."""
        return self._collect("sections", "section")

    @cached_property
    def publishers(self) -> Things[Publisher]:
        """Places results can be published to."""
        return self._collect("publishers", "publisher")

    @cached_property
    def runs(self) -> Things[Recorded]:
        """Runs that were recorded, by the family that they are of."""
        return self._collect("runs", "recorded run")

    @cached_property
    def commands(self) -> Things[Command]:
        """Verbs of the command line."""
        return self._collect("commands", "command", "see `zoo --help`")

    @cached_property
    def benchmark_folders(self) -> list[tuple[Path, Plugin]]:
        """Folders with suites/ and tasks/, and who brings each; those that exist."""
        folders = []
        for answer in self._plugins.ask("zoo_benchmarks"):
            if answer.value.is_dir():
                folders.append((answer.value, answer.plugin))
            else:
                reason = f"zoo_benchmarks returned {str(answer.value)!r}, which is not a folder"
                self._plugins.mark(answer.plugin, "broken", reason)
        return folders

    def classify(self, facts: Facts) -> list[Evidence]:
        """Everything that speaks for a regime, the strongest first; see `zoo.evidence`.

        A plugin's evidence must not change a number by being installed. So where first-party
        plugins see anything, third parties' evidence is listed with confidence 0; where they see
        nothing, third parties count as long as they are of one mind.
        """
        by_plugin: dict[Plugin, list[Evidence]] = {}
        for answer in self._plugins.ask("zoo_classify", facts=facts):
            if 0 <= answer.value.confidence <= 1:
                by_plugin.setdefault(answer.plugin, []).append(answer.value)
            else:
                confidence = f"a confidence of {answer.value.confidence}, which is not within 0..1"
                self._plugins.mark(answer.plugin, "broken", f"zoo_classify returned {confidence}")
        first = [piece for plugin in by_plugin if plugin.first_party for piece in by_plugin[plugin]]
        third = {plugin: by_plugin[plugin] for plugin in by_plugin if not plugin.first_party}
        agreed = len({rank_regimes(pieces).tied for pieces in third.values()}) == 1
        counts = not first and agreed
        others = [
            piece if counts else _uncounted(piece, plugin)
            for plugin, pieces in third.items()
            for piece in pieces
        ]
        return sorted(first + others, key=lambda piece: (-piece.confidence, piece.regime))

    def _collect(
        self,
        kind: str,
        noun: str,
        remedy: str = "see `zoo plugins`",
        order: Callable[[Any], int] = lambda thing: 0,  # noqa: ARG005
    ) -> Things[Any]:
        """What the host and the plugins bring of one kind, conflicts settled."""
        claims: dict[str, list[Answer]] = {}
        builtins = [Answer(self._host, thing) for thing in self._builtins.get(kind, ())]
        for answer in [*builtins, *self._plugins.ask(f"zoo_{kind}")]:
            name = answer.value.id if kind == "claims" else answer.value.name
            if name.strip() and name.isprintable():
                claims.setdefault(name, []).append(answer)
            else:
                reason = f"zoo_{kind} returned a {noun} whose name is {name!r}"
                self._plugins.mark(answer.plugin, "broken", reason)
        accepted: dict[str, Answer] = {}
        refused: dict[str, str] = {}
        for name, answers in claims.items():
            winner, refusals = _settle(noun, name, answers, self._plugins.pick)
            for plugin, reason in refusals:
                self._plugins.mark(plugin, "incompatible", reason)
            if winner is None:
                refused[name] = refusals[0][1]
            else:
                accepted[name] = winner
        in_order = sorted(accepted.items(), key=lambda pair: order(pair[1].value))
        return Things(noun, dict(in_order), refused, remedy)


def _settle(
    noun: str, name: str, answers: Sequence[Answer], pick: Mapping[str, str]
) -> tuple[Answer | None, list[tuple[Plugin, str]]]:
    """(whose thing has the name, why each of the others is refused)."""
    first = next((answer for answer in answers if answer.plugin.first_party), None)
    others = [answer for answer in answers if answer is not first]
    if first is not None:
        reason = f"the {noun} {name!r} belongs to {first.plugin.name} of {HOST}; it is refused here"
        return first, [(other.plugin, reason) for other in others]
    if len(answers) == 1:
        return answers[0], []
    picked = canonicalize_name(pick.get(name, ""))
    chosen = [
        answer for answer in answers if canonicalize_name(answer.plugin.distribution) == picked
    ]
    if len(chosen) == 1:
        return chosen[0], []
    return None, [(answer.plugin, _refusal(noun, name, answer, answers)) for answer in answers]


def _refusal(noun: str, name: str, answer: Answer, answers: Iterable[Answer]) -> str:
    """Why a thing is refused whose name is claimed twice."""
    distribution = answer.plugin.distribution
    rivals = [a.plugin for a in answers if a.plugin.distribution != distribution]
    if not rivals:
        return f"the {noun} {name!r} is brought twice by {distribution} itself"
    return conflict(noun, name, answer.plugin, rivals)


def _uncounted(piece: Evidence, plugin: Plugin) -> Evidence:
    """Evidence that is shown and decides nothing."""
    note = f"{piece.why} ({piece.confidence:g} by {plugin.name}, not counted: zoo.toml decides)"
    return Evidence(piece.regime, 0.0, note)
