"""What a reader of any format hands over: one model's results, task by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.models import Evidence, Prompting
from zoo.questions import Question
from zoo.results import Item

Measure = tuple[str, str]
"""A metric and the filter it was computed under."""


@dataclass(frozen=True)
class Aggregate:
    """A task's number as its file has it; stderr None where the file has none."""

    value: float
    stderr: float | None
    higher_is_better: bool = True


@dataclass(frozen=True)
class Logged:
    """The items of one task under one measure, with what they were asked, by prompt hash."""

    items: tuple[Item, ...]
    questions: Mapping[str, Question]


class UnpairableError(Exception):
    """A measure that has no value for a single item: only its aggregate can be compared."""


ReadItems = Callable[[Measure, str | None], Logged]
"""(measure, cluster field) -> items. Raises CellError where the file is damaged, and
UnpairableError where the measure has no value for an item."""


@dataclass(frozen=True)
class TaskResults:
    """One task of one file.

    n: items, None where the file does not say. limit: as asked, None for all items.
    aggregates: in the order of the file. sha256: of the file with the items, "" where there is
    none; then `items` is None. broken: why the task cannot be taken, "" where it can. chance: a
    guesser's score where no item says it, None where nothing does.
    """

    name: str
    version: str
    num_fewshot: int | None
    n: int | None
    limit: int | None
    aggregates: Mapping[Measure, Aggregate]
    items: ReadItems | None = None
    sha256: str = ""
    broken: str = ""
    chance: float | None = None


@dataclass(frozen=True)
class Results:
    """One model on some tasks, as one file, or one row of a table, has it.

    model: what the file calls it, as it was loaded there. asked: how, as far as the file says.
    engine, dtype, device, versions, date: of whoever measured. facts: what else the file says of
    itself, for people. card: what it says of the model, by the names that a model card uses.
    evidence: what it says of how the model was trained. parameters: of the model, None where it
    does not say. unsaid: what would tell these results from others and is not in the file.
    """

    path: Path
    sha256: str
    format: str
    model: str
    asked: Prompting
    seed: int
    engine: str
    dtype: str
    device: str
    batch_size: str
    revision: str | None
    date: str
    versions: Mapping[str, str]
    tasks: Sequence[TaskResults]
    facts: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    parameters: int | None = None
    unsaid: tuple[str, ...] = ()
