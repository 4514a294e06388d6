"""Published scores of known stages, and how a run's own compare with them.

A score is reproduced where |ours - published| <= 1.96 sqrt(SE^2 + SE^2) + 3 points: sampling on
both sides, as if the published score rested on as many items as ours, and 3 points for details of
protocol that no table tells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from zoo.contrasts import Stage, StageScore, Tradeoff
from zoo.reporting import figures
from zoo.results import Protocol

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
    """Every score of the run that was published for the same model and benchmark or group."""
    data = _data()
    names = {task: name for name, tasks in data["benchmarks"].items() for task in tasks}
    published: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in data["scores"]:
        published.setdefault((row["model"].lower(), row["benchmark"]), []).append(row)
    held = []
    for stage in tradeoff.stages:
        for score in (*stage.scores, *_groups(stage)):
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


def _groups(stage: Stage) -> Iterator[StageScore]:
    """A stage's score on each group that it has scored whole, as lm-eval has it; the standard error
    takes the group's tasks for independent."""
    found: dict[tuple[str, Protocol, str, str, int | None], list[StageScore]] = {}
    for each in stage.scores:
        if each.group:
            key = (each.group, each.protocol, each.metric, each.filter, each.num_fewshot)
            found.setdefault(key, []).append(each)
    for (group, *_), scores in found.items():
        whole = sum(each.share for each in scores)
        known = [(e.value, e.stderr, e.share / (whole or 1)) for e in scores]
        if not any(value is None or stderr is None for value, stderr, _ in known):
            yield replace(
                scores[0],
                benchmark=group,
                n=sum(each.n for each in scores),
                value=sum((value or 0.0) * share for value, _, share in known),
                stderr=math.hypot(*((stderr or 0.0) * share for _, stderr, share in known)),
            )


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
