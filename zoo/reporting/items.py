"""The items of a run, laid side by side: the same item across all stages.

A page holds them in two parts, and a served page fetches them in the same two: the scores of every
item, one letter each where they are right or wrong, and the texts, item by item.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.benchmarks import Benchmark
from zoo.questions import Question
from zoo.results import Item, Protocol, Result

AskedOf = Callable[[Result], Mapping[str, Question]]
"""What a cell was asked, by prompt hash; empty where that was not kept."""

RowId = tuple[str, int]
"""An item's id, and which of several items with the same document it is."""


class Singles(Sequence[Sequence[Item]]):
    """One answer to each item, as rows of one: made when looked at, since there may be millions."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: Any) -> Any:
        return (self.items[row],)

    def __iter__(self) -> Iterator[Sequence[Item]]:
        return zip(self.items, strict=True)


@dataclass(frozen=True)
class ItemCell:
    """One stage under one protocol: for each row of the table its answers, none where missing."""

    result: Result
    rows: Sequence[Sequence[Item]]

    @cached_property
    def scores(self) -> list[float | None]:
        """The mean score of each row, None where it has no answer."""
        if isinstance(self.rows, Singles):
            values = [item.score for item in self.rows.items]
            return [value if math.isfinite(value) else None for value in values]
        return [_mean(row) for row in self.rows]


@dataclass(frozen=True)
class ItemTable:
    """One benchmark: rows are items, cells are stages under a protocol, in the stages' order."""

    benchmark: Benchmark
    higher_is_better: bool
    ids: Sequence[RowId]
    cells: tuple[ItemCell, ...]

    @cached_property
    def changed(self) -> list[bool]:
        """For each row whether its score differs between stages asked under one protocol."""
        protocols = dict.fromkeys(cell.result.spec.protocol for cell in self.cells)
        found = [False] * len(self.ids)
        for protocol in protocols:
            columns = [c.scores for c in self.cells if c.result.spec.protocol == protocol]
            for row, values in enumerate(zip(*columns, strict=True)):
                if values.count(values[0]) != len(values):
                    found[row] = True
        return found

    def facts(self, stages: Sequence[str]) -> dict[str, Any]:
        """The scores of every item as JSON values; `stages` are model ids, named by their place."""
        return {
            "name": self.benchmark.name,
            "metric": self.benchmark.metric,
            "filter": self.benchmark.filter,
            "shots": self.benchmark.num_fewshot,
            "capability": self.benchmark.capability,
            "policy": self.benchmark.policy,
            "higher_is_better": self.higher_is_better,
            "n": len(self.ids),
            "cells": [
                {
                    "stage": stages.index(cell.result.spec.model.id),
                    "protocol": cell.result.spec.protocol,
                    "scores": _compact(cell.scores),
                }
                for cell in self.cells
            ],
        }

    def texts(self, rows: Iterable[int], asked_of: AskedOf) -> dict[str, Any]:
        """CellRequests and answers of some rows as JSON values, each question once.

        `rows[i].cells[j]` are the answers of the j-th cell: [question, answers]; the question is
        a place in `questions`, or -1 where it was not kept.
        """
        asked = [asked_of(cell.result) for cell in self.cells]
        places: dict[str, int] = {}
        questions: list[dict[str, Any]] = []

        def place(hash: str, known: Mapping[str, Question]) -> int:
            if hash not in places:
                if (question := known.get(hash)) is None:
                    return -1
                places[hash] = len(questions)
                questions.append(
                    {
                        "prompts": list(question.prompts),
                        "options": list(question.options),
                        "target": question.target,
                    }
                )
            return places[hash]

        written = []
        for row in rows:
            cells = [
                [place(answers[0].prompt_hash, known), [_answer(each) for each in answers]]
                if (answers := cell.rows[row])
                else None
                for cell, known in zip(self.cells, asked, strict=True)
            ]
            written.append({"row": row, "id": self.ids[row][0], "cells": cells})
        return {"questions": questions, "rows": written}


@dataclass(frozen=True)
class Items:
    """The items of a run, for the explorer of its page.

    served: whether the page asks the server it came from for them; else they are in the page.
    """

    results: Sequence[Result]
    stages: Sequence[str]
    asked_of: AskedOf
    served: bool = False

    @cached_property
    def tables(self) -> list[ItemTable]:
        """A table for each benchmark; made when it is first needed."""
        return item_tables(self.results, self.stages)


def item_tables(results: Iterable[Result], stages: Sequence[str]) -> list[ItemTable]:
    """A table for each benchmark that some stage has scored, in the order of the results.

    results: of several for one cell the last counts. stages: model ids, in the order of the page.
    """
    order = {model: place for place, model in enumerate(stages)}
    found: dict[tuple[object, ...], dict[tuple[str, Protocol], Result]] = {}
    for result in results:
        spec = result.spec
        if result.status == "scored" and result.items and spec.model.id in order:
            found.setdefault(spec.benchmark.key, {})[spec.model.id, spec.protocol] = result
    return [
        _table(sorted(cells.values(), key=lambda each: order[each.spec.model.id]))
        for cells in found.values()
    ]


def _table(results: Sequence[Result]) -> ItemTable:
    score = results[0].score
    ids, columns = _aligned([result.items for result in results])
    return ItemTable(
        results[0].spec.benchmark,
        score is None or score.higher_is_better,
        ids,
        tuple(ItemCell(*each) for each in zip(results, columns, strict=True)),
    )


def _aligned(
    columns: Sequence[Sequence[Item]],
) -> tuple[list[RowId], list[Sequence[Sequence[Item]]]]:
    """The union of the items of all cells, and each cell's answers to every one of them."""
    ids = [item.item_id for item in columns[0]]
    alike = len(set(ids)) == len(ids) and all(
        len(column) == len(ids)
        and all(item.item_id == id for item, id in zip(column, ids, strict=True))
        for column in columns
    )
    if alike:
        return [(id, 0) for id in ids], [Singles(column) for column in columns]
    tables = [_answers(column) for column in columns]
    union = list(dict.fromkeys(row for table in tables for row in table))
    return union, [[table.get(row, ()) for row in union] for table in tables]


def _answers(items: Iterable[Item]) -> dict[RowId, list[Item]]:
    """Answers by item; repeated documents are told apart by their order."""
    seen: dict[tuple[str, int], int] = {}
    found: dict[RowId, list[Item]] = {}
    for item in items:
        name = item.item_id, item.sample
        twin = seen[name] = seen.get(name, -1) + 1
        found.setdefault((item.item_id, twin), []).append(item)
    return found


def _mean(row: Sequence[Item]) -> float | None:
    if not row:
        return None
    value = sum(item.score for item in row) / len(row)
    return value if math.isfinite(value) else None


def _compact(scores: Sequence[float | None]) -> str | list[float | None]:
    """One letter an item where all are right or wrong: 1, 0, or - for missing."""
    if all(score is None or score in (0, 1) for score in scores):
        return "".join("-" if score is None else "1" if score else "0" for score in scores)
    return [None if score is None else round(score, 4) for score in scores]


def _answer(item: Item) -> dict[str, Any]:
    """What is said of one answer; what is unknown is left out."""
    said = {
        "text": item.response,
        "score": round(item.score, 4) if math.isfinite(item.score) else None,
        "tokens": item.n_tokens,
        "thinking": item.thinking_tokens,
        "truncated": item.truncated,
        "thinking_cut": item.thinking_cut or None,
        "parsed": item.parsed,
        "confidence": None if item.confidence is None else round(item.confidence, 4),
    }
    return {name: value for name, value in said.items() if value is not None}
