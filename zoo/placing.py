"""Gives loose models their places in a lineage: parents by what they name, else by their order."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.errors import ConfigError
from zoo.models import Model


def lineage(
    models: Sequence[Model], base: str | None = None, known: Mapping[str, Model] | None = None
) -> tuple[Model, ...]:
    """Gives every model but the root a parent among the others.

    A parent named by card or adapter is matched by id or by folder. Where none of the others is
    named, `base` is the parent; without `base`, the nearest model before it. A model that
    descends from the one in question is never its parent.
    known: models of families by id, whose lineage is certain: such a model's parent is its nearest
        ancestor among the others, or none of them.
    """
    known = known or {}
    ids = {model.id for model in models}
    by_folder = {
        _resolved(str(place)): model.id
        for model in models
        if (place := model.loader_args.get("pretrained")) and "peft" not in model.loader_args
    }
    parents: dict[str, tuple[str, ...]] = {}
    for model in models:
        named = [p if p in ids else by_folder.get(_resolved(p), p) for p in model.parents]
        if model.id in known and base is None:
            named = _nearest(model.parents, ids, known)
        inside = any(parent in ids and parent != model.id for parent in named)
        parents[model.id] = tuple(p for p in named if p != model.id) if inside else ()
    placed: list[Model] = []
    for number, model in enumerate(models):
        before = [base] if base is not None else [other.id for other in models[:number]][::-1]
        if model.id in known and base is None:
            before = []
        if not parents[model.id] and model.id != base:
            free = (each for each in before if model.id not in _ancestors(each, parents))
            parents[model.id] = tuple(itertools.islice(free, 1))
        found = parents[model.id]
        one = found[0] if len(found) == 1 else found
        placed.append(replace(model, base_model=one or model.base_model))
    return tuple(placed)


def _nearest(parents: Sequence[str], ids: set[str], known: Mapping[str, Model]) -> list[str]:
    """The nearest ancestors that are among `ids`, through models that are not."""
    found: dict[str, None] = {}
    waiting, seen = list(parents), set[str]()
    while waiting:
        parent = waiting.pop(0)
        if parent in ids or parent not in known:
            found[parent] = None
        elif parent not in seen:
            seen.add(parent)
            waiting.extend(known[parent].parents)
    return list(found)


def _ancestors(name: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """A model and all it descends from."""
    above, waiting = set[str](), [name]
    while waiting:
        here = waiting.pop()
        if here not in above:
            above.add(here)
            waiting.extend(parents.get(here, ()))
    return above


def _resolved(name: str) -> str:
    return str(Path(name).expanduser().resolve())


def parents_first(models: Sequence[Model]) -> tuple[Model, ...]:
    """Models in an order where each stands after its parents, else in the order given.

    Raises ConfigError where there is no such order.
    """
    ids = {model.id for model in models}
    done: dict[str, Model] = {}
    waiting = list(models)
    while waiting:
        ready = [m for m in waiting if all(p in done or p not in ids for p in m.parents)]
        if not ready:
            names = ", ".join(model.id for model in waiting)
            raise ConfigError(
                f"these models descend from each other in a circle: {names}; mend a base_model"
            )
        done[ready[0].id] = ready[0]
        waiting.remove(ready[0])
    return tuple(done.values())
