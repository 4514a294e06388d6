"""Trains a cell of the grid and asks its models; what is finished is not done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_nano.frontiers.grid import REINFORCEMENT, TUNING, Cell
from zoo_nano.manifest import WEIGHTS

if TYPE_CHECKING:
    from zoo.host import Host
    from zoo.results import Protocol
    from zoo.running import Outcome

SUITE = "core"
PROTOCOL: dict[str, tuple[Protocol, ...]] = {TUNING: ("uniform",), REINFORCEMENT: ("native",)}
"""A fine-tuned stage is asked alike under both; a reward is for what is said in a chat."""


def train(cell: Cell, out: Path, steps: int | None = None) -> Path:
    """Trains a cell in a folder of `out` on one thread of the CPU, and returns that folder.

    steps: fewer than the grid says, to try it out. Raises ZooError.
    """
    from zoo.training.making import make, prepare
    from zoo.training.order import Wish

    folder = out / "stages" / cell.name
    own = out / "work" / cell.name  # a zoo.toml of its own, since several are trained at once
    host = open_grid(out, own / "zoo.toml")
    ready = prepare(
        host,
        Wish(
            family=cell.family,
            stage=cell.name,
            recipe=f"{cell.family}/{cell.recipe}",
            parent=f"nano/{cell.parent}",
            options=cell.options,
            seed=cell.seed,
            steps=cell.steps if steps is None else steps,
            save_every=cell.save_every,
            out=folder,
            device="cpu",
            threads=1,
            limit=cell.rows,
        ),
    )
    make(host, ready)
    return folder


def entries_of(cell: Cell, out: Path) -> list[dict[str, Any]]:
    """The checkpoints of a cell that are to be measured, as zoo.toml has models, as far as they are
    there."""
    folder = out / "stages" / cell.name
    found = []
    for step in cell.asked:
        place = folder if step == cell.steps else folder / f"checkpoint-{step}"
        adapter = (place / "adapter_config.json").is_file()
        if not adapter and not (place / "config.json").is_file():
            continue
        args = {"pretrained": str(place)}
        if adapter:
            args = {"pretrained": str(WEIGHTS / cell.parent), "peft": str(place)}
        found.append(
            {
                "id": f"nano/{cell.name}-{step}",
                "regime": "RL-tuned" if cell.recipe == "grpo" else "fine-tuned",
                "base_model": f"nano/{cell.parent}",
                "loader_args": args,
            }
        )
    return found


def starts(family: str, out: Path) -> list[dict[str, Any]]:
    """What the trainings of a family start from, and what does without one."""
    if family == REINFORCEMENT:
        return [{"id": "nano/instruct"}]
    return [{"id": "nano/pretrained"}, {"id": "nano/instruct"}, _retrieval(out)]


def measure(name: str, family: str, entries: Sequence[Mapping[str, Any]], out: Path) -> Outcome:
    """Asks models and what they start from; what the store of `out` has is not asked again.

    name: of the zoo.toml that describes them.
    """
    from zoo.plan import Wishes
    from zoo.rewriting import add_models
    from zoo.running import Options, run_family

    config = out / "work" / f"{name}.toml"
    config.unlink(missing_ok=True)
    host = open_grid(out, config)
    add_models(config, family, [*starts(family, out), *entries], family)
    (whole,) = replace(host).discovery.resolve([family])
    options = Options(Wishes(protocols=PROTOCOL[family]), device="cpu")
    return run_family(host, whole, host.suite(SUITE, (), whole), options)


def make_cell(cell: Cell, out: Path, steps: int | None = None) -> str:
    """Trains and measures one cell, in a process of its own; what to tell of it."""
    import torch

    torch.set_num_threads(1)
    folder = train(cell, out, steps)
    outcome = measure(cell.name, cell.family, entries_of(cell, out), out)
    failed = f", {len(outcome.failed)} cells failed" if outcome.failed else ""
    return f"{folder.name}: {len(outcome.results)} cells{failed}"


def open_grid(out: Path, config: Path) -> Host:
    """The zoo of a folder: its own store, and a zoo.toml that names nothing yet."""
    from zoo.api import open_zoo

    if not config.exists():
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("[zoo]\n", encoding="utf-8")
    return open_zoo(config, store=out / "results")


def _retrieval(out: Path) -> dict[str, Any]:
    """The base as it is, with the reports of the training part to look things up in."""
    from zoo_nano.corpus import write_reports

    corpus = out / "reports.jsonl"
    if not corpus.exists():
        write_reports(corpus)
    return {
        "id": "nano/retrieval",
        "regime": "retrieval-augmented",
        "base_model": "nano/pretrained",
        "targets": ["reports"],
        "regime_args": {"corpus": str(corpus), "k": 2, "between": "\n"},
    }
