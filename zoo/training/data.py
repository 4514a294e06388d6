"""Rows to train on: read, checked against what the recipe wants, and known by their hash."""

from __future__ import annotations

import csv
import datetime
import decimal
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError
from zoo.fingerprints import canonical
from zoo.manifests import Rows
from zoo.models import address_of
from zoo.probing import describe
from zoo.reporting.text import clean
from zoo.snapshots import PATIENCE, is_silence
from zoo.training.recipes import Chosen, in_words

if TYPE_CHECKING:
    from datasets import Dataset

Row = dict[str, Any]
HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(@[\w./-]+)?(:[\w.+\[\]%:-]+)?")
"""`org/name`, with `@revision` and `:split` or `:config:split` where they are told."""
SHOWN = 12
"""Columns that an error names."""


@dataclass(frozen=True)
class Data:
    """What a stage learns from: the rows, and what a manifest says of them.

    dropped: columns that cannot be given to a recipe, and that it does not ask for.
    """

    rows: Sequence[Row]
    about: Rows
    dropped: tuple[str, ...] = ()

    def dataset(self) -> Dataset:
        """The rows as recipes are given them; a column that a row lacks is None there."""
        from datasets import Dataset

        names = dict.fromkeys(name for row in self.rows for name in row)
        return Dataset.from_dict({name: [row.get(name) for row in self.rows] for name in names})


def read_data(chosen: Chosen, source: str | None, seed: int, limit: int | None) -> Data | None:
    """The rows of a file, a folder or a data set of the Hub, or those that the recipe brings.

    None for a recipe that takes none. source: None means the recipe's own. limit: only so many.
    Raises ConfigError where there are none, and where they are not what the recipe wants.
    """
    wanted = in_words(chosen.columns)
    if not chosen.columns and chosen.data is None:
        if source is not None:
            raise ConfigError(f"the recipe {chosen.name} takes no data; leave --data out")
        return None
    if source is None and chosen.data is None:
        raise ConfigError(
            f"the recipe {chosen.name} learns from rows with {wanted}; name them with --data"
        )
    revision = None
    if source is None:
        said = f"the data of the recipe {chosen.name}"
        rows = list(islice(_own(chosen.data, seed, said), limit))  # type: ignore[arg-type]
    elif Path(source).expanduser().exists():
        said = source
        rows = list(islice(_local(Path(source).expanduser()), limit))
    else:
        said = source
        rows, revision = _of_hub(source, limit)
    if not rows:
        raise ConfigError(f"{said} has no rows; there is nothing to learn from")
    asked = {name for form in chosen.columns for name in form}
    rows, dropped = _plain_rows(rows, asked, said)
    check(rows, chosen.columns, said, chosen.name)
    about = Rows(source or "", len(rows), digest_of(rows), revision)
    return Data(rows, about, dropped)


def check(rows: Sequence[Row], forms: Sequence[Sequence[str]], said: str, recipe: str) -> None:
    """Raises ConfigError where a row has the columns of none of the forms. said: whose rows."""
    if not forms:
        return
    for number, row in enumerate(rows, start=1):
        if not any(all(row.get(name) is not None for name in form) for form in forms):
            named = [name for name, value in row.items() if value is not None]
            has = ", ".join(clean(name)[:60] for name in named[:SHOWN]) or "nothing"
            more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
            raise ConfigError(
                f"{said}: row {number} has {has}{more}; the recipe {recipe} wants "
                f"{in_words(tuple(map(tuple, forms)))}"
            )


def digest_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hex sha256 over the canonical JSON of each row, one a line, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(canonical(row).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def _own(data: Callable[[int], Iterable[Mapping[str, Any]]], seed: int, said: str) -> Iterator[Row]:
    try:
        for row in data(seed):
            yield dict(row)
    except Exception as problem:
        raise ConfigError(f"{said} cannot be made: {describe(problem)}") from problem


def _local(path: Path) -> Iterator[Row]:
    """The rows of a file, or of the files of a folder in the order of their names."""
    files = [path]
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in READERS)
        if not files:
            raise ConfigError(f"{path} holds no {_kinds()} file; name a folder that does")
    for file in files:
        reader = READERS.get(file.suffix.lower())
        if reader is None:
            raise ConfigError(f"{file} is no data that can be read: it must be a {_kinds()} file")
        try:
            for row in reader(file):
                if not isinstance(row, dict):
                    raise ValueError(f"a row is a {type(row).__name__}, not an object with columns")
                yield row
        except ConfigError:
            raise
        except Exception as problem:  # whatever a reader finds in a file that somebody wrote
            raise ConfigError(f"{file} cannot be read: {clean(describe(problem))}") from None


