"""Published scores of known stages, and how a run's own compare with them.

A score is reproduced where |ours - published| <= 1.96 sqrt(SE^2 + SE^2) + 3 points: sampling on
both sides, as if the published score rested on as many items as ours, and 3 points for details of
protocol that no table tells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from zoo.contrasts import StageScore, Tradeoff
from zoo.reporting import figures

PROTOCOL_ROOM = 0.03
"""What an unknown detail of protocol may change, as a fraction."""


@dataclass(frozen=True)
class Held:
    """One score of a run beside a published one; fractions.

    differences: what is known to differ in how the two were asked, one phrase each.
    """

    model: str
    benchmark: str
    score: StageScore
    published: float
    tolerance: float
    where: str
    differences: tuple[str, ...]

    @property
    def difference(self) -> float:
        """Ours minus published."""
        assert figures.known(self.score.value)
        return self.score.value - self.published

    @property
    def reproduced(self) -> bool:
        """Whether the two are within the tolerance."""
        return abs(self.difference) <= self.tolerance


def held_against_published(tradeoff: Tradeoff) -> list[Held]:
    """Every score of the run that was published for the same model and benchmark."""
    data = _data()
    names = {task: name for name, tasks in data["benchmarks"].items() for task in tasks}
    published: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in data["scores"]:
        published.setdefault((row["model"].lower(), row["benchmark"]), []).append(row)
    held = []
    for stage in tradeoff.stages:
        for score in stage.scores:
            name = names.get(score.benchmark, "")
            for row in published.get((stage.model.lower(), name), []):
                if figures.known(score.value) and figures.known(score.stderr):
                    source = data["sources"][row["source"]]
                    held.append(
                        Held(
                            stage.model,
                            name,
                            score,
                            row["value"] / 100,
                            1.96 * math.sqrt(2 * score.stderr**2) + PROTOCOL_ROOM,
                            source["where"],
                            _differences(score, row, source["regime"]),
                        )
                    )
    return held


def _differences(score: StageScore, row: Mapping[str, Any], regime: str) -> tuple[str, ...]:
    found = []
    if row["shots"] is None:
        found.append("the published number of shots is not known")
    elif row["shots"] != score.num_fewshot:
        found.append(f"published with {row['shots']} shots, run with {score.num_fewshot}")
    if row["how"]:
        found.append(f"published: {row['how']}; run: {score.metric}, {score.filter}")
    if regime == "post-trained" and score.protocol == "uniform":
        found.append("published under the stage's own template, run by plain completion")
    return tuple(found)


@cache
def _data() -> Mapping[str, Any]:
    text = files("zoo.reporting").joinpath("published.json").read_text("utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data
