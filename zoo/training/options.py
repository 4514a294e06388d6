"""A recipe's options: keyword-only arguments of its `train`, and how values for them are read."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from zoo.errors import ConfigError, did_you_mean
from zoo.structuring import plain, read

WANTED = inspect.Parameter.empty
"""The default of an option that has none, so that it must be given."""

JOINT = "+"
"""What stands between the parts of a list: a comma ends a value."""


def defaults_of(train: Callable[..., None]) -> dict[str, Any]:
    """Options by name with their defaults; WANTED for one that has none."""
    parameters = inspect.signature(train).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def laid_over(defaults: Mapping[str, Any], told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The defaults with what is told in their place, each read as its default is.

    where: who tells it, the start of an error. Raises ConfigError for an option that is not there,
    and for a value of another type.

    >>> laid_over({"rate": 1e-4, "modules": ()}, {"rate": "1", "modules": "q+v"}, "--set")
    {'rate': 1.0, 'modules': ('q', 'v')}
    """
    for name in told:
        if name not in defaults:
            near = did_you_mean(name, defaults, "see `zoo recipes`") or "; it has none"
            raise ConfigError(f"{where}: the recipe has no option {name!r}{near}")
    found = {name: _read(value, defaults[name], f"{where}: {name}") for name, value in told.items()}
    return {**defaults, **found}


def check_given(options: Mapping[str, Any], recipe: str) -> None:
    """Raises ConfigError where an option without a default was not given."""
    if missing := [name for name, value in options.items() if value is WANTED]:
        raise ConfigError(
            f"the recipe {recipe} must be told its {missing[0]}: --set {missing[0]}=..."
        )


def shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with their defaults as plain JSON values; None for one that must be given."""
    return spelled({name: None if v is WANTED else v for name, v in options.items()})


def spelled(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as plain JSON values, as a manifest has them."""
    found: dict[str, Any] = plain(dict(options))
    return found


def _read(value: Any, default: Any, where: str) -> Any:
    """A value of a type that fits the default; a text is read as that type is written."""
    if isinstance(default, (tuple, list)):
        parts = value.split(JOINT) if isinstance(value, str) else value
        read(tuple[Any, ...], parts, where)
        return type(default)(parts)
    if isinstance(value, str) and not isinstance(default, str):
        value = _spoken(value)
    kind: Any = type(default) if type(default) in (bool, int, float, str) else Any
    found = read(kind, value, where)
    if isinstance(found, float) and not math.isfinite(found):
        raise ConfigError(f"{where}: {value} is no finite number")
    return found


def _spoken(text: str) -> Any:
    """JSON where it is some, Python's spelling of its words too, else the text."""
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except (ValueError, RecursionError):
        return text
