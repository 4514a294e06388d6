"""What a bundle of results says of each checkpoint, as metrics at a training step. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from zoo.errors import ConfigError, PublishError
from zoo.fingerprints import digest
from zoo.plan import DEFAULT_SEED
from zoo.publishing import Bundle

PARTS = {"general": "G", "special": "S", "other_special": "other_special"}
"""Composites of a report, and what they are called in a tracker."""

LIMITS = ("low", "high")


@dataclass(frozen=True)
class Point:
    """Metrics of one checkpoint. step: of its training; None where it says none."""

    model: str
    step: int | None
    metrics: Mapping[str, float] = field(repr=False)

    @property
    def mark(self) -> str:
        """What tells it from every other point: the same measurement has the same."""
        return digest([self.model, self.step, dict(self.metrics)])


def points_of(bundle: Bundle, models: Sequence[str] | None = None) -> list[Point]:
    """The points of a bundle's runs, by step, those without one first.

    models: patterns of names; None for all. The names of metrics begin with `zoo/` and the suite,
    with the limit, seed and shots of a run that was told others than usual, so that measurements
    of different items share no curve; those of a model without a step bear its name too, since they
    all stand in one summary.
    Raises PublishError where the bundle is of no results, and ConfigError where no model is left,
    or several with the same step are.
    """
    runs = [json.loads(data) for path, data in bundle.files.items() if _is_run(path)]
    if not runs:
        raise PublishError(
            f"a tracker takes results, and {bundle.title!r} has none; publish without --space, --pr"
        )
    found = [point for run in runs for point in _points(run)]
    chosen = [each for each in found if models is None or _named(each.model, models)]
    if not chosen:
        known = ", ".join(dict.fromkeys(each.model for each in found))
        raise ConfigError(f"models = {list(models or ())} names none of what was run: {known}")
    _check_steps(chosen)
    return sorted(chosen, key=lambda point: -1 if point.step is None else point.step)


def _is_run(path: str) -> bool:
    return path.startswith("runs/") and path.endswith(".json")


def _named(model: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def _check_steps(points: Iterable[Point]) -> None:
    """Raises ConfigError where two models stand at one step: they are of two trainings."""
    at: dict[int, str] = {}
    for point in points:
        if point.step is not None and at.setdefault(point.step, point.model) != point.model:
            raise ConfigError(
                f"{at[point.step]} and {point.model} are both of step {point.step}, so that they "
                "are of two trainings; say which belong to the run, as models of the options of "
                "[publish] in zoo.toml"
            )


def _points(run: Mapping[str, Any]) -> Iterator[Point]:
    """A point for each model of a run, zoo.run/1."""
    steps = {cell["spec"]["model"]["id"]: cell["spec"]["model"]["step"] for cell in run["cells"]}
    tradeoff, suite = run["tradeoff"], _measured_by(run["run"])
    for stage in tradeoff["stages"]:
        model = stage["model"]
        step = steps.get(model)
        head = f"zoo/{suite}" if step is not None else f"zoo/{suite}/{model}"
        found = dict(_metrics(stage, run["standing"], tradeoff))
        if found:
            yield Point(model, step, {f"{head}/{name}": value for name, value in found.items()})


def _measured_by(run: Mapping[str, Any]) -> str:
    """The suite, and what of its items and prompts the run was told to change."""
    told = run["settings"]
    parts = [run["suite"].get("name", "")]
    if told.get("limit") is not None:
        parts.append(f"first-{told['limit']}")
    if told.get("seed") not in (None, DEFAULT_SEED):
        parts.append(f"seed-{told['seed']}")
    if told.get("num_fewshot") is not None:
        parts.append(f"{told['num_fewshot']}-shot")
    return "-".join(parts)


def _metrics(
    stage: Mapping[str, Any], standing: Mapping[str, Any], tradeoff: Mapping[str, Any]
) -> Iterator[tuple[str, float]]:
    """(name, value) of what is known of a stage; what is not known has no metric."""
    model = stage["model"]
    for part, name in PARTS.items():
        for protocol, estimate in (stage[part] or {}).items():
            yield from _limited(f"{name}/{protocol}", estimate, "value")
    for each in standing["stages"]:
        if (each["model"], each["revision"]) == (model, stage["revision"]):
            for capability in tradeoff["targets"]:
                mean = each["capabilities"].get(capability)
                yield from _limited(f"capability/{capability}/{each['protocol']}", mean, "value")
    for edge in tradeoff["tradeoffs"]:
        if edge["other"] == model and edge["base"] in _parents(stage):
            many = len(_parents(stage)) > 1
            for part, name in PARTS.items():
                against = f"delta_{name}/{edge['protocol']}" + (f"/{edge['base']}" if many else "")
                yield from _limited(against, edge[part], "delta")


def _parents(stage: Mapping[str, Any]) -> tuple[str, ...]:
    base = stage["base_model"]
    return () if base is None else (base,) if isinstance(base, str) else tuple(base)


def _limited(name: str, said: Mapping[str, Any] | None, value: str) -> Iterator[tuple[str, float]]:
    """A number and its limits, as far as they are known."""
    if said is None or said.get(value) is None:
        return
    yield name, float(said[value])
    for limit in LIMITS:
        if said.get(limit) is not None:
            yield f"{name}_{limit}", float(said[limit])
