"""The frontier of learning and forgetting: what ways of training gain and pay, over their seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from zoo.clustered import Floats
from zoo.contrasts import Change, EdgeTradeoff, FrontierPoint
from zoo.effects import SeedEstimate
from zoo.lineages import is_adapter
from zoo.measures.front import non_dominated
from zoo.models import Model
from zoo.resampling import DRAWS, SEED
from zoo.results import Protocol
from zoo.seeds import FEW, item_error, over_seeds

CHUNKS = 16
"""Parts in which draws are compared, since every pair of points takes room in each."""


def frontier(
    groups: Sequence[Sequence[Model]],
    still: Sequence[Model],
    changes: Mapping[str, EdgeTradeoff],
    protocol: Protocol,
) -> tuple[FrontierPoint, ...]:
    """A point for each way of training whose changes are known, and for each stage that was not.

    groups: models that differ in their seed only, all of them with `Model.made`. still: models that
    nothing was trained for. changes: of each model against its root, by id.
    """
    latest: dict[object, int] = {}
    for group in groups:
        way = _way(group[0])
        latest[way] = max(latest.get(way, 0), group[0].step or 0)
    points = []
    for group in groups:
        one_a_seed = {model.seed: model for model in reversed(group)}
        models = [m for m in group if one_a_seed[m.seed] is m and _known(changes.get(m.id))]
        models.sort(key=lambda model: (model.seed is None, model.seed or 0))
        if models:
            last = (group[0].step or 0) == latest[_way(group[0])]
            points.append(_trained(models, [changes[m.id] for m in models], protocol, last))
    points += [_still(m, changes[m.id], protocol) for m in still if _known(changes.get(m.id))]
    return tuple(_with_fronts(points))


def chance_of_front(changes: Sequence[Floats]) -> Floats:
    """(n,) probability that each of n points is dominated by no other and better than the origin.

    changes: (k, 2) of each, S and G of k seeds; the point is their mean. Means are drawn from
    Student's t with k - 1 degrees of freedom and the seeds' own covariance over k; of one seed
    there is no covariance, and the point stands still. The items are taken as they are. A point
    that equals the origin is not on the front: it gained nothing over what was there before.
    """
    rng = np.random.default_rng(SEED)
    drawn = [np.zeros((DRAWS, 2))]
    for each in changes:
        k = len(each)
        mean = np.broadcast_to(each.mean(axis=0), (DRAWS, 2))
        if k > 1:
            # weights with covariance I / (k (k - 1)) give sums with the covariance of the mean
            weights = rng.normal(size=(DRAWS, k)) / np.sqrt(k * (k - 1))
            wider = np.sqrt((k - 1) / rng.chisquare(k - 1, size=(DRAWS, 1)))
            mean = mean + wider * (weights @ (each - each.mean(axis=0)))
        drawn.append(mean)
    points = np.stack(drawn, axis=1)
    found = np.concatenate([non_dominated(part) for part in np.array_split(points, CHUNKS)])
    found &= (points != 0).any(axis=-1)
    return np.asarray(found.mean(axis=0)[1:])


def _with_fronts(points: Sequence[FrontierPoint]) -> Iterator[FrontierPoint]:
    """The points, those that can be compared with the chance that they are on the front."""
    chances: dict[int, float] = {}
    for place in dict.fromkeys((point.root, point.targets) for point in points):
        own = [
            at
            for at, point in enumerate(points)
            if (point.root, point.targets) == place and (point.seeds >= FEW or point.seeds == 0)
        ]
        found = chance_of_front([np.array(points[at].changes) for at in own]) if own else ()
        chances |= dict(zip(own, map(float, found), strict=True))
    for at, point in enumerate(points):
        yield replace(point, front=chances.get(at))


def _trained(
    models: Sequence[Model], edges: Sequence[EdgeTradeoff], protocol: Protocol, last: bool
) -> FrontierPoint:
    first, made = models[0], models[0].made
    assert made is not None
    makings = [model.made for model in models if model.made is not None]
    times = tuple(each.seconds for each in makings if each.seconds is not None)
    times = times if last and len(times) == len(models) else ()
    changes = tuple((float(e.special.delta or 0.0), float(e.general.delta or 0.0)) for e in edges)
    errors = tuple((_error(edge.special), _error(edge.general)) for edge in edges)
    return FrontierPoint(
        root=edges[0].base,
        base=first.parents[0],
        recipe=made.recipe,
        settings=dict(made.settings),
        step=first.step,
        last=last,
        examples=made.examples,
        seconds=fmean(times) if times else None,
        adapter=is_adapter(first),
        protocol=protocol,
        targets=edges[0].targets,
        models=tuple(model.id for model in models),
        seeds=len(models),
        changes=changes,
        special=over_seeds([special for special, _ in changes], [s for s, _ in errors]),
        general=over_seeds([general for _, general in changes], [g for _, g in errors]),
        other_special=_others(edges),
        front=None,
        errors=errors,
        source=made.source,
        rows=tuple(each.data for each in makings),
        times=times,
        machines=tuple(dict.fromkeys(each.machine for each in makings)),
    )


def _still(model: Model, edge: EdgeTradeoff, protocol: Protocol) -> FrontierPoint:
    return FrontierPoint(
        root=edge.base,
        base=model.parents[0],
        recipe=model.regime,
        settings={},
        step=None,
        last=True,
        examples=None,
        seconds=None,
        adapter=False,
        protocol=protocol,
        targets=edge.targets,
        models=(model.id,),
        seeds=0,
        changes=((float(edge.special.delta or 0.0), float(edge.general.delta or 0.0)),),
        special=_over_items(edge.special),
        general=_over_items(edge.general),
        other_special=_over_items(edge.other_special),
        front=None,
        errors=((_error(edge.special), _error(edge.general)),),
    )


def _others(edges: Sequence[EdgeTradeoff]) -> SeedEstimate:
    known = [e.other_special.delta for e in edges if e.other_special.delta is not None]
    if len(known) < len(edges):
        return SeedEstimate(None)
    return over_seeds(known, [_error(edge.other_special) for edge in edges])


def _error(change: Change) -> float | None:
    return item_error(change.delta, change.low, change.high)


def _over_items(change: Change) -> SeedEstimate:
    return SeedEstimate(change.delta, change.low, change.high)


def _known(edge: EdgeTradeoff | None) -> bool:
    return edge is not None and None not in (edge.special.delta, edge.general.delta)


def _way(model: Model) -> object:
    """What checkpoints of one way of training have in common."""
    made = model.made
    assert made is not None
    settings = sorted(made.settings.items(), key=str)
    return model.parents, model.targets, made.recipe, repr(settings), made.examples
