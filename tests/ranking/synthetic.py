"""An index of many models on many benchmarks, made up and written by the store's own functions.

No model was asked and no item exists: every score is drawn. What a leaderboard reads, cells,
standings, suites and heads of runs, is all there, in the shape in which runs leave it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.benchmarks import Benchmark, Suite
from zoo.fingerprints import digest
from zoo.maintenance import TOLD_APART
from zoo.results import RunRecord
from zoo.store import Store
from zoo.store.index import COLUMNS, RunLines
from zoo.store.runs import RunHead
from zoo.structuring import plain

FAMILY_SIZE = 10
ITEMS = 1000
REGIMES = ("pretrained", "instruction-tuned", "RL-tuned", "fine-tuned")
LICENCES = ("apache-2.0", "mit", "llama3", "")


@dataclass(frozen=True)
class Standing:
    """A made-up stage. cells: its rows of the index."""

    model: str
    place: int
    cells: list[dict[str, Any]]

    @property
    def digest(self) -> str:
        return digest(sorted(cell["score_key"] for cell in self.cells))


def suite_of(benchmarks: int) -> Suite:
    """Three in four benchmarks are general; ten capabilities, or fewer."""
    return Suite(
        "made-up",
        tuple(
            Benchmark(
                f"task{n:03}",
                "acc",
                num_fewshot=0,
                axis="special" if n % 4 == 3 else "general",
                capability=f"skill{n % 16 // 4}" if n % 4 == 3 else f"area{n % 6}",
                chance=0.25,
            )
            for n in range(benchmarks)
        ),
    )


def fill(
    root: Path, models: int, benchmarks: int, protocols: tuple[str, ...] = ("native",)
) -> Store:
    """A store whose index knows all of them; families of ten, each a root with nine descendants."""
    store, suite = Store(root), suite_of(benchmarks)
    asked = [plain(benchmark) for benchmark in suite.benchmarks]
    said = {"suite": digest(asked), "source": ""}
    rng = np.random.default_rng(0)
    easiness = rng.normal(0, 0.1, benchmarks)
    lines, rows = [], []
    for first in range(0, models, FAMILY_SIZE):
        family = f"family-{first // FAMILY_SIZE}"
        numbers = range(first, min(first + FAMILY_SIZE, models))
        stages, edges = [], []
        skill = rng.normal(0.55, 0.08)
        for protocol in protocols:
            made = [stage(rng, family, first, n, skill, easiness, suite, protocol) for n in numbers]
            for each in made:
                rows += each.cells
                body = {
                    "model": each.model,
                    "revision": each.cells[0]["revision"],
                    "protocol": protocol,
                    "cells": each.digest,
                    **means(each.cells, suite),
                }
                stages.append({**body, **said, "body": json.dumps(body)})
            edges += [
                {**edge, **said, "body": json.dumps(edge)}
                for edge in changes(made, suite, protocol)
            ]
        name = f"{first:06}"
        path = store.add_run(RunRecord(name, family, plain(suite), name, {}, ()))
        head = RunHead(path, family, suite.name, tuple(f"org/model-{n}" for n in numbers))
        lines.append(RunLines(head, digest(asked), json.dumps(asked), stages, edges))
    store.index_rows(rows, lines)
    return store


def stage(
    rng: np.random.Generator,
    family: str,
    first: int,
    n: int,
    skill: float,
    easiness: np.ndarray,
    suite: Suite,
    protocol: str,
) -> Standing:
    """A root, or the child of one of its family that came before."""
    parents = [] if n == first else [f"org/model-{first + (n - first - 1) // 2}"]
    facts = {
        "family": family,
        "model": f"org/model-{n}",
        "revision": f"{n:040x}",
        "regime": REGIMES[0] if n == first else REGIMES[1 + n % 3],
        "parents": json.dumps(parents),
        "licence": LICENCES[n % 4],
        "parameters": int(1e9 * (1 + n % 70)),
        "protocol": protocol,
        "seed": 1234,
        "dtype": "bfloat16",
        "loader": "torch",
        "engine": "zoo-torch/1",
        "weights": digest(n),
        "versions": '{"stagezoo": "0.1.0"}',
        "finished": f"2026-01-01T00:00:{n:06}",
        "source": "",
    }
    facts["entry"] = digest([facts.get(name) for name in TOLD_APART])
    truth = np.clip(
        skill + 0.01 * (n - first) + easiness + rng.normal(0, 0.03, easiness.size), 0.26, 0.99
    )
    cells = []
    for benchmark, share in zip(suite.benchmarks, rng.binomial(ITEMS, truth) / ITEMS, strict=True):
        error = float(np.sqrt(share * (1 - share) / ITEMS))
        cells.append(
            {
                **dict.fromkeys(COLUMNS),
                **facts,
                "score_key": digest([n, benchmark.task, protocol]),
                "response_key": "",
                "benchmark": benchmark.task,
                "metric": benchmark.metric,
                "filter": benchmark.filter,
                "num_fewshot": benchmark.num_fewshot,
                "axis": benchmark.axis,
                "capability": benchmark.capability,
                "policy": "open",
                "value": float(share),
                "stderr": error,
                "n": ITEMS,
                "higher_is_better": 1,
                "chance": 0.25,
                "normalised": float((share - 0.25) / 0.75),
                "normalised_stderr": error / 0.75,
            }
        )
    return Standing(facts["model"], n, cells)


def means(cells: list[dict[str, Any]], suite: Suite) -> dict[str, Any]:
    """General, special and capabilities as a run's standing says them."""
    of = {
        name: _mean([cell for cell in cells if cell["capability"] == name])
        for name in dict.fromkeys(cell["capability"] for cell in cells)
    }

    def axis(wanted: str) -> dict[str, float]:
        own = [of[name] for name in suite.capabilities(wanted)]  # type: ignore[arg-type]
        return _row(
            float(np.mean([each["value"] for each in own])),
            float(np.sqrt(np.sum([each["stderr"] ** 2 for each in own])) / len(own)),
        )

    return {"general": axis("general"), "special": axis("special"), "capabilities": of}


