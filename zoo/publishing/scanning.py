"""The last look at what goes out. Whatever could be a secret in it, nothing is sent."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from zoo.errors import PublishError
from zoo.publishing.bundle import Bundle
from zoo.redaction import secrets_in

_ELSE = {
    "an Authorization header": re.compile(r"authorization['\"]?\s*[:=]\s*['\"]?\s*\w", re.I),
    "the home of a user": re.compile(
        r"(?<![\w.~-])/(?:home|Users)/[\w.-]+|(?<![\w.~-])/root/[\w.]|[A-Za-z]:\\+Users\\+\w"
    ),
}


def refuse_leaks(bundle: Bundle, secrets: Sequence[str] = ()) -> None:
    """Raises PublishError where a file, or the name of one, holds what looks like a secret.

    secrets: values that are known to be some, as the token is. JSON and parquet are looked at text
    by text, so that no escape hides one.
    """
    for path, data in bundle.files.items():
        if found := _leaks("\n".join((path, *_texts(path, data))), secrets):
            raise PublishError(
                f"nothing was sent: {path} for {bundle.target} holds {found[0]}; take it out "
                "where it comes from, or leave out what holds it (--samples, a run)"
            )


def _leaks(text: str, secrets: Sequence[str]) -> list[str]:
    known = ["the token itself" for secret in secrets if secret and secret in text]
    return [*known, *secrets_in(text), *(n for n, shape in _ELSE.items() if shape.search(text))]


def _texts(path: str, data: bytes) -> Iterator[str]:
    if path.endswith(".json"):
        yield from _strings(json.loads(data))
    elif path.endswith(".parquet"):
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(data))
        yield from _strings(table.schema.names)
        for column in table.columns:
            yield from _strings(_values(column))
    else:
        yield data.decode("utf-8", "replace")


def _values(column: Any) -> list[Any]:
    """The values of a column, or of the lists in it, each once."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    flat = pc.list_flatten(column) if types.is_list(column.type) else column
    found: list[Any] = flat.unique().to_pylist()
    return found


def _strings(value: Any) -> Iterator[str]:
    """Every text inside a value of JSON, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
