"""A folder with a zoo.toml over tiny checkpoints and tasks, opened as a command opens it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.evaluating import METRICS, Events, read_tasks
from support.tasks import write_tasks
from zoo.executors import builtins
from zoo.host import Host
from zoo.plan import Wishes
from zoo.running import Options, Outcome, run_family
from zoo.task_code import runs_code
from zoo.trust import trust

SUITE = ("tiny_choice", "tiny_write", "tiny_shots")


@dataclass
class TinyZoo:
    """A zoo in a folder of its own.

    models: lines of zoo.toml's table `models`; benchmarks: lines of its suite, by task.
    """

    root: Path
    models: list[str] = field(default_factory=list)
    benchmarks: dict[str, str] = field(default_factory=dict)
    extra: str = ""

    def model(self, name: str, source: Path, regime: str, **more: str) -> Path:
        """Copies a checkpoint into the zoo and adds it to the family."""
        folder = shutil.copytree(source, self.root / name)
        self.add(f"./{name}", regime, **more)
        return folder

    def add(self, id: str, regime: str, **more: str) -> None:
        """Adds a model to the family. more: further keys, as TOML."""
        pairs = {"id": f'"{id}"', "regime": f'"{regime}"', **more}
        self.models.append("{ " + ", ".join(f"{k} = {v}" for k, v in pairs.items()) + " }")

    def measure(self, task: str, **more: str) -> None:
        """Adds a benchmark to the suite, or says more of one. more: further keys, as TOML."""
        metric, filter = METRICS.get(task, ("acc", "none"))
        pairs = {"task": f'"{task}"', "metric": f'"{metric}"', "filter": f'"{filter}"', **more}
        self.benchmarks[task] = "{ " + ", ".join(f"{k} = {v}" for k, v in pairs.items()) + " }"

    def write(self) -> Path:
        """Writes zoo.toml as it now is."""
        path = self.root / "zoo.toml"
        models = ",\n  ".join(self.models)
        benchmarks = ",\n  ".join(self.benchmarks.values())
        path.write_text(
            f'[families.tiny]\nsuite = "mine"\nmodels = [\n  {models}\n]\n'
            f"[suites.mine]\nbenchmarks = [\n  {benchmarks}\n]\n{self.extra}\n",
            encoding="utf-8",
        )
        return path

    @property
    def tasks(self) -> Path:
        return self.root / "tasks"

    def write_tasks(self, **how: Any) -> None:
        """Writes the tiny tasks, and trusts their Python."""
        write_tasks(self.tasks, **how)
        trust([task for task in read_tasks(self.tasks).values() if runs_code(task)])

    def host(self) -> Host:
        """The zoo, opened anew."""
        return Host(
            config_path=self.write(),
            plugins_enabled=False,
            include_paths=(self.tasks,),
            builtins=builtins(),
        )

    def run(self, **options: Any) -> tuple[Outcome, Events]:
        """A run of the family on its suite."""
        host, events = self.host(), Events()
        (family,) = host.discovery.resolve(())
        wishes = Wishes(**options.pop("wishes", {}))
        outcome = run_family(
            host,
            family,
            host.suite(None, (), family),
            Options(wishes=wishes, device="cpu", **options),
            events,
        )
        return outcome, events

    def command(self, *words: str) -> list[str]:
        """A command line for this zoo."""
        verb = words[0]
        tasks = ["--include-path", str(self.tasks)] if verb == "run" else []
        return [*words, *tasks, "--config", str(self.write()), "--no-plugins"]


def numbers(outcome: Outcome) -> Mapping[tuple[str, ...], Any]:
    """Items and scores of every cell."""
    return {
        (each.spec.model.id, each.spec.benchmark.task, each.spec.protocol): (
            each.items,
            each.scores,
        )
        for each in outcome.results
    }


def make_zoo(
    root: Path, base: Path, chat: Path, adapter: Path, suite: Sequence[str] = SUITE
) -> TinyZoo:
    """A pretrained stage, an adapter over it and an instruction-tuned stage."""
    zoo = TinyZoo(root)
    zoo.write_tasks()
    folder = zoo.model("base", base, "pretrained")
    over = shutil.copytree(adapter, root / "adapter")
    zoo.add(
        "tiny/adapted",
        "fine-tuned",
        base_model='"./base"',
        loader_args=f'{{ pretrained = "{folder}", peft = "{over}" }}',
    )
    zoo.model("chat", chat, "instruction-tuned", base_model='"./base"')
    for task in suite:
        zoo.measure(task)
    return zoo
