"""A zoo with the host's own plugins and one other, and one cell asked in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.benchmarks import Benchmark
    from zoo.catalogue import Catalogue
    from zoo.host import Host
    from zoo.plugins import Plugin
    from zoo.registry import Registry
    from zoo.results import Protocol, Result
    from zoo.running import Outcome


@dataclass(frozen=True)
class LonelyZoo:
    """An open zoo with the host's own plugins and one other, whose entry point is `name`."""

    host: Host
    name: str

    @property
    def plugin(self) -> Plugin:
        """The plugin as `zoo plugins` lists it."""
        return next(each for each in self.host.plugins if each.name == self.name)

    @property
    def registry(self) -> Registry:
        """What there is of each kind: registry.regimes, .loaders, .probes ..."""
        return self.host.registry

    @property
    def catalogue(self) -> Catalogue:
        """Suites and tasks, and what could not be used."""
        return self.host.catalogue

    @property
    def problems(self) -> list[str]:
        """What plugins did wrong so far, one sentence each."""
        return self.registry.problems

    def run(
        self,
        benchmark: Benchmark,
        *,
        regime: str = "pretrained",
        protocol: Protocol = "uniform",
        model: Path | str = "echo",
        limit: int | None = None,
        **options: Any,
    ) -> Outcome:
        """A run of one cell, as `zoo run` runs it.

        model: "echo" is the model without weights; else a checkpoint folder. options: those of
        `zoo.running.Options`, `executor="NAME"` and `fresh=True` among them.
        """
        from zoo.benchmarks import Suite
        from zoo.models import Family, Model
        from zoo.plan import Wishes
        from zoo.running import Options, run_family

        loader = "echo" if model == "echo" else None
        asked = Model(str(model), regime=regime, loader=loader)
        return run_family(
            self.host,
            Family("test", (asked,), suite="test"),
            Suite("test", (benchmark,)),
            Options(wishes=Wishes(protocols=(protocol,), limit=limit), device="cpu", **options),
        )

    def score(self, benchmark: Benchmark, **asked: Any) -> Result:
        """The cell that `run` makes of the same arguments."""
        (result,) = self.run(benchmark, **asked).results
        return result


def lonely_zoo(name: str, folder: Path) -> LonelyZoo:
    """The zoo in which only this entry point is let in beside the host's own.

    folder: of its zoo.toml and its results.
    """
    from zoo.api import open_zoo
    from zoo.plugins import find_plugins

    own = [plugin.name for plugin in find_plugins(enabled=False) if plugin.first_party]
    config = folder / "zoo.toml"
    store, only = json.dumps((folder / "results").as_posix()), json.dumps([*own, name])
    config.write_text(
        f"[zoo]\nstore = {store}\n[plugins]\nonly = {only}\n",
        encoding="utf-8",
    )
    return LonelyZoo(open_zoo(config), name)
