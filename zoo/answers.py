"""Checks what a plugin answered against the type that its hook documents."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from zoo import benchmarks, hookspecs, models

# Names that zoo's nouns import for the type checker alone. Those unseen only ever stand in the
# signature of a callable, which cannot be checked here, so none of them needs to be loaded.
_UNSEEN = ("Known", "Result", "RunSpec", "Tradeoff")
_NAMES = {**vars(models), **vars(benchmarks), **dict.fromkeys(_UNSEEN, Any)}


@cache
def item_type(hook: str) -> type:
    """The type of the items in a hook's list.

    >>> item_type("zoo_regimes").__name__
    'Regime'
    """
    (item,) = get_args(get_type_hints(getattr(hookspecs, hook), localns=_NAMES)["return"])
    return item


def misfit(hook: str, answer: object) -> str:
    """What is wrong with a hook's answer, or ''. None is an empty answer.

    >>> misfit("zoo_regimes", ["pretrained"])
    'returned a list with a str in it, not a list of Regime'
    """
    wanted = item_type(hook)
    if answer is None:
        return ""
    if not isinstance(answer, (list, tuple)):
        return f"returned {_a(answer)}, not a list of {wanted.__name__}"
    for item in answer:
        if not isinstance(item, wanted):
            return f"returned a list with {_a(item)} in it, not a list of {wanted.__name__}"
        for field, hint in _fields(wanted).items():
            value = getattr(item, field)
            if not _fits(value, hint):
                stated = wanted.__annotations__[field]
                return f"returned a {wanted.__name__} whose {field} is {_a(value)}, not {stated}"
    return ""


@cache
def _fields(cls: Any) -> dict[str, Any]:
    """Names and types of a dataclass's fields; none for any other type."""
    return get_type_hints(cls, localns=_NAMES) if dataclasses.is_dataclass(cls) else {}


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type, as far as can be seen without calling it."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return value in get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if origin is collections.abc.Callable or getattr(hint, "_is_protocol", False):
        return callable(value)
    if hint is float:
        return isinstance(value, (int, float))
    if not isinstance(value, origin or hint):
        return False
    cls: Any = type(value)
    return all(_fits(getattr(value, field), of) for field, of in _fields(cls).items())


def _a(value: object) -> str:
    """A value's type with its article."""
    name = type(value).__name__
    if value is None:
        return "None"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
