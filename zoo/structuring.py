"""Plain dicts to frozen dataclasses and back, strictly: what cannot be meant is refused by name.

One converter serves zoo.toml, suite files and the store's JSON. It coerces nothing (a string is
no number), refuses unknown keys, and says which key of which file is wrong.
"""

from __future__ import annotations

import json
import math
import re
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import GenericAlias, UnionType
from typing import Any, TypeVar

import cattrs
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from zoo.errors import ConfigError, did_you_mean

T = TypeVar("T")

_SCALARS = (str, bool, int, float)
_LONGEST = 60
"""Characters of a wrong value that an error shows."""


@lru_cache(maxsize=1)
def converter() -> cattrs.Converter:
    """The one converter: strict scalars, no extra keys, unions of a scalar and a tuple."""
    made = cattrs.Converter(forbid_extra_keys=True)
    for kind in (str, bool, int):
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(float, _number)
    made.register_structure_hook_factory(_is_plain_union, _plain_union)
    made.register_structure_hook_factory(_is_literal, _one_of)
    made.register_structure_hook_factory(_is_tuple, _listed)
    made.register_structure_hook_factory(_is_mapping, _mapped)
    made.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: _json(value))
    made.register_structure_hook_factory(is_dataclass, _table)
    return made


def read(kind: type[T], table: Any, where: str) -> T:
    """`table` as a `kind`.

    where: file and key the table was found at, the start of the error's sentence.
    Raises ConfigError naming the first key that is wrong.
    """
    try:
        return converter().structure(table, kind)
    except (cattrs.BaseValidationError, TypeError, ValueError, RecursionError) as problem:
        raise wrong(where, *_first(problem)) from None


def plain(value: Any) -> Any:
    """A dataclass as plain dicts and lists, ready for JSON."""
    return converter().unstructure(value)


def wrong(where: str, path: str, reason: str) -> ConfigError:
    """The error for what stands at a path (".key[2].key") of a file.

    >>> str(wrong("zoo.toml", ".zoo.store", "3 is a whole number, wanted a string"))
    'zoo.toml: zoo.store: 3 is a whole number, wanted a string'
    """
    return ConfigError(": ".join(filter(None, (where, path.removeprefix("."), reason))))


def key(name: str) -> str:
    """A step into a table, as TOML spells it.

    >>> key("core"), key("my suite")
    ('.core', '."my suite"')
    """
    return f".{name}" if re.fullmatch(r"[\w-]+", name) else f".{json.dumps(name)}"


def _table(kind: Any) -> Any:
    structure = make_dict_structure_fn(kind, converter(), _cattrs_forbid_extra_keys=True)

    def from_table(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _misfit(value, "a table")
        return structure(value, kind)

    return from_table


def _exactly(kind: type) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise _misfit(value, _called(kind))
        return value

    return structure


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _misfit(value, "a number")
    return float(value)


def _is_literal(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal


def _one_of(kind: Any) -> Any:
    known = typing.get_args(kind)

    def structure(value: Any, _: Any) -> Any:
        if value not in known:
            raise ValueError(
                f"{_shown(value)} is none of {', '.join(known)}" + did_you_mean(str(value), known)
            )
        return value

    return structure


def _is_tuple(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _listed(kind: Any) -> Any:
    """Tuples from lists alone: a string is no list of its letters."""
    first, *others = typing.get_args(kind)
    size = None if others == [...] else 1 + len(others)
    many: Any = GenericAlias(list, (first,))

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise _misfit(value, "a list")
        if size is not None and len(value) != size:
            raise ValueError(f"{_shown(value)} has {len(value)} entries, wanted {size}")
        return tuple(converter().structure(list(value), many)) if value else ()

    return structure


def _is_mapping(kind: Any) -> bool:
    return typing.get_origin(kind) is Mapping


def _mapped(kind: Any) -> Any:
    _, of = typing.get_args(kind)
    many: Any = GenericAlias(dict, (str, of))

    def structure(value: Any, _: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _misfit(value, "a table")
        found: dict[str, Any] = converter().structure(dict(value), many) if value else {}
        return found

    return structure


def _json(value: Any) -> Any:
    """A value that is handed on as it is; JSON must hold it, since it becomes part of keys."""
    if isinstance(value, Mapping):
        return {str(name): _json(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(each) for each in value]
    if value is None or type(value) in _SCALARS:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} is no finite number")
        return value
    raise _misfit(value, "a string, a number, true or false, a list or a table")


def _is_plain_union(kind: Any) -> bool:
    """A union of None, scalars and tuples of them, such as `str | tuple[str, ...] | None`."""
    if typing.get_origin(kind) not in (typing.Union, UnionType):
        return False
    arms = typing.get_args(kind)
    return all(arm in (*_SCALARS, type(None)) or _is_tuple(arm) for arm in arms)


def _plain_union(kind: Any) -> Any:
    arms = [arm for arm in typing.get_args(kind) if arm is not type(None)]
    optional = type(None) in typing.get_args(kind)
    lists = [arm for arm in arms if _is_tuple(arm)]
    scalars = frozenset(arm for arm in arms if arm not in lists)

    def structure(value: Any, _: Any) -> Any:
        if (value is None and optional) or type(value) in scalars:
            return value
        if float in scalars and type(value) is int:
            return float(value)
        if lists and isinstance(value, (list, tuple)):
            return converter().structure(value, lists[0])
        names = ("a list" if arm in lists else _called(arm) for arm in arms)
        raise _misfit(value, " or ".join(names))

    return structure


def _first(problem: BaseException) -> tuple[str, str]:
    """Where in the table (as '.key[2].key') and why, of the first thing that is wrong."""
    if isinstance(problem, ForbiddenExtraKeysError):
        name = min(problem.extra_fields)
        known = [field.name for field in fields(problem.cl)]
        return key(name), "this key is not known" + did_you_mean(name, known)
    inner = getattr(problem, "exceptions", ())
    if not inner:
        if isinstance(problem, KeyError):
            return "", "this key is missing, add it"
        if isinstance(problem, RecursionError):
            return "", "it is nested too deeply, flatten it"
        return "", str(problem)
    first = min(inner, key=lambda each: not isinstance(each, ForbiddenExtraKeysError))
    path, reason = _first(first)
    return _step(first) + path, reason


def _step(problem: BaseException) -> str:
    """The key or index that cattrs noted on an error."""
    for note in getattr(problem, "__notes__", ()):
        if (name := getattr(note, "name", None)) is not None:
            return key(name)
        if (index := getattr(note, "index", None)) is not None:
            return f"[{index}]" if isinstance(index, int) else key(index)
    return ""


def _misfit(value: Any, wanted: str) -> TypeError:
    return TypeError(f"{_shown(value)} is {_called(type(value))}, wanted {wanted}")


def _shown(value: Any) -> str:
    """A value on one short line."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _called(kind: Any) -> str:
    names: Mapping[Any, str] = {
        str: "a string",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        list: "a list",
        tuple: "a list",
        dict: "a table",
        type(None): "nothing",
    }
    return names.get(kind, f"a {kind.__name__}")
