"""Plain dicts to frozen dataclasses and back, strictly: what cannot be meant is refused by name.

One converter serves zoo.toml, suite files and the store's JSON. It coerces nothing (a string is
no number), refuses unknown keys, and says which key of which file is wrong.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar

import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from zoo.errors import ConfigError, did_you_mean

T = TypeVar("T")


@lru_cache(maxsize=1)
def converter() -> cattrs.Converter:
    """The one converter: strict scalars, no extra keys, unions of a scalar and a tuple."""
    made = cattrs.Converter(forbid_extra_keys=True)
    for kind in (str, bool, int):
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(float, _number)
    made.register_structure_hook_func(_is_plain_union, _plain_union)
    made.register_structure_hook_func(_is_literal, _one_of)
    made.register_structure_hook_func(lambda kind: typing.get_origin(kind) is tuple, _listed)
    made.register_structure_hook_factory(is_dataclass, _table)
    return made


def read(kind: type[T], table: Any, where: str) -> T:
    """`table` as a `kind`.

    where: file and key the table was found at, the start of the error's sentence.
    Raises ConfigError naming the first key that is wrong.
    """
    try:
        return converter().structure(table, kind)
    except (ClassValidationError, cattrs.BaseValidationError, TypeError, ValueError) as problem:
        path, reason = _first(problem)
        raise ConfigError(
            ": ".join(filter(None, (where, path.removeprefix("."), reason)))
        ) from None


def plain(value: Any) -> Any:
    """A dataclass as plain dicts and lists, ready for JSON."""
    return converter().unstructure(value)


def _table(kind: Any) -> Any:
    structure = make_dict_structure_fn(kind, converter(), _cattrs_forbid_extra_keys=True)

    def from_table(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError(f"{value!r} is {_called(type(value))}, wanted a table")
        return structure(value, kind)

    return from_table


def _exactly(kind: type) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is {_called(type(value))}, wanted {_called(kind)}")
        return value

    return structure


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is {_called(type(value))}, wanted a number")
    return float(value)


def _is_literal(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal


def _one_of(value: Any, kind: Any) -> Any:
    if value not in (known := typing.get_args(kind)):
        raise ValueError(
            f"{value!r} is none of {', '.join(known)}" + did_you_mean(str(value), known)
        )
    return value


def _listed(value: Any, kind: Any) -> tuple[Any, ...]:
    """Homogeneous tuples from lists alone: a string is no list of its letters."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{value!r} is {_called(type(value))}, wanted a list")
    many: Any = types.GenericAlias(list, typing.get_args(kind)[:1])
    return tuple(converter().structure(list(value), many))


def _is_plain_union(kind: Any) -> bool:
    """A union of None, scalars and tuples of them, such as `str | tuple[str, ...] | None`."""
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return False
    return all(
        arm in (str, int, float, bool, type(None)) or typing.get_origin(arm) is tuple
        for arm in typing.get_args(kind)
    )


def _plain_union(value: Any, kind: Any) -> Any:
    arms = typing.get_args(kind)
    if value is None and type(None) in arms:
        return None
    if isinstance(value, Sequence) and not isinstance(value, str):
        for arm in arms:
            if typing.get_origin(arm) is tuple:
                return converter().structure(value, arm)
    scalars = [arm for arm in arms if arm in (str, int, float, bool)]
    for arm in scalars:
        if type(value) is arm or (arm is float and type(value) is int):
            return converter().structure(value, arm)
    raise TypeError(
        f"{value!r} is {_called(type(value))}, wanted " + " or ".join(map(_called, scalars))
    )


def _first(problem: BaseException) -> tuple[str, str]:
    """Where in the table (as '.key[2].key') and why, of the first thing that is wrong."""
    if isinstance(problem, ForbiddenExtraKeysError):
        key = min(problem.extra_fields)
        known = [field.name for field in fields(problem.cl)]
        return f".{key}", "this key is not known" + did_you_mean(key, known)
    inner = getattr(problem, "exceptions", ())
    if not inner:
        if isinstance(problem, KeyError):
            return "", "this key is missing"
        return "", str(problem)
    first = min(inner, key=lambda each: not isinstance(each, ForbiddenExtraKeysError))
    path, reason = _first(first)
    return _step(first) + path, reason


def _step(problem: BaseException) -> str:
    """The key or index that cattrs noted on an error."""
    for note in getattr(problem, "__notes__", ()):
        if (name := getattr(note, "name", None)) is not None:
            return f".{name}"
        if (index := getattr(note, "index", None)) is not None:
            return f"[{index}]" if isinstance(index, int) else f".{index}"
    return ""


def _called(kind: Any) -> str:
    names: Mapping[Any, str] = {
        str: "a string",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        list: "a list",
        dict: "a table",
        type(None): "nothing",
    }
    return names.get(kind, getattr(kind, "__name__", str(kind)))
