"""What comes of a spec: the stored cell as its result, or the reason that it has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import NotApplicableError, ZooError
from zoo.probing import describe
from zoo.results import Item, Provenance, Result, RunSpec, Score
from zoo.store import Stored
from zoo.structuring import read


def result_of(spec: RunSpec, found: Stored, *, reused: bool = False) -> Result:
    """A stored cell as the result of a spec. The chance is the spec's to say, not the store's."""
    columns, summary = found
    # a cell of an earlier version lacks what was added since
    later = {"answer": "", "sources": "", "thinking_tokens": None, "thinking_cut": None}
    added = {name: [value] * len(columns["item_id"]) for name, value in later.items()}
    columns = {**added, **columns}
    names = tuple(Item.__dataclass_fields__)
    if (chance := spec.benchmark.chance) is not None:
        columns = {**columns, "chance": [chance] * len(columns["chance"])}
    items = map(Item, *(columns[name] for name in names))
    return Result(
        spec,
        "scored",
        read(tuple[Score, ...], summary["scores"], "scores"),
        provenance=read(Provenance, summary["provenance"], "provenance"),
        items=tuple(items),
        reused=reused,
        rows=tuple(summary.get("rows", ())),
    )


def result_without_items(spec: RunSpec, summary: Mapping[str, Any]) -> Result:
    """A cell of which only its summary is known, as the result of a spec."""
    return result_of(spec, (dict.fromkeys(Item.__dataclass_fields__, ()), summary), reused=True)


def unscored(spec: RunSpec, problem: Exception) -> Result:
    """The result of a spec that could not be scored: failed, or nothing that could be asked."""
    said = str(problem) if isinstance(problem, ZooError) else describe(problem)
    applies = not isinstance(problem, NotApplicableError)
    return Result(spec, "failed" if applies else "not_applicable", error=said)
