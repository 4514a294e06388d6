"""The shape of a family: parents, roots, siblings, chains, training seeds and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from zoo.models import Model, Regime

Edge = tuple[Model, Model]
Pin = tuple[str, str | None]


def pin(model: Model) -> Pin:
    """What tells the models of a family apart."""
    return model.id, model.revision


def targets_of(model: Model, regimes: Mapping[str, Regime]) -> tuple[str, ...]:
    """What a stage was trained for: its own targets, else its regime's."""
    if model.targets is not None:
        return model.targets
    return regimes[model.regime].targets if model.regime in regimes else ()


def parents_first(models: Sequence[Model], regimes: Mapping[str, Regime]) -> list[Model]:
    """Models in the order of their regimes, but none before a parent of its own; checkpoints of one
    training stand together, in the order of their steps."""
    last = max((regime.order for regime in regimes.values()), default=0) + 1
    training = [n if m.step is None else (_recipe(m), m.seed) for n, m in enumerate(models)]

    def place(number: int) -> tuple[int, int, int]:
        model = models[number]
        order = regimes[model.regime].order if model.regime in regimes else last
        return order, training.index(training[number]), model.step or 0

    waiting = [models[number] for number in sorted(range(len(models)), key=place)]
    ordered: list[Model] = []
    while waiting:
        ids = {model.id for model in waiting}
        ready = [m for m in waiting if not (ids - {m.id}).intersection(m.parents)]
        ordered.append((ready or waiting)[0])
        waiting.remove(ordered[-1])
    return ordered


def edges_of(models: Sequence[Model]) -> list[Edge]:
    """(parent, child) for every parent in the family; a merge has one edge for each parent."""
    by_id = {model.id: model for model in models}
    return [
        (by_id[parent], model)
        for model in models
        for parent in model.parents
        if parent in by_id and parent != model.id
    ]


def chain_to(model: Model, models: Sequence[Model]) -> list[Model]:
    """The line from the root to a model, first parents only; a circle ends it."""
    by_id = {each.id: each for each in models}
    line = [model]
    while parent := next((by_id[name] for name in line[0].parents if name in by_id), None):
        if parent in line:
            break
        line.insert(0, parent)
    return line


def root_pairs(models: Sequence[Model]) -> list[Edge]:
    """(root, stage) for every stage whose root is not its parent."""
    lines = [chain_to(model, models) for model in models]
    return [(line[0], line[-1]) for line in lines if len(line) > 2]


def leaf_chains(models: Sequence[Model]) -> list[list[Model]]:
    """The line to every model that is nobody's parent and has a parent itself."""
    parents = {name for model in models for name in model.parents}
    lines = [chain_to(model, models) for model in models if model.id not in parents]
    return [line for line in lines if len(line) > 1]


def sibling_pairs(models: Sequence[Model]) -> list[Edge]:
    """Stages that have their parents in common, or were made alike from different parents.

    Repetitions of one training (seeds, checkpoints) are no siblings of one another, and of a
    series of checkpoints only the last is one. Made alike: of one regime, for the same targets of
    their own, from the same data sets if any are named.
    """
    by_id = {model.id for model in models}

    def related(one: Model, two: Model) -> bool:
        if one.parents == two.parents:
            return bool(by_id.intersection(one.parents)) and _recipe(one) != _recipe(two)
        made = [(m.regime, m.targets, m.training_datasets, is_adapter(m)) for m in (one, two)]
        apart = one.id not in two.parents and two.id not in one.parents
        return made[0] == made[1] and bool(one.targets) and bool(one.parents) and apart

    earlier = {pin(m) for group in checkpoint_groups(models) for m in group[:-1]}
    final = [model for model in models if pin(model) not in earlier]
    return [(one, two) for one, two in combinations(final, 2) if related(one, two)]


def seed_groups(models: Sequence[Model]) -> list[list[Model]]:
    """Stages that differ in their training seed only: two or more seeds each."""
    groups = _groups(models, lambda m: (_recipe(m), m.step))
    seeded = ([m for m in group if m.seed is not None] for group in groups)
    return [group for group in seeded if len({model.seed for model in group}) > 1]


def checkpoint_groups(models: Sequence[Model]) -> list[list[Model]]:
    """Checkpoints of one training in order of their step: two or more each."""
    groups = _groups([m for m in models if m.step is not None], lambda m: (_recipe(m), m.seed))
    ordered = (sorted(group, key=lambda m: m.step or 0) for group in groups)
    return [group for group in ordered if len({model.step for model in group}) > 1]


def training_groups(models: Sequence[Model]) -> list[list[Model]]:
    """Stages whose making is known, those that differ in their training seed only together."""
    return _groups([m for m in models if m.made and m.parents], lambda m: (_recipe(m), m.step))


def is_adapter(model: Model) -> bool:
    """Whether the model is loaded as an adapter over another."""
    return "peft" in model.loader_args


def _recipe(model: Model) -> object:
    """What repetitions of one training have in common. Without a seed or a step, only itself."""
    made = model.made and (
        model.made.recipe,
        model.made.examples,
        sorted(model.made.settings.items(), key=str),
    )
    own = model.id if model.seed is None and model.step is None else ""
    return (
        model.parents,
        model.regime,
        model.targets,
        model.training_datasets,
        is_adapter(model),
        repr(made),
        own,
    )


def _groups(models: Sequence[Model], key: Callable[[Model], object]) -> list[list[Model]]:
    found: dict[object, list[Model]] = {}
    for model in models:
        found.setdefault(key(model), []).append(model)
    return list(found.values())
