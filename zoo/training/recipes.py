"""Which recipe makes a stage, and what it comes to."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import ConfigError, ZooError
from zoo.hookspecs import Recipe
from zoo.probing import describe
from zoo.registry import Things
from zoo.training.options import check_given, defaults_of, laid_over


@dataclass(frozen=True)
class Chosen:
    """A recipe as it is to be carried out.

    of: the way of training, `name` itself where it is one. options: as they take effect. parent: ""
    where the recipe names none; from_nothing: whether that means that it starts without one.
    """

    name: str
    of: str
    regime: str
    train: Callable[..., None]
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[tuple[str, ...], ...] = ()
    data: Callable[[int], Iterable[Mapping[str, Any]]] | None = None
    parent: str = ""
    from_nothing: bool = False
    targets: tuple[str, ...] = ()
    adapter: bool = False
    plugin: str = ""


def choose(
    recipes: Things[Recipe], family: str, stage: str, wanted: str, told: Mapping[str, Any]
) -> Chosen:
    """The recipe for a stage: the one that is wanted, else the one that is called FAMILY/STAGE.

    told: options, over those of the recipe. Raises ConfigError where there is none, and where it
    cannot be carried out as it is told.
    """
    own = f"{family}/{stage}"
    if not wanted and own not in recipes:
        ways = [name for name in recipes if recipes[name].train is not None and "/" not in name]
        near = difflib.get_close_matches(own, recipes, n=1, cutoff=0.85)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        listed = f": {', '.join(ways)}" if ways else ", as `zoo recipes` lists them"
        raise ConfigError(f"no recipe is called {own}{hint}; name one with --recipe{listed}")
    name = wanted or own
    recipe, way = recipes.get(name), way_of(recipes, name)
    assert way.train is not None
    options = laid_over(defaults_of(way.train), recipe.options, f"the recipe {name}")
    options = laid_over(options, told, f"--set, of the recipe {name}")
    check_given(options, name)
    _check(way, options, name)
    return Chosen(
        name=name,
        of=way.name,
        regime=recipe.regime,
        train=way.train,
        options=options,
        columns=recipe.columns or way.columns,
        data=recipe.data or way.data,
        parent=recipe.parent or way.parent,
        from_nothing=bool(recipe.of) or name == own,
        targets=recipe.targets or way.targets,
        adapter=recipe.adapter or way.adapter,
        plugin=recipes.owner(way.name).distribution,
    )


def _check(way: Recipe, options: Mapping[str, Any], name: str) -> None:
    if way.check is None:
        return
    try:
        way.check(**options)
    except ZooError:
        raise
    except Exception as problem:
        raise ConfigError(
            f"the options of the recipe {name} cannot be checked: {describe(problem)}"
        ) from problem


def way_of(recipes: Things[Recipe], name: str) -> Recipe:
    """The way of training that a recipe makes ready, the recipe itself where it is one.

    Raises ConfigError where it is neither, or names one that is none.
    """
    recipe = recipes.get(name)
    if (recipe.train is None) == (not recipe.of):
        raise ConfigError(
            f"the recipe {name!r} of {recipes.owner(name).name} must have one of `train` and `of`"
        )
    if recipe.train is not None:
        return recipe
    way = recipes.get(recipe.of)
    if way.train is None:
        raise ConfigError(
            f"the recipe {name!r} is of {recipe.of!r}, which is itself of another; it must name a "
            "way of training"
        )
    return way


def in_words(columns: tuple[tuple[str, ...], ...]) -> str:
    """What rows must have.

    >>> in_words((("text",), ("prompt", "completion")))
    'text, or prompt and completion'
    """
    return ", or ".join(" and ".join(form) for form in columns)
