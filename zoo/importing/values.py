"""What stands in other people's JSON: taken where it is what it should be, else as if not there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from zoo.redaction import struck_out

SEED = 1234
"""lm-eval's own seed of few-shot examples, where a file does not say."""


LARGEST = 2**53
"""Whole numbers up to here are what they are in every program."""


def number(value: Any) -> float | None:
    """A finite number, else None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def count(value: Any) -> int | None:
    """A whole number that is not negative and that a database can hold, else None."""
    return value if type(value) is int and 0 <= value <= LARGEST else None


def whole(spelled: str) -> int | None:
    """The count that a text spells, else None."""
    return (
        count(int(spelled))
        if spelled.isascii() and spelled.isdecimal() and len(spelled) < 20
        else None
    )


def table(value: Any) -> dict[str, Any]:
    """A table, else an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """The tables of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A scalar as text, "" for what is none."""
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def texts(value: Any) -> tuple[str, ...]:
    """A text, or the texts of a list."""
    found = value if isinstance(value, list) else [value]
    return tuple(each for each in found if isinstance(each, str) and each)


def is_plain(value: Any) -> bool:
    """Whether it is a text, a truth or a finite number, or a list of such."""
    if isinstance(value, list):
        return all(map(is_plain, value))
    return isinstance(value, (str, bool)) or number(value) is not None


def arguments(value: Any) -> dict[str, Any]:
    """A model's arguments: a table, or K=V,... as command lines have it."""
    if isinstance(value, str):
        pairs = (each.partition("=") for each in value.split(","))
        return {name.strip(): given for name, equals, given in pairs if equals}
    return table(value)


def spelled(given: Mapping[str, Any]) -> str:
    """Arguments as K=V,... without secrets."""
    return ",".join(f"{name}={value}" for name, value in struck_out(given).items())


def dtype(value: Any) -> str:
    """ "float32" of "torch.float32"; "" where it is not said."""
    return text(value).strip("'\"").removeprefix("torch.")


def moment(value: Any) -> str:
    """A date in ISO's form, of seconds since 1970, as number or text, or of a date; else ""."""
    try:
        if (seconds := number(value)) is None and isinstance(value, str):
            try:
                seconds = float(value)
            except ValueError:
                found = datetime.fromisoformat(value.strip())
                found = found if found.tzinfo else found.replace(tzinfo=UTC)
                return found.astimezone(UTC).isoformat(timespec="seconds")
        if seconds is None:
            return ""
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""


def said(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The pairs that have a text."""
    return {name: given for name, given in pairs if given}