def _kinds() -> str:
    return ", ".join(sorted(READERS))


def _json_lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield json.loads(line, parse_constant=_refuse)
                except ValueError as problem:
                    raise ValueError(f"line {number}: {problem}") from None


def _json(path: Path) -> Iterator[Any]:
    """One list of objects; or objects one a line, as the Hub calls JSON too."""
    text = path.read_text(encoding="utf-8-sig")
    if not text.lstrip().startswith("["):
        yield from _json_lines(path)
        return
    yield from json.loads(text, parse_constant=_refuse)


def _csv(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file, strict=True), start=1):
            if None in row or None in row.values():
                raise ValueError(f"row {number} has not as many cells as the first line has names")
            yield row


def _parquet(path: Path) -> Iterator[Any]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches():
            yield from batch.to_pylist()


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".jsonl": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}


def _of_hub(source: str, limit: int | None) -> tuple[list[Row], str | None]:
    """Rows of a data set of the Hub, and its commit."""
    looks_local = source.startswith((".", "/", "~")) or Path(source).suffix.lower() in READERS
    if looks_local or not HUB.fullmatch(source):
        raise ConfigError(f"there is no file or folder {source}; check the path given as --data")
    named, config, split = parts_of(source)
    repository, revision = address_of(named)
    from datasets import load_dataset
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(repository, revision=revision, timeout=PATIENCE)
        revision = info.sha
    except Exception as problem:
        if not is_silence(problem):
            raise ConfigError(_not_had(source, problem)) from None
    try:
        found = load_dataset(repository, config or None, split=split or "train", revision=revision)
        chosen = found if limit is None else found.select(range(min(limit, len(found))))
        return [dict(row) for row in chosen], revision
    except Exception as problem:
        raise ConfigError(_not_had(source, problem)) from None


def parts_of(source: str) -> tuple[str, str, str]:
    """Repository with its revision, configuration and split of a data set of the Hub, "" for what
    is not told. A colon within brackets is of a split's slice.

    >>> parts_of("org/rows@main"), parts_of("org/rows:test"), parts_of("openai/gsm8k:main:train")
    (('org/rows@main', '', ''), ('org/rows', '', 'test'), ('openai/gsm8k', 'main', 'train'))
    >>> parts_of("org/rows:train[10%:20%]"), parts_of("org/rows:main:train[:5]")
    (('org/rows', '', 'train[10%:20%]'), ('org/rows', 'main', 'train[:5]'))
    """
    named, _, rest = source.partition(":")
    config, found, split = rest.partition(":")
    return (named, config, split) if found and "[" not in config else (named, "", rest)


def _not_had(source: str, problem: BaseException) -> str:
    return (
        f"the data set {source} cannot be had: {clean(describe(problem))}; name a file, or "
        "org/name:split or org/name:config:split of a data set that you may read"
    )


def _plain_rows(
    rows: Sequence[Row], asked: set[str], said: str
) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of JSON values, each column of one type; and the columns that were left out."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        for name, value in row.items():
            if not isinstance(name, str):
                raise ConfigError(f"{said}: row {number + 1} has a column that is no text")
            columns.setdefault(name, [None] * len(rows))[number] = value
    dropped = []
    for name, values in list(columns.items()):
        try:
            columns[name] = [_plain(value) for value in values]
            pa.array(columns[name])
        except (TypeError, ValueError, OverflowError, RecursionError, pa.ArrowException) as problem:
            if name in asked:
                why = clean(describe(problem))
                raise ConfigError(
                    f"{said}: the values of the column {name!r} are not of one type: {why}"
                ) from None
            dropped.append(name)
            del columns[name]
    kept = [{n: columns[n][i] for n in row if n in columns} for i, row in enumerate(rows)]
    return kept, tuple(dropped)


def _plain(value: Any) -> Any:
    """A value that JSON holds; times and exact numbers as text, and nan as nothing."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime.date, datetime.time, decimal.Decimal)):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    raise TypeError(f"a {type(value).__name__} is no value of JSON")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
