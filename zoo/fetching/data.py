"""The data of tasks, loaded as a run loads them, so that a run without a network finds them.

Whatever else loading a task downloads (a metric of `evaluate`, word lists of nltk) comes with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.benchmarks import Benchmark
from zoo.errors import BenchmarkError, ZooError
from zoo.evaluation.preflight.data import data_set_of, in_cache, reads_addresses
from zoo.evaluation.tasks import TaskLoader
from zoo.fetching.repositories import Repository, damaged_files, listing
from zoo.probing import describe

ADDRESSES = "files named by address"
"""What stands for a data set where tasks name none but addresses."""

COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class DataSet:
    """A data set of the Hub as tasks read it. name: "" for data in files of this machine.

    tasks: how many read it. commit: "" where it is not known. size: bytes of its tables; rows: in
    them. files: how many of its own files were hashed. was_here: before it was asked for. mended:
    whether what was here was damaged. problems: a sentence for each task that cannot be loaded.
    """

    name: str
    tasks: int
    commit: str = ""
    size: int = 0
    rows: int = 0
    files: int = 0
    was_here: bool = False
    mended: bool = False
    problems: tuple[str, ...] = ()


def by_data_set(
    loader: TaskLoader, benchmarks: Iterable[Benchmark]
) -> tuple[dict[str, list[Benchmark]], list[tuple[str, str]]]:
    """Benchmarks by the data set that their tasks read; (task, why) where none can be told."""
    found: dict[str, list[Benchmark]] = {}
    problems: list[tuple[str, str]] = []
    for benchmark in benchmarks:
        try:
            task = loader.find(benchmark.task)
            name = ADDRESSES if reads_addresses(task) else data_set_of(task)
            found.setdefault(name, []).append(benchmark)
        except ZooError as problem:
            problems.append((benchmark.task, str(problem)))
    return found, problems


def is_here(loader: TaskLoader, benchmarks: Iterable[Benchmark]) -> bool:
    """Whether a run without a network finds the data of all these tasks."""
    return all(in_cache(loader.find(each.task)) for each in benchmarks)


def fetch_data(loader: TaskLoader, name: str, benchmarks: Sequence[Benchmark]) -> DataSet:
    """Loads the tasks that read a data set, and reads their tables whole.

    What is damaged is fetched again: a file with another hash than the Hub's, a table that is not
    whole. Raises ModelError where the Hub does not tell the hashes.
    """
    was_here = is_here(loader, benchmarks)
    tables, problems = _loaded(loader, benchmarks, anew=False)
    commit = next(filter(None, map(_commit, tables)), "")
    damaged = bool(problems) and was_here
    if name and commit and not damaged:
        damaged = bool(damaged_files(_raw(name, commit)))
    if name and damaged:
        tables, problems = _loaded(loader, benchmarks, anew=True)
        commit = next(filter(None, map(_commit, tables)), "")
        if still := damaged_files(_raw(name, commit)) if commit else ():
            problems = [*problems, f"{still[0]} of {name} came with other bytes than the Hub's"]
    if name and not problems:
        problems = [
            f"the data of the task '{each.task}' were fetched, and without a network the library "
            "`datasets` does not find them again, since the task names single files; keep copies "
            "of these and name them in a task file of your own"
            for each in benchmarks
            if not is_here(loader, [each])
        ]
    return DataSet(
        name,
        len(benchmarks),
        commit,
        sum(int(each.data.nbytes) for each in tables),
        sum(map(len, tables)),
        len(_raw(name, commit).files) if name and commit else 0,
        was_here,
        was_here and damaged,
        tuple(problems),
    )


def _loaded(
    loader: TaskLoader, benchmarks: Iterable[Benchmark], *, anew: bool
) -> tuple[list[Any], list[str]]:
    """The tables of the tasks, and what is wrong with those that cannot be loaded or are torn."""
    tables: list[Any] = []
    problems: list[str] = []
    for benchmark in benchmarks:
        try:
            found = getattr(loader.load(benchmark, 1, anew=anew).task, "dataset", None)
            own = list(found.values()) if isinstance(found, Mapping) else []
            for table in (each for each in own if hasattr(each, "cache_files")):
                _check(benchmark.task, table)
                tables.append(table)
        except ZooError as problem:
            problems.append(str(problem))
    return tables, problems


def _check(task: str, table: Any) -> None:
    """Raises BenchmarkError for a table that cannot be read to its end, or has lost rows."""
    try:
        table.data.table.validate(full=True)
    except Exception as problem:
        raise BenchmarkError(
            f"the data of the task '{task}' are torn: {describe(problem)}"
        ) from None
    said = (table.info.splits or {}).get(str(table.split))
    if said is not None and said.num_examples != len(table):
        raise BenchmarkError(
            f"the data of the task '{task}' have {len(table)} rows of {said.num_examples}"
        )


def _commit(table: Any) -> str:
    """The commit that a table was made of, which names its folder; "" where it says none."""
    folders = (Path(each["filename"]).parent.name for each in table.cache_files)
    return next((name for name in folders if COMMIT.fullmatch(name)), "")


def _raw(name: str, commit: str) -> Repository:
    """The files of a data set that its tables were made of, as far as they are here."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    own = repo_folder_name(repo_id=name, repo_type="dataset")
    folder = Path(constants.HF_HUB_CACHE) / own / "snapshots" / commit
    every = listing("dataset", name, commit)
    here = {path: file for path, file in every.items() if (folder / path).is_file()}
    return Repository("dataset", name, folder, here)
