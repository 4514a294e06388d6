"""Reads zoo.toml, found upward from the working folder like pyproject.toml.

Without one, the embedded default is used: the embedded family on the suite `core`. Unknown keys
are refused with the nearest known one; every error names file and key.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from zoo.benchmarks import Benchmark, Suite
from zoo.errors import ConfigError
from zoo.models import Evidence, Family, Model
from zoo.redaction import refuse_secrets
from zoo.structuring import key, read, wrong

FILE_NAME = "zoo.toml"

FOLDERS = ("pretrained", "peft", "tokenizer")
"""Arguments of a loader that may be folders."""


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
    """``[zoo]``: where results lie, and what runs them.

    unsafe_code: tasks that may run code that models write.
    sandbox: what such code is run in: namespaces of Linux, without network, secrets or files to
        write; or none, with your rights.
    """

    store: str = "results"
    executor: str = "local"
    loader: str | None = None
    unsafe_code: tuple[str, ...] = ()
    sandbox: Literal["namespaces", "none"] = "namespaces"


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
    licence: str = ""
    parameters: int | None = None
    note: str = ""
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
    unsafe_code: names of tasks that may run code that models write; sandbox: what it is run in.
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
    unsafe_code: tuple[str, ...] = ()
    sandbox: Literal["namespaces", "none"] = "namespaces"

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
    where = str(path) if path else "the embedded zoo"
    file = read(File, _read_toml(path) if path else {}, where)
    root = path.parent if path else start
    for name, change in file.prompting.items():
        _check_prompting(change, f"{where}: prompting{key(name)}")
    for kind in ("families", "prompting", "suites", "leaderboards", "publish"):
        for name in getattr(file, kind):
            _check_name(name, where, f".{kind}{key(name)}")
    return Config(
        path=path,
        store=root / Path(file.zoo.store).expanduser(),
        executor=file.zoo.executor,
        loader=file.zoo.loader,
        plugins=file.plugins,
        families=families_of(file.families, root, where),
        suites={
            name: suite_of(name, table, where, f".suites{key(name)}")
            for name, table in file.suites.items()
        },
        prompting=file.prompting,
        model_prompting=_model_prompting(file.families, where),
        leaderboards=file.leaderboards,
        publish=file.publish,
        unsafe_code=file.zoo.unsafe_code,
        sandbox=file.zoo.sandbox,
    )


def families_of(tables: Mapping[str, FamilyTable], root: Path, where: str) -> dict[str, Family]:
    """Families by name from their tables. root: what folders are relative to; where: the file.

    Raises ConfigError.
    """
    return {name: _family(name, table, root, where) for name, table in tables.items()}


def suite_of(name: str, table: SuiteTable, where: str, at: str = "") -> Suite:
    """A suite from its table: capabilities default to the task's name, no measure stands twice.

    where, at: the file and the path of the table in it, for errors. Raises ConfigError.
    """
    if table.name not in ("", name):
        raise wrong(where, f"{at}.name", f"{table.name!r} is not {name!r}; leave the name out")
    if not table.benchmarks:
        raise wrong(where, f"{at}.benchmarks", "the suite has no benchmarks, name at least one")
    benchmarks = tuple(replace(b, capability=b.capability or b.task) for b in table.benchmarks)
    seen: dict[object, int] = {}
    for number, benchmark in enumerate(benchmarks):
        here = f"{at}.benchmarks[{number}]"
        _check_measure(benchmark, where, here)
        if (first := seen.setdefault(benchmark.key, number)) != number:
            measure = f"{benchmark.task} ({benchmark.metric}, {benchmark.filter})"
            raise wrong(
                where, here, f"asks {measure} with as many shots as benchmarks[{first}]; remove one"
            )
    return Suite(name, benchmarks, table.title)


def _check_measure(benchmark: Benchmark, where: str, at: str) -> None:
    _check_name(benchmark.task, where, f"{at}.task")
    _check_name(benchmark.metric, where, f"{at}.metric")
    if benchmark.chance is not None and not 0 <= benchmark.chance < 1:
        raise wrong(where, f"{at}.chance", f"{benchmark.chance} is not from 0 to below 1")
    if benchmark.num_fewshot is not None and benchmark.num_fewshot < 0:
        raise wrong(where, f"{at}.num_fewshot", f"{benchmark.num_fewshot} is below 0")
    if not 0 < benchmark.weight < math.inf:
        raise wrong(where, f"{at}.weight", f"{benchmark.weight} is not above 0")
    if benchmark.repeats < 1:
        raise wrong(where, f"{at}.repeats", f"{benchmark.repeats} is below 1")


def _check_name(name: str, where: str, at: str) -> None:
    """Names are shown, put into file names and typed: they are one printable line."""
    if not name.strip() or not name.isprintable():
        raise wrong(where, at, f"{name!r} is no name, write one that can be read")


def _check_prompting(change: PromptingChange, where: str) -> None:
    """What is asked is written into results, so that it may hold no secret."""
    refuse_secrets(
        {"system_instruction": change.system_instruction, "gen_kwargs": change.gen_kwargs}, where
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        # editors on Windows may begin a file with a byte order mark, which TOML does not know
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}") from None
    except (ValueError, RecursionError) as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}") from None


def _family(name: str, table: FamilyTable, root: Path, where: str) -> Family:
    at = f".families{key(name)}.models"
    if not table.models:
        raise wrong(where, at, "the family has no models, name at least one")
    seen: dict[str, int] = {}
    for number, model in enumerate(table.models):
        _check_name(model.id, where, f"{at}[{number}].id")
        if (first := seen.setdefault(model.id, number)) != number:
            raise wrong(where, f"{at}[{number}].id", f"{model.id} is models[{first}] already")
        if model.gpus < 0:
            raise wrong(where, f"{at}[{number}].gpus", f"{model.gpus} is below 0")
        refuse_secrets(model.loader_args, f"{where}: {f'{at}[{number}].loader_args'[1:]}")
        refuse_secrets({"id": model.id}, f"{where}: {f'{at}[{number}]'[1:]}")
        _check_prompting(model.prompting, f"{where}: {f'{at}[{number}].prompting'[1:]}")
    models = tuple(_model(name, model, root) for model in table.models)
    _check_lineage(models, where, at)
    return Family(name, models, table.title, table.suite)


def _model(family: str, table: ModelTable, root: Path) -> Model:
    """A model of zoo.toml; folders are meant relative to the file."""
    loader_args = {
        name: _folder(value, root) if name in FOLDERS and isinstance(value, str) else value
        for name, value in table.loader_args.items()
    }
    if (place := _folder(table.id, root)) != table.id:
        loader_args.setdefault("pretrained", place)
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
        licence=table.licence,
        parameters=table.parameters,
        evidence=(Evidence(table.regime, 0.0, table.note),) if table.note else (),
    )


def _folder(name: str, root: Path) -> str:
    """A folder made absolute against the file's own; what is no folder is a Hub id and stays."""
    folder = Path(name).expanduser()
    if name.startswith((".", "/", "~")) or (root / folder).is_dir():
        return str((root / folder).resolve())
    return name


