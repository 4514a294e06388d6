"""Imports files into a store of their own, and looks at what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.zoos import TinyZoo

from zoo.host import Host
from zoo.importing.runs import import_files
from zoo.recall import Recalled, recall_run
from zoo.results import Result, RunRecord
from zoo.tradeoffs import Tradeoff, tradeoff_of


@dataclass(frozen=True)
class Outcome(Recalled):
    """The one run that files of one family make, with what was said of them."""

    problems: tuple[str, ...] = ()

    @property
    def record(self) -> RunRecord:
        return self.records[0]


def opened(zoo: TinyZoo, store: Path) -> Host:
    """The zoo over another store, so that nothing that was measured is in it."""
    host = zoo.host()
    return Host(
        config_path=host.config_path,
        store_path=store,
        plugins_enabled=False,
        include_paths=host.include_paths,
        builtins=host.builtins,
    )


def analysed(host: Host, done: Any) -> Tradeoff:
    return tradeoff_of(host, done.family, done.suite, done.results, (done.record,))


def edges(tradeoff: Tradeoff) -> dict[tuple[str, str], Any]:
    """Every change by benchmark and protocol, with all that is said of it."""
    return {
        (e.benchmark, e.protocol): {
            name: getattr(e, name)
            for name in ("n", "delta", "low", "high", "p", "gained", "lost", "mixed", "mde")
        }
        for e in tradeoff.edges
    }


def place(result: Result) -> tuple[str, str, str]:
    return result.spec.model.id, result.spec.benchmark.task, result.spec.protocol


def item_lines(folder: Path, task: str = "tiny_choice", model: str = "chat") -> Path:
    (found,) = folder.glob(f"*{model}/samples_{task}_*.jsonl")
    return found


def changed(path: Path, change: Callable[[dict[str, Any]], None], line: int = 0) -> None:
    """Changes one line of a file of items."""
    lines = path.read_text("utf-8").splitlines()
    row = json.loads(lines[line])
    change(row)
    lines[line] = json.dumps(row)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def outcome(zoo: TinyZoo, tmp_path: Path, *paths: Path, **options: Any) -> tuple[Host, Outcome]:
    host = opened(zoo, tmp_path / "store")
    done = import_files(host, paths, **options)
    (run,) = done.runs
    found = recall_run(host.store, run.id)
    return host, Outcome(**vars(found) | {"notes": done.notes}, problems=done.problems)


def failures(done: Outcome) -> dict[tuple[str, str], str]:
    return {
        (Path(each.spec.model.id).name, each.spec.benchmark.task): each.error
        for each in done.results
        if each.status == "failed"
    }
