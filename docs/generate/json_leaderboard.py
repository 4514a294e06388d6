"""The reference of a leaderboard's JSON, from its schema."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from generate.docstrings import table
from zoo.reporting.leaderboard import schema

_HEAD = """\
# The JSON of a leaderboard

This page is generated from `zoo/reporting/leaderboard/leaderboard.schema.json` by
`python docs/generate`.

`zoo leaderboard --format json`, and in Python `zoo.leaderboard(...).to_dict()`, give one object.
{about}

`zoo.reporting.leaderboard.schema()` returns the JSON Schema, which every leaderboard satisfies.
What the numbers mean is said in [What is measured, and how](../measures.md). A field is never left
out. A later version gets another name in `schema`; check it first.
"""


def render_leaderboard_json() -> str:
    """The reference as markdown, a section for each object."""
    whole = schema()
    about = "\n".join(textwrap.wrap(whole["description"], 100))
    parts = [_HEAD.format(about=about), _fields(whole)]
    for name, kind in whole["$defs"].items():
        parts.append(f"## {name}\n\n{kind['description']}\n\n{_fields(kind)}")
    return "\n".join(parts)


def _fields(kind: Mapping[str, Any]) -> str:
    rows = [
        (f"`{name}`", _type(shape), shape["description"])
        for name, shape in kind["properties"].items()
    ]
    return table(("field", "type", "meaning"), rows) + "\n"


def _type(shape: Mapping[str, Any]) -> str:
    """A shape of the schema in words."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return " or ".join(f"`{each}`" for each in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(_type(each) for each in shape["anyOf"])
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    return " or ".join(_named(each, shape) for each in kinds)


def _named(kind: str, shape: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"list of {_type(shape['items'])}"
    if kind == "object":
        return f"{_type(shape['additionalProperties'])} by {shape['x-by']}"
    return {"integer": "whole number"}.get(kind, kind)
