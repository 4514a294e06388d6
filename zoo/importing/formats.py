"""From what people name (files, folders) to results: which files there are, and who reads them.

A format is one reader: another one is another entry of READERS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ConfigError
from zoo.importing import lmeval
from zoo.importing.nouns import Results


@dataclass(frozen=True)
class Reader:
    """One format. is_results: by a file's name. results_of: the results file that a file of items
    belongs to. read: raises ConfigError for what is not of this format."""

    name: str
    is_results: Callable[[Path], bool]
    results_of: Callable[[Path], Path | None]
    read: Callable[[Path], Results]


READERS = (
    Reader("lm-eval", lmeval.is_results_file, lmeval.results_of_samples, lmeval.read_results),
)


@dataclass(frozen=True)
class Read:
    """What could be read, one after another in the order of names; the rest by name, with why."""

    results: tuple[Results, ...]
    problems: tuple[str, ...]


def read_all(paths: Sequence[Path]) -> Read:
    """Every results file that these files and folders hold; each once.

    Raises ConfigError where a path does not exist, or a folder holds none.
    """
    results, problems = [], []
    for path in dict.fromkeys(found for named in paths for found in _files(named)):
        try:
            results.append(_reader(path).read(path))
        except ConfigError as problem:
            problems.append(str(problem))
    return Read(tuple(results), tuple(problems))


def _files(path: Path) -> Iterator[Path]:
    """The results files of a path."""
    if path.is_dir():
        found = sorted(
            each
            for each in path.rglob("*.json")
            if any(reader.is_results(each) for reader in READERS)
        )
        if not found:
            raise ConfigError(
                f"{path} holds no results file of {_names()}; a run of lm-eval writes them as "
                "results_<date>.json with --output_path"
            )
        yield from found
    elif not path.is_file():
        raise ConfigError(f"there is no file or folder {path}; check the path")
    elif path.suffix == ".jsonl":
        belongs = next((f for reader in READERS if (f := reader.results_of(path))), None)
        if belongs is None:
            raise ConfigError(f"{path} has no results file of its run beside it; name its folder")
        yield belongs
    else:
        yield path


def _reader(path: Path) -> Reader:
    """Who reads a file: the format whose names it follows, else the first one."""
    return next((reader for reader in READERS if reader.is_results(path)), READERS[0])


def _names() -> str:
    return ", ".join(reader.name for reader in READERS)
