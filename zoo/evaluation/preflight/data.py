"""Why a data set cannot be had, in one sentence with the remedy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from zoo.probing import describe
from zoo.snapshots import PATIENCE, causes, is_silence
from zoo.tasks import FILE_BUILDERS, Task, texts

MEMORY = 60.0
"""Seconds for which it is known whether the Hub answers for a data set, of which a group of tasks
reads one part after the other."""

GONE = ("DatasetNotFoundError", "RepositoryNotFoundError")


def data_set_of(task: Task) -> str:
    """The data set of the Hub that a task's file names; "" where it names files, or none."""
    name = str(task.config.get("dataset_path") or "")
    return "" if name in FILE_BUILDERS or Path(name).exists() else name


def reads_addresses(task: Task) -> bool:
    """Whether a task's file names files by address, which `datasets` seeks on the network alone."""
    if task.config.get("dataset_path") not in FILE_BUILDERS:
        return False
    files = (task.config.get("dataset_kwargs") or {}).get("data_files") or []
    return any("://" in file for file in texts(files))


@contextmanager
def bounded(dataset: str, patience: float = PATIENCE) -> Iterator[None]:
    """Within, a data set is sought in the cache alone if the Hub does not answer in time.

    The Hub's own client tries again for minutes where a connection hangs.
    """
    import datasets

    before = datasets.config.HF_HUB_OFFLINE
    if not before:
        span = int(time.monotonic() // MEMORY)
        datasets.config.HF_HUB_OFFLINE = _silent(
            datasets.config.HF_ENDPOINT, dataset, patience, span
        )
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before


@lru_cache(maxsize=64)
def _silent(endpoint: str, dataset: str, patience: float, span: int) -> bool:  # noqa: ARG001
    """Whether the Hub does not answer for a data set. span: when it was asked, as a number."""
    from huggingface_hub import HfApi

    try:
        HfApi(endpoint=endpoint).dataset_info(dataset, timeout=patience)
    except Exception as problem:
        # whatever else it says, loading says it too, and more exactly
        return is_silence(problem)
    return False


@contextmanager
def offline() -> Iterator[None]:
    """Within, data sets are sought in the cache alone, and nothing is said of it."""
    import datasets
    from datasets.utils import logging

    before, level = datasets.config.HF_HUB_OFFLINE, logging.get_verbosity()
    datasets.config.HF_HUB_OFFLINE = True
    logging.set_verbosity_error()
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before
        logging.set_verbosity(level)


def in_cache(task: Task) -> bool:
    """Whether a run without a network finds the data of a task, as far as its file names them."""
    if reads_addresses(task):
        return False
    dataset = data_set_of(task)
    if not dataset or "class" in task.config or task.config.get("custom_dataset"):
        return True
    import datasets

    told = dict(task.config.get("dataset_kwargs") or {})
    told.pop("trust_remote_code", None)
    with offline():
        try:
            datasets.load_dataset_builder(dataset, task.config.get("dataset_name"), **told)
        except Exception:  # whatever it raises there, the run would not get its data
            return False
    return True


def data_trouble(problem: BaseException, dataset: str) -> str:
    """What is wrong with a data set on the Hub, or "" where the problem is another one.

    >>> data_trouble(RuntimeError("Dataset scripts are no longer supported, but found x.py"), "x")
    'the data set x is a Python script, which is not run; name a copy of it in Parquet or JSON'
    """
    chain = list(causes(problem))
    names = {name for each in chain for name in _names(each)}
    said = " ".join(str(each) for each in chain)
    if "Dataset scripts are no longer supported" in said or "trust_remote_code" in said:
        return (
            f"the data set {dataset} is a Python script, which is not run; "
            "name a copy of it in Parquet or JSON"
        )
    if "GatedRepoError" in names or "is a gated dataset" in said:
        return f"the data set {dataset} is gated; accept its terms on the Hub, then set HF_TOKEN"
    if names & set(GONE):
        return f"there is no data set {dataset} on the Hub (if it is private, set HF_TOKEN)"
    if any(map(is_silence, chain)):
        return (
            f"the data set {dataset} is not in the cache and the Hub cannot be reached "
            f"({describe(problem)}); `zoo prefetch` fetches it where there is a network"
        )
    return ""


def _names(problem: BaseException) -> set[str]:
    """What an exception is called, and what it is a kind of."""
    return {kind.__name__ for kind in type(problem).__mro__}
