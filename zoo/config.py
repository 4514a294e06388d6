"""Reads zoo.toml, found upward from the working folder like pyproject.toml.

Without one, the embedded default is used: the embedded family on the suite `core`. Unknown keys
are refused with the nearest known one; every error names file and key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import ConfigError
from zoo.models import Family, Model
from zoo.structuring import read

FILE_NAME = "zoo.toml"


@dataclass(frozen=True)
class PromptingChange:
    """Part of a Prompting, laid over what benchmark and regime say; None leaves it to them."""

    chat_template: str | None = None
    system_instruction: str | None = None
    fewshot_as_multiturn: bool | None = None
    enable_thinking: bool | None = None
    think_end_token: str | None = None
    gen_kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ZooTable:
    """``[zoo]``: where results lie, and what runs them."""

    store: str = "results"
    executor: str = "local"
    loader: str | None = None


@dataclass(frozen=True)
class PluginsTable:
    """``[plugins]``: which plugins may take part, and who wins a name."""

    block: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    pick: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelTable:
    """One entry of ``[families.NAME] models``."""

    id: str
    regime: str = ""
    revision: str | None = None
    base_model: str | tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    loader: str | None = None
    loader_args: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    seed: int | None = None
    gpus: int = 0
    training_datasets: tuple[str, ...] = ()
    prompting: PromptingChange = PromptingChange()


@dataclass(frozen=True)
class FamilyTable:
    """``[families.NAME]``."""

    models: tuple[ModelTable, ...]
    title: str = ""
    suite: str = "core"


@dataclass(frozen=True)
class SuiteTable:
    """``[suites.NAME]``, and the whole of a file ``suites/NAME.toml``."""

    benchmarks: tuple[Benchmark, ...]
    name: str = ""
    title: str = ""


@dataclass(frozen=True)
class LeaderboardTable:
    """``[leaderboards.NAME]``."""

    families: tuple[str, ...] = ("*",)
    suite: str = "core"


@dataclass(frozen=True)
class PublishTable:
    """``[publish.NAME]``."""

    repo: str


@dataclass(frozen=True)
class File:
    """zoo.toml as it stands."""

    zoo: ZooTable = ZooTable()
    plugins: PluginsTable = PluginsTable()
    families: Mapping[str, FamilyTable] = field(default_factory=dict)
    prompting: Mapping[str, PromptingChange] = field(default_factory=dict)
    suites: Mapping[str, SuiteTable] = field(default_factory=dict)
    leaderboards: Mapping[str, LeaderboardTable] = field(default_factory=dict)
    publish: Mapping[str, PublishTable] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """What zoo.toml says, read.

    path: the file, None for the embedded default. store: the folder of results.
    prompting: by regime; model_prompting: by model id.
    """

    path: Path | None
    store: Path
    executor: str
    loader: str | None
    plugins: PluginsTable
    families: Mapping[str, Family]
    suites: Mapping[str, Suite]
    prompting: Mapping[str, PromptingChange]
    model_prompting: Mapping[str, PromptingChange]
    leaderboards: Mapping[str, LeaderboardTable]
    publish: Mapping[str, PublishTable]

    @property
    def source(self) -> str:
        """What to call this configuration in messages."""
        return str(self.path) if self.path else "the embedded zoo (no zoo.toml was found)"


def find_config(start: Path) -> Path | None:
    """The nearest zoo.toml in `start` or above, or None."""
    return next((d / FILE_NAME for d in (start, *start.parents) if (d / FILE_NAME).is_file()), None)


def read_config(path: Path | None = None, *, start: Path | None = None) -> Config:
    """Reads `path`, or the nearest zoo.toml upward of `start` (default: the working folder).

    Raises ConfigError naming file, key and remedy.
    """
    start = (start or Path.cwd()).resolve()
    if path is not None and not path.is_file():
        raise ConfigError(f"there is no configuration file {path}; `zoo init` writes one")
    path = path.resolve() if path else find_config(start)
    table = _read_toml(path) if path else {}
    where = path.name if path else "embedded zoo"
    file = read(File, table, where)
    root = path.parent if path else start
    families = {name: _family(name, each, path, where) for name, each in file.families.items()}
    return Config(
        path=path,
        store=root / file.zoo.store,
        executor=file.zoo.executor,
        loader=file.zoo.loader,
        plugins=file.plugins,
        families=families,
        suites={name: suite_of(name, each, where) for name, each in file.suites.items()},
        prompting=file.prompting,
        model_prompting={
            model.id: model.prompting
            for family in file.families.values()
            for model in family.models
            if model.prompting != PromptingChange()
        },
        leaderboards=file.leaderboards,
        publish=file.publish,
    )


def suite_of(name: str, table: SuiteTable, where: str) -> Suite:
    """A suite from its table: capabilities default to the task's name, no measure stands twice."""
    if not table.benchmarks:
        raise ConfigError(f"{where}: the suite {name!r} has no benchmarks")
    benchmarks = tuple(replace(b, capability=b.capability or b.task) for b in table.benchmarks)
    seen: set[object] = set()
    for benchmark in benchmarks:
        if benchmark.key in seen:
            raise ConfigError(
                f"{where}: the suite {name!r} asks {benchmark.task} ({benchmark.metric}, "
                f"{benchmark.filter}, {benchmark.num_fewshot} shots) twice; remove one"
            )
        seen.add(benchmark.key)
        _check_measure(benchmark, f"{where}: the suite {name!r}")
    return Suite(name, benchmarks, table.title)


