"""A corpus as passages: a folder, a file, or a data set."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from zoo.errors import ModelError

TEXTS = frozenset({".txt", ".md", ".rst"})
ROWS = ".jsonl"


@dataclass(frozen=True)
class Passage:
    """name: where it stands, for people: file and number, or the row's own id."""

    name: str
    text: str


def read_corpus(place: str, *, words: int, column: str, split: str) -> tuple[Passage, ...]:
    """The passages of a corpus, in its order, none longer than so many words.

    place: a folder of .txt, .md, .rst and .jsonl files, one such file, or a data set's name.
    column: what holds the text in rows; split: of a data set.
    Raises ModelError where nothing can be read.
    """
    path = Path(place).expanduser()
    try:
        if path.is_dir():
            found = _of_folder(path, words, column)
        elif path.is_file():
            found = _of_file(path, path.name, words, column)
        elif place.startswith((".", "/", "~")):
            raise ModelError(f"there is no corpus {place}; check the path")
        else:
            found = _of_data_set(place, split, words, column)
        passages = tuple(found)
    except (OSError, UnicodeDecodeError) as problem:
        raise ModelError(f"the corpus {place} cannot be read: {problem}") from None
    if not passages:
        raise ModelError(f"the corpus {place} holds no text; it takes .txt, .md, .rst and .jsonl")
    return passages


def stamps(place: str) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of each file of a corpus; none of a data set, which has no place here."""
    path = Path(place).expanduser()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = ((str(file), file.stat()) for file in files if file.is_file())
    return tuple((name, each.st_size, each.st_mtime_ns) for name, each in found)


def _of_folder(folder: Path, words: int, column: str) -> Iterator[Passage]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (*TEXTS, ROWS):
            yield from _of_file(path, path.relative_to(folder).as_posix(), words, column)


def _of_file(path: Path, name: str, words: int, column: str) -> Iterator[Passage]:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix != ROWS:
        yield from _cut(name, re.split(r"\n\s*\n", text), words)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found, own = row[column], row.get("id")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ModelError(f"{path}:{number} is no row of JSON with a {column!r}") from None
        yield from _cut(str(own or f"{name}:{number}"), [str(found)], words)


def _of_data_set(name: str, split: str, words: int, column: str) -> Iterator[Passage]:
    from datasets import load_dataset

    try:
        rows = load_dataset(name, split=split)[column]
    except Exception as problem:
        first = str(problem).strip().partition("\n")[0]
        raise ModelError(f"the corpus {name} ({split}, {column}) cannot be read: {first}") from None
    for number, text in enumerate(rows):
        yield from _cut(f"{name}:{number}", [str(text)], words)


def _cut(name: str, paragraphs: Iterable[str], words: int) -> Iterator[Passage]:
    """Paragraphs as they are, lines and all; one that is too long is cut between words."""
    number = 0
    for paragraph in paragraphs:
        text = paragraph.strip()
        starts = [found.start() for found in re.finditer(r"\S+", text)][::words]
        for start, end in pairwise([*starts, len(text)]):
            number += 1
            yield Passage(f"{name}#{number}", text[start:end].strip())
