"""An open zoo: its configuration, plugins, suites and store, each read once and on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.benchmarks import Benchmark, Suite
from zoo.catalogue import Catalogue, read_catalogue
from zoo.config import Config, read_config
from zoo.discovery import Discovery
from zoo.errors import BenchmarkError, ConfigError
from zoo.hookspecs import Executor, Loader
from zoo.loaders import loader_for
from zoo.models import Family, Model
from zoo.plugins import Plugins, find_plugins
from zoo.registry import Registry
from zoo.store import Store
from zoo.suites import misfit

DEFAULT_LOADER = "torch"


@dataclass(frozen=True)
class Host:
    """What a command works with. Nothing is read or imported before it is asked for.

    config_path: None means the nearest zoo.toml. store_path: None means what the file says.
    builtins: what the host brings itself, by kind.
    """

    config_path: Path | None = None
    store_path: Path | None = None
    plugins_enabled: bool = True
    include_paths: tuple[Path, ...] = ()
    builtins: dict[str, Sequence[Any]] = field(default_factory=dict)

    @cached_property
    def config(self) -> Config:
        """zoo.toml, read."""
        return read_config(self.config_path)

    @cached_property
    def plugins(self) -> Plugins:
        """Every plugin that is installed, usable or not."""
        chosen = self.config.plugins
        return find_plugins(
            only=chosen.only,
            block=chosen.block,
            pick=chosen.pick,
            enabled=self.plugins_enabled,
        )

    @cached_property
    def registry(self) -> Registry:
        """What plugins and host bring, by kind and name."""
        return Registry.of(self.plugins, self.builtins)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Suites and tasks."""
        brought = self.registry.benchmark_folders
        picked = self.config.plugins.pick
        return read_catalogue(
            [(path, plugin.name) for path, plugin in brought],
            self.config.suites,
            self.include_paths,
            guests={plugin.name for _, plugin in brought if not plugin.first_party},
            pick={
                name: plugin.name
                for name, distribution in picked.items()
                for _, plugin in brought
                if plugin.distribution == distribution
            },
        )

    @cached_property
    def discovery(self) -> Discovery:
        """Finds families by what people name."""
        return Discovery(self.config, self.registry)

    @cached_property
    def store(self) -> Store:
        """The folder of results; StoreError where it is of another format."""
        store = Store(self.store_path or self.config.store)
        store.check()
        return store

    def suite(self, name: str | None, tasks: Sequence[str], family: Family | None) -> Suite:
        """The suite to run: the one named, the tasks named, or the family's own.

        A task keeps the description (axis, capability, chance, shots) that a suite of zoo.toml, of
        the host or of the plugin that brings the task gives it; what another plugin's suite says
        of it does not count, since installing a plugin changes nothing.
        """
        if name is not None and tasks:
            raise ConfigError("--suite and --tasks cannot both be given; choose one")
        if not tasks:
            return self.catalogue.suite(name or (family.suite if family else "core"))
        chosen: list[Benchmark] = []
        for task in dict.fromkeys(tasks):
            if problem := self.catalogue.broken(task):
                raise ConfigError(f"the task {task!r} cannot be used: {problem}")
            chosen += self._described(task) or self.catalogue.benchmarks_of(task)
        once = {benchmark.key: benchmark for benchmark in chosen}
        return Suite(",".join(dict.fromkeys(tasks)), tuple(once.values()))

    def _described(self, task: str) -> list[Benchmark]:
        """What the first suite that may describe a task, or a group of tasks, says of it."""
        trusted = {"zoo.toml", *(plugin.name for plugin in self.plugins if plugin.first_party)}
        brought = self.catalogue.tasks.get(task)
        for name, suite in self.catalogue.suites.items():
            origin = self.catalogue.origins[name]
            if origin not in trusted and (brought is None or brought.origin != origin):
                continue
            if brought is None:
                suite = self._whole(name)
            found = [each for each in suite.benchmarks if task in (each.task, each.group)]
            fit = [each for each in found if not misfit(each, brought)]
            if fit and fit[0].group == task:
                return fit
            if fit:
                return [replace(fit[0], group="", weight_by_size=None)]
        return []

    def _whole(self, name: str) -> Suite:
        """A suite with the tasks of its groups; as it stands where one of them cannot be used."""
        try:
            return self.catalogue.suite(name)
        except BenchmarkError:
            return self.catalogue.suites[name]

    def loader_of(
        self, model: Model, wanted: str | None = None, config: Mapping[str, Any] | None = None
    ) -> Loader:
        """The loader of a model: its own, the command line's, zoo.toml's, or the default.

        config: the checkpoint's config.json, where it is known; where nobody names a loader and the
        default does not take such a checkpoint, it is the one that does.
        Raises UnknownNameError, and ModelError where the checkpoint is none for the loader.
        """
        name = model.loader or wanted or self.config.loader
        if not config:
            return self.registry.loaders.get(name or DEFAULT_LOADER)
        return loader_for(model.id, config, self.registry.loaders, DEFAULT_LOADER, name)

    def executor(self, wanted: str | None = None) -> Executor:
        """The executor: the command line's, else zoo.toml's."""
        return self.registry.executors.get(wanted or self.config.executor)

    def versions_of_plugins(self) -> dict[str, str]:
        """By name of the plugins that take part: distribution, version, origin. For provenance."""
        return {
            plugin.name: f"{plugin.distribution} {plugin.version}"
            + (f" ({plugin.origin})" if plugin.origin else "")
            for plugin in self.plugins
            if plugin.status == "ok"
        }