def _check_measure(benchmark: Benchmark, where: str) -> None:
    if benchmark.chance is not None and not 0 <= benchmark.chance < 1:
        raise ConfigError(f"{where}: chance of {benchmark.task} is {benchmark.chance}, wanted 0..1")
    if benchmark.num_fewshot is not None and benchmark.num_fewshot < 0:
        raise ConfigError(f"{where}: num_fewshot of {benchmark.task} is below 0")
    if benchmark.repeats < 1:
        raise ConfigError(f"{where}: repeats of {benchmark.task} is below 1")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}") from None


def _family(name: str, table: FamilyTable, path: Path | None, where: str) -> Family:
    known = {model.id for model in table.models}
    if len(known) < len(table.models):
        raise ConfigError(f"{where}: families.{name} names one model id twice")
    models = tuple(_model(name, each, path) for each in table.models)
    _check_lineage(models, f"{where}: families.{name}")
    return Family(name, models, table.title, table.suite)


def _model(family: str, table: ModelTable, path: Path | None) -> Model:
    """A model of zoo.toml; folders are meant relative to the file."""
    loader_args = dict(table.loader_args)
    if path and "pretrained" not in loader_args:
        folder = (path.parent / table.id).resolve()
        if table.id.startswith((".", "/", "~")):
            folder = Path(table.id).expanduser() if table.id.startswith("~") else folder
            loader_args["pretrained"] = str(folder)
    return Model(
        id=table.id,
        revision=table.revision,
        family=family,
        regime=table.regime,
        base_model=table.base_model,
        targets=table.targets,
        loader=table.loader,
        loader_args=loader_args,
        step=table.step,
        seed=table.seed,
        gpus=table.gpus,
        training_datasets=table.training_datasets,
    )


def _check_lineage(models: tuple[Model, ...], where: str) -> None:
    """No model may descend from itself: a lineage has a beginning."""
    parents = {model.id: [p for p in model.parents if p != model.id] for model in models}
    for model in models:
        if model.id in model.parents:
            raise ConfigError(f"{where}: {model.id} is named as its own base_model")
        above, seen = list(parents[model.id]), set()
        while above:
            here = above.pop()
            if here == model.id:
                raise ConfigError(f"{where}: {model.id} descends from itself; mend its base_model")
            if here not in seen:
                seen.add(here)
                above.extend(parents.get(here, ()))