def changes(made: list[Standing], suite: Suite, protocol: str) -> Iterator[dict[str, Any]]:
    """Paired changes: on the same items, with half the variance of unpaired ones."""
    by_model = {each.model: each for each in made}
    for child in made:
        for parent in json.loads(child.cells[0]["parents"]):
            base = by_model[parent]
            ends = means(base.cells, suite), means(child.cells, suite)

            def shift(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
                delta = after["value"] - before["value"]
                error = float(np.hypot(before["stderr"], after["stderr"])) / 2**0.5
                row = _row(delta, error)
                return {
                    "delta": row.pop("value"),
                    **row,
                    "p": float(np.clip(2 * np.exp(-0.8 * abs(delta / error)), 0, 1)),
                }

            yield {
                "base": parent,
                "other": child.model,
                "protocol": protocol,
                "base_cells": base.digest,
                "other_cells": child.digest,
                "general": shift(ends[0]["general"], ends[1]["general"]),
                "special": shift(ends[0]["special"], ends[1]["special"]),
                "capabilities": {
                    name: shift(ends[0]["capabilities"][name], mean)
                    for name, mean in ends[1]["capabilities"].items()
                },
            }


def _mean(cells: list[dict[str, Any]]) -> dict[str, float]:
    value = float(np.mean([cell["normalised"] for cell in cells]))
    errors = [cell["normalised_stderr"] for cell in cells]
    return _row(value, float(np.sqrt(np.sum(np.square(errors)))) / len(cells))


def _row(value: float, stderr: float) -> dict[str, float]:
    return {
        "value": value,
        "stderr": stderr,
        "low": value - 1.96 * stderr,
        "high": value + 1.96 * stderr,
    }
