"""Tiny real checkpoints and tasks, and a plugin whose models fall."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.evaluating import Events
from support.fixtures import adapter, base, chat, own_caches, task_folder, tiny_zoo
from support.tasks import write_tasks
from support.zoos import TinyZoo

from zoo.evaluation.evaluator import OnEvent
from zoo.plan import Wishes
from zoo.running import Options, Outcome, run_family

__all__ = ["adapter", "base", "chat", "own_caches", "task_folder", "tiny_zoo"]


@dataclass
class Clumsy:
    """A zoo whose models are the plugin's, in a folder where each fall is written down."""

    zoo: TinyZoo
    folder: Path

    def falls(self, way: str, model: str, text: str, times: int) -> None:
        """Makes a model fall at requests that hold a text."""
        with (self.folder / way).open("a") as file:
            file.write(f"{model}|{text}|{times}\n")

    def left(self, way: str) -> int:
        """How often models will still fall in this way."""
        lines = (self.folder / way).read_text().splitlines()
        return sum(int(line.rpartition("|")[2]) for line in lines)

    @property
    def log(self) -> list[Mapping[str, Any]]:
        """What the plugin wrote down, in order."""
        lines = (self.folder / "log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def run(
        self,
        executor: str = "local",
        device: str = "cpu",
        also: OnEvent = lambda *_: None,
        **arguments: Any,
    ) -> tuple[Outcome, Events]:
        """A run, every model asked by plain completion. also: a second listener."""
        host, events = replace(self.zoo.host(), plugins_enabled=True), Events()
        (family,) = host.discovery.resolve(())
        options = Options(
            wishes=Wishes(protocols=("uniform",)),
            device=device,
            loader="clumsy",
            executor=executor,
            executor_args=arguments,
        )

        def listen(name: str, facts: Mapping[str, Any]) -> None:
            events(name, facts)
            also(name, facts)

        outcome = run_family(host, family, host.suite(None, (), family), options, listen)
        return outcome, events


@pytest.fixture
def clumsy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clumsy:
    """The plugin, installed as pip would leave it, and a zoo without models."""
    site, folder, root = (tmp_path / name for name in ("site", "clumsy", "zoo"))
    info = site / "zoo_clumsy-1.0.dist-info"
    for each in (info, folder, root):
        each.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-clumsy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nclumsy = zoo_clumsy\n")
    shutil.copy(Path(__file__).with_name("zoo_clumsy.py"), site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("CLUMSY", str(folder))
    zoo = TinyZoo(root)
    write_tasks(zoo.tasks)
    for task in ("tiny_choice", "tiny_write", "tiny_shots"):
        zoo.measure(task)
    return Clumsy(zoo, folder)
