"""From what people name (files, folders) to results: which files there are, and who reads them.

A format is one reader, and another one is another entry of READERS. A file is recognised by what
lies in it, never by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError
from zoo.importing import contents, everyeval, lighteval, lmeval
from zoo.importing.files import KINDS, FormatError, Source, open_source
from zoo.importing.nouns import Results
from zoo.probing import describe


@dataclass(frozen=True)
class Reader:
    """One format.

    knows: whether a file's content is of it. read: one or more models' results; raises FormatError.
    results_of: the results file that a file of items belongs to, None where it is none.
    """

    name: str
    knows: Callable[[Any], bool]
    read: Callable[[Source], Iterable[Results]]
    results_of: Callable[[Path], Path | None] = lambda _: None


READERS = (
    Reader("lighteval", lighteval.knows, lighteval.read_results, lighteval.results_of_items),
    Reader("Every Eval Ever", everyeval.knows, everyeval.read_results, everyeval.results_of_items),
    Reader("Open LLM Leaderboard", contents.knows, contents.read_results),
    Reader("lm-eval", lmeval.knows, lmeval.read_results, lmeval.results_of_items),
    Reader("lm-eval before 0.4", lmeval.knows_before, lmeval.read_before),
)
"""The first that knows a content reads it."""

SHOWN = 5
"""Names of a folder's other files that a note lists."""


@dataclass(frozen=True)
class Read:
    """What could be read, in the order of names. problems: what could not, by name, with why;
    notes: what lies in a folder and is no results file."""

    results: tuple[Results, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_all(paths: Sequence[Path]) -> Read:
    """Every results file that these files and folders hold; each once.

    Raises ConfigError where a path does not exist.
    """
    results: list[Results] = []
    problems: list[str] = []
    others: dict[Path, list[Path]] = {}
    found = {path: named for named in paths for path in _files(named)}
    for path, named in found.items():
        try:
            source = open_source(path)
            reader = next((each for each in READERS if each.knows(source.content)), None)
            if reader is not None:
                results += _read(reader, source)
            elif path == named or path.name.startswith("results"):
                problems.append(f"{path} is of no format that is read, which are {_names()}")
            else:
                others.setdefault(named, []).append(path)
        except ConfigError as problem:
            problems.append(str(problem))
    held = {named for path, named in found.items() if path not in others.get(named, ())}
    for named in paths:
        if named.is_dir() and named not in held:
            problems.append(f"{named} holds no results file of {_names()}")
    notes = [
        f"{folder} holds files of no format that is read, which are left out: {_listed(left)}"
        for folder, left in others.items()
    ]
    return Read(tuple(results), tuple(problems), tuple(notes))


def _read(reader: Reader, source: Source) -> list[Results]:
    """All that a file holds. Raises ConfigError, naming the format, where it cannot be taken."""
    try:
        found = list(reader.read(source))
    except FormatError as problem:
        raise ConfigError(f"{source.path} is of {reader.name} and {problem}") from None
    except Exception as problem:
        # whoever wrote it, a file that no reader expected costs only itself
        said = describe(problem)
        raise ConfigError(
            f"{source.path} is of {reader.name} and cannot be taken: {said}"
        ) from None
    if not found:
        raise ConfigError(f"{source.path} is of {reader.name} and holds no results")
    return found


def _files(path: Path) -> Iterator[Path]:
    """What may be a results file: of a folder each that is not the items of another."""
    if path.is_dir():
        found = sorted(
            each for each in path.rglob("*") if each.suffix.lower() in KINDS and each.is_file()
        )
        yield from (each for each in found if _belongs(each) is None)
    elif not path.is_file():
        raise ConfigError(f"there is no file or folder {path}; check the path")
    elif (belongs := _belongs(path)) is not None:
        yield belongs
    elif path.suffix == ".jsonl":
        raise ConfigError(f"{path} has no results file of its run beside it; name its folder")
    else:
        yield path


def _belongs(path: Path) -> Path | None:
    """The results file whose items these are."""
    found = (reader.results_of(path) for reader in READERS)
    return next((each for each in found if each is not None and each != path), None)


def _names() -> str:
    return ", ".join(reader.name for reader in READERS)


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(path.name for path in paths[:SHOWN]) + more