def _model_prompting(families: Mapping[str, FamilyTable], where: str) -> dict[str, PromptingChange]:
    """The models' own tables by id; a model that stands in two families is asked in one way."""
    found: dict[str, PromptingChange] = {}
    for name, family in families.items():
        for number, model in enumerate(family.models):
            if found.setdefault(model.id, model.prompting) != model.prompting:
                raise wrong(
                    where,
                    f".families{key(name)}.models[{number}].prompting",
                    f"{model.id} stands in another family too with another prompting; "
                    "write the same in both",
                )
    return {name: change for name, change in found.items() if change != PromptingChange()}


def _check_lineage(models: tuple[Model, ...], where: str, at: str) -> None:
    """No model may descend from itself, nor from one whose name is only nearly that of another."""
    parents = {model.id: model.parents for model in models}
    alike = {_spelling(name): name for name in parents}
    for number, model in enumerate(models):
        here = f"{at}[{number}].base_model"
        for parent in model.parents:
            meant = alike.get(_spelling(parent), parent)
            if meant != parent:
                raise wrong(where, here, f"there is no {parent!r}; did you mean {meant!r}?")
        above, seen = list(model.parents), set()
        while above:
            ancestor = above.pop()
            if ancestor == model.id:
                raise wrong(where, here, f"{model.id} descends from itself; name another")
            if ancestor not in seen:
                seen.add(ancestor)
                above.extend(parents.get(ancestor, ()))


def _spelling(name: str) -> str:
    """What two ways to write one id or folder share."""
    return name.removeprefix("./").rstrip("/").casefold()
