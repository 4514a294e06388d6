"""Ways of training and what to call them: the points of the frontier, in an order to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zoo.contrasts import FrontierPoint, Tradeoff
from zoo.reporting.figures import known
from zoo.reporting.lineage import short_names
from zoo.reporting.text import clean, shorten
from zoo.results import Protocol

FEWEST = 3
"""Ways of training from which on there is something to compare."""

MANY = 12
"""Models of such ways from which on they have no rows of their own beside."""

BY_MODEL = (
    "stages edges tradeoffs decomposition root_edges root_tradeoffs siblings retention transfer "
    "splits chains exchange joint flags parsing churn training methods series probes".split()
)
"""Fields of a trade-off whose rows are of models."""

RATE = "learning_rate"
NAME_WIDTH = 60


@dataclass(frozen=True)
class Way:
    """A point with its names.

    method: its recipe, with where it starts and other settings where these differ. rate: learning
    rate, None where it has none. about: learning rate, examples and step, as far as they differ.
    """

    point: FrontierPoint
    method: str
    rate: float | None
    about: str

    @property
    def name(self) -> str:
        """All of it."""
        return f"{self.method}, {self.about}" if self.about else self.method

    @property
    def on_front(self) -> bool:
        """Whether it is more likely than not on the front."""
        return known(self.point.front) and self.point.front >= 0.5


@dataclass(frozen=True)
class Plane:
    """Ways of training for one set of targets, from one root, asked under one protocol."""

    root: str
    targets: tuple[str, ...]
    protocol: Protocol
    ways: tuple[Way, ...]


def planes(tradeoff: Tradeoff) -> list[Plane]:
    """Those with enough ways of training, each in the order of method, rate, examples and step."""
    found: dict[tuple[str, tuple[str, ...], Protocol], list[FrontierPoint]] = {}
    for point in tradeoff.frontier:
        found.setdefault((point.root, point.targets, point.protocol), []).append(point)
    names = short_names(
        dict.fromkeys(
            [s.model for s in tradeoff.stages] + [p.base for p in tradeoff.frontier]
            + [p.root for p in tradeoff.frontier]
        )
    )  # fmt: skip
    return [
        Plane(names[root], targets, protocol, tuple(_named(points, names)))
        for (root, targets, protocol), points in found.items()
        if sum(point.seeds > 0 for point in points) >= FEWEST
    ]


def condensed(tradeoff: Tradeoff) -> Tradeoff:
    """The trade-off without the stages of its ways of training, where these are many: they stand
    among the ways, and no table has room for them one by one."""
    trained = {
        model
        for plane in planes(tradeoff)
        for way in plane.ways
        if way.point.seeds
        for model in way.point.models
    }
    if len(trained) <= MANY:
        return tradeoff
    rows: dict[str, Any] = {
        name: tuple(row for row in getattr(tradeoff, name) if not _names(row) & trained)
        for name in BY_MODEL
    }
    return replace(tradeoff, **rows)


def _names(row: Any) -> set[str]:
    """The models that a row is of."""
    if isinstance(row, Mapping):
        return {str(row.get("model")), str(row.get("base"))}
    named = {getattr(row, name, "") for name in ("model", "base", "other")}
    return named | set(getattr(row, "models", ()))


def methods(ways: Iterable[Way]) -> dict[str, list[Way]]:
    """Ways by method, those that are trained."""
    found: dict[str, list[Way]] = {}
    for way in ways:
        if way.point.seeds:
            found.setdefault(way.method, []).append(way)
    return found


def _named(points: Sequence[FrontierPoint], names: Mapping[str, str]) -> list[Way]:
    ways = [_way(p, [q for q in points if q.recipe == p.recipe], names) for p in points]
    order = {way.method: place for place, way in reversed(list(enumerate(ways)))}
    return sorted(
        ways,
        key=lambda way: (
            order[way.method],
            way.rate or 0.0,
            -(way.point.examples or 0),
            way.point.step or 0,
        ),
    )


def _way(point: FrontierPoint, alike: Sequence[FrontierPoint], names: Mapping[str, str]) -> Way:
    """alike: points of the same recipe, this one among them."""

    def differs(values: Iterable[Any]) -> bool:
        return len({repr(value) for value in values}) > 1

    method = clean(point.recipe) or "(no name)"
    if point.base != point.root:
        method += f" from {names[point.base]}"
    settings = dict.fromkeys(name for each in alike for name in each.settings)
    for name in settings:
        # other amounts of one source are other rows, and named by their number
        near = [p for p in alike if name != "data" or p.examples == point.examples]
        if name != RATE and differs(each.settings.get(name) for each in near):
            method += f", {clean(name)} {clean(point.settings.get(name))}"
    rate = point.settings.get(RATE)
    rate = float(rate) if isinstance(rate, int | float) and not isinstance(rate, bool) else None
    about = []
    if rate is not None and differs(each.settings.get(RATE) for each in alike):
        about.append(f"rate {rate:g}")
    if differs(each.examples for each in alike):
        about.append("1 row" if point.examples == 1 else f"{point.examples} rows")
    if differs(each.step for each in alike):
        about.append(f"step {point.step}")
    return Way(point, shorten(method, NAME_WIDTH), rate, ", ".join(about))
