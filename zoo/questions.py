"""What an item was asked, as the model saw it: kept beside the answers, never part of a key.

Stages that are asked alike share one copy, under the hash of the rendered requests and of the
task's content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from zoo.errors import StoreError
from zoo.results import Result, RunRecord
from zoo.store import QUESTIONS, WRITERS, Store, Unkept


@dataclass(frozen=True)
class Question:
    """One item of a task, rendered.

    prompts: the contexts, each once; several where the options differ in what stands before them.
    options: the continuations that are compared, empty where the model writes freely.
    target: what the task expects, "" where it does not say. images: hashes of those that are shown
    with a prompt, in order (`zoo.evaluation.images`); where stages are shown them, `<image>` or the
    model's own word stands in the prompt.
    """

    prompts: tuple[str, ...]
    options: tuple[str, ...] = ()
    target: str = ""
    images: tuple[str, ...] = ()


def keep_questions(
    store: Store, asked: Iterable[tuple[str, Iterable[tuple[str, Question]]]]
) -> None:
    """Writes the questions of cells, by key (prompt hash, question) each, where they are missing.

    Raises StoreError where they cannot be written.
    """
    lacking: Iterator[Unkept] = (
        (key, _columns(list(questions)), {})
        for key, questions in asked
        if store.get_or_set_aside(QUESTIONS, key) is None
    )
    while some := list(islice(lacking, WRITERS)):  # all of them might not fit into memory
        store.put_all(QUESTIONS, some)


def _columns(rows: Sequence[tuple[str, Question]]) -> dict[str, Sequence[Any]]:
    return {
        "prompt_hash": [hash for hash, _ in rows],
        "prompts": [[writable(text) for text in each.prompts] for _, each in rows],
        "options": [[writable(text) for text in each.options] for _, each in rows],
        "target": [writable(each.target) for _, each in rows],
        "images": [list(each.images) for _, each in rows],
    }


def read_questions(store: Store, key: str) -> Mapping[str, Question]:
    """CellRequests by prompt hash; none where the store has none that can be read."""
    try:
        found = store.get(QUESTIONS, key) if key else None
    except StoreError:
        return {}
    if found is None:
        return {}
    columns = found[0]
    names = ("prompt_hash", "prompts", "options", "target")
    shown = columns.get("images") or [()] * len(columns["target"])  # older stores know of none
    rows = zip(*(columns[name] for name in names), shown, strict=True)
    return {
        str(hash): Question(tuple(prompts), tuple(options), str(target), tuple(images))
        for hash, prompts, options, target, images in rows
    }


def writable(text: str) -> str:
    """The text without lone surrogates, which cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


class Asked:
    """What the cells of some runs asked, each read from the store once and when it is needed."""

    def __init__(self, store: Store, records: Iterable[RunRecord]) -> None:
        self._store = store
        self._keys: dict[tuple[object, ...], str] = {}
        self._read: dict[str, Mapping[str, Question]] = {"": {}}
        for record in records:
            for cell in record.cells:
                if cell.questions:
                    self._keys.setdefault(cell.spec.identity, cell.questions)

    def __call__(self, result: Result) -> Mapping[str, Question]:
        """CellRequests by prompt hash; none where the run did not keep them."""
        key = self._keys.get(result.spec.identity, "")
        if key not in self._read:
            self._read[key] = read_questions(self._store, key)
        return self._read[key]
