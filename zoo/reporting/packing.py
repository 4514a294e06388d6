"""Which items go into one file, and how: the changed ones first, as many as there is room for."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from operator import add
from typing import Any

from zoo.questions import Question
from zoo.reporting.items import AskedOf, ItemTable, Singles

ROOM = 24_000_000
"""Letters of questions and answers that one page holds; a few megabytes once compressed."""

LONGEST = 6_000
"""Letters of one text that a page shows: two thirds from its beginning, the rest from its end."""


def pack(
    tables: Sequence[ItemTable], stages: Sequence[str], asked_of: AskedOf, room: int = ROOM
) -> list[dict[str, Any]]:
    """Each benchmark's scores, whole, and the texts of as many items as there is room for.

    Both are packed (see `packed`). A benchmark whose items must not be published has no texts.
    """
    written = []
    sizes = [_sizes(table, asked_of) for table in tables]
    for table, own, share in zip(
        tables, sizes, _shares([sum(own) for own in sizes], room), strict=True
    ):
        facts = table.facts(stages)
        rows: list[int] = []
        if table.benchmark.policy == "open":
            rows = _chosen(table.changed, own, share)
        cells = facts.pop("cells")
        texts = _cut(table.texts(rows, asked_of))
        written.append(
            {**facts, "held": len(rows), "scores": packed(cells), "texts": packed(texts)}
        )
    return written


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """What each may take of the room: what the small ones leave is for the large ones."""
    shares = [0] * len(sizes)
    for number, place in enumerate(sorted(range(len(sizes)), key=lambda each: sizes[each])):
        shares[place] = room // (len(sizes) - number)
        room -= min(sizes[place], shares[place])
    return shares


def packed(value: Any) -> str:
    """JSON, deflated, in base64: a browser unpacks it without asking anybody.

    >>> json.loads(zlib.decompress(base64.b64decode(packed([1, None]))))
    [1, None]
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("ascii"), 6)).decode("ascii")


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, or its two ends and how much is missing between them.

    >>> shortened("abcdefghij" * 3, 6)
    'abcd\\n[... 24 characters left out ...]\\nij'
    """
    if len(text) <= longest:
        return text
    end = longest // 3
    gone = len(text) - longest
    return f"{text[: longest - end]}\n[... {gone:,} characters left out ...]\n{text[-end:]}"


def _sizes(table: ItemTable, asked_of: AskedOf) -> list[int]:
    """Letters that each row takes, a question that several cells share counted once."""
    sizes = [0] * len(table.ids)
    for cell in table.cells:
        letters = (sum(40 + min(len(a.response), LONGEST) for a in row) for row in cell.rows)
        if isinstance(cell.rows, Singles):
            letters = (40 + min(len(answer.response), LONGEST) for answer in cell.rows.items)
        sizes = list(map(add, sizes, letters))
    for known, cells in _by_questions(table, asked_of):
        lengths = {hash: _length(question) for hash, question in known.items()}
        for row, answers in enumerate(cells[0]):
            if answers:
                sizes[row] += lengths.get(answers[0].prompt_hash, 0)
    return sizes


def _by_questions(
    table: ItemTable, asked_of: AskedOf
) -> list[tuple[Mapping[str, Question], list[Any]]]:
    """Cells grouped by what they were asked."""
    groups: dict[int, tuple[Mapping[str, Question], list[Any]]] = {}
    for cell in table.cells:
        known = asked_of(cell.result)
        groups.setdefault(id(known), (known, []))[1].append(cell.rows)
    return list(groups.values())


def _length(question: Question) -> int:
    texts = (*question.prompts, *question.options, question.target)
    return sum(min(len(text), LONGEST) for text in texts)


def _chosen(changed: Sequence[bool], sizes: Sequence[int], room: int) -> list[int]:
    """Rows that fit, in order; those that some stage changed come before those that none did."""
    order = sorted(range(len(sizes)), key=lambda row: not changed[row])
    chosen = []
    for row in order:
        room -= sizes[row]
        if room < 0:
            break
        chosen.append(row)
    return sorted(chosen)


def _cut(texts: dict[str, Any]) -> dict[str, Any]:
    """The same with every long text shortened."""
    for question in texts["questions"]:
        question["prompts"] = [shortened(text) for text in question["prompts"]]
        question["options"] = [shortened(text) for text in question["options"]]
        question["target"] = shortened(question["target"])
    for row in texts["rows"]:
        for cell in filter(None, row["cells"]):
            for answer in cell[1]:
                answer["text"] = shortened(answer["text"])
    return texts
