"""The questions of a prepared cell, for people who want to read what was asked."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo.evaluation.preparing import Cell
from zoo.evaluation.requests import Request
from zoo.evaluation.scoring import prompt_hash
from zoo.evaluation.tasks import LoadedTask
from zoo.fingerprints import digest
from zoo.questions import Question, keep_questions
from zoo.store import Store


def keep_asked(store: Store, cells: Iterable[Cell]) -> list[str]:
    """Keeps what cells ask, unless the store has it; the key of each. Raises StoreError."""
    keyed = [(digest(["questions", cell.asked, cell.loaded.content]), cell) for cell in cells]
    keep_questions(store, ((key, _questions(cell)) for key, cell in dict(keyed).items()))
    return [key for key, _ in keyed]


def _questions(cell: Cell) -> Iterator[tuple[str, Question]]:
    requests: dict[int, list[Request]] = defaultdict(list)
    for request in cell.requests:
        requests[request.doc].append(request)
    for number, asked in sorted(requests.items()):
        asked.sort(key=lambda each: each.index)
        contexts = [each.context for each in asked]
        options = [each.continuation for each in asked if each.continuation is not None]
        yield (
            prompt_hash([each.question for each in asked]),
            Question(
                tuple(dict.fromkeys(contexts)),
                tuple(dict.fromkeys(options)),
                _target(cell.loaded, cell.loaded.docs[number]),
                asked[0].images,
            ),
        )


def _target(loaded: LoadedTask, doc: Mapping[str, Any]) -> str:
    """What the task expects; "" where it has no single answer or cannot say."""
    task, doc = loaded.task, copy.deepcopy(doc)  # a task's Python may change what it is given
    try:
        choices = loaded.output_type == "multiple_choice"
        gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
        answers = gold if isinstance(gold, (list, tuple)) else [gold]
        if choices:
            options = list(task.doc_to_choice(doc))
            answers = [options[each] if isinstance(each, int) else each for each in answers]
        return "\n".join(str(each).strip() for each in answers if each is not None)
    except Exception:  # a task may score without knowing a target
        return ""
