"""The small files of a Hub repository: all that says what a checkpoint is, but no weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import ModelError
from zoo.fingerprints import TOKENIZER

SMALL_FILES = ("*.json", "*.jinja", "*.txt", "README.md", *TOKENIZER)
ADAPTER = ("adapter_model.safetensors",)
"""Weights of an adapter, which are small too."""

PATIENCE = 10.0
"""Seconds that the Hub has to say what it knows of a name."""

SILENT = frozenset(
    """ConnectionError ConnectError LocalEntryNotFoundError OfflineModeIsEnabled TimeoutException
    ReadTimeout ConnectTimeout ReadError RemoteProtocolError TimeoutError""".split()
)
"""Names of exceptions, whichever library brings them, that say that nobody answered."""


def is_silence(problem: BaseException) -> bool:
    """Whether an exception says that the Hub did not answer, not that it refused.

    >>> is_silence(TimeoutError()), is_silence(ValueError())
    (True, False)
    """
    return bool({kind.__name__ for kind in type(problem).__mro__} & SILENT)


def causes(problem: BaseException) -> Iterator[BaseException]:
    """An exception and what it came of."""
    seen: set[int] = set()
    waiting: BaseException | None = problem
    while waiting is not None and id(waiting) not in seen:
        seen.add(id(waiting))
        yield waiting
        waiting = waiting.__cause__ or waiting.__context__


@dataclass(frozen=True)
class Snapshot:
    """The small files of a repository at one commit.

    folder: named by the commit. parameters: what the Hub counts, None where it does not say or was
    not asked.
    """

    folder: Path
    parameters: int | None = None

    @property
    def commit(self) -> str:
        """The commit."""
        return self.folder.name


def small_snapshot(name: str, revision: str | None, more: Sequence[str] = ()) -> Path:
    """The snapshot folder (named by its commit) of a Hub repository, from the cache if offline.

    more: patterns of further files to fetch. The Hub is asked at every call, since a branch moves;
    where it does not answer in time, only the cache is looked at.
    Raises ModelError: gated, missing, unknown revision, or not in the cache and out of reach.
    """
    return read_snapshot(name, revision, more).folder


def read_snapshot(name: str, revision: str | None, more: Sequence[str] = ()) -> Snapshot:
    """As `small_snapshot`, with what the Hub says of the model."""
    from huggingface_hub import snapshot_download

    answered, info = _ask(name, revision)
    try:
        found = snapshot_download(
            name,
            revision=revision,
            allow_patterns=[*SMALL_FILES, *more],
            local_files_only=not answered,
            tqdm_class=_silent(),
        )
    except Exception as problem:
        if reason := reason_of(problem, name, revision):
            raise ModelError(reason) from None
        raise
    counted = getattr(getattr(info, "safetensors", None), "total", None)
    return Snapshot(Path(found), counted)


def cached_snapshot(name: str, revision: str | None, more: Sequence[str] = ()) -> Path | None:
    """As `small_snapshot`, of the cache alone; None where it does not hold all of these files."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    wanted = [*SMALL_FILES, *more]
    try:
        found = snapshot_download(
            name, revision=revision, allow_patterns=wanted, local_files_only=True
        )
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None
    return Path(found)


def reason_of(problem: Exception, name: str, revision: str | None, kind: str = "model") -> str:
    """Why a repository's files cannot be had, with the remedy; "" where that is not the Hub's.

    kind: model or dataset.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    match problem:
        case GatedRepoError():
            return f"{name} is gated; accept its terms on the Hub, then set HF_TOKEN"
        case RepositoryNotFoundError():
            noun = "data set" if kind == "dataset" else kind
            return f"there is no {noun} {name} on the Hub (if it is private, set HF_TOKEN)"
        case RevisionNotFoundError():
            return f"{name} has no revision {revision!r} (its page on the Hub lists them)"
        case HFValidationError():
            return f"{name!r} is no Hub id: {problem}"
        case HfHubHTTPError() | OSError():
            if refused := _refused(problem):
                return f"the Hub refuses {name} ({refused}); set HF_TOKEN to one that may read it"
            target = f"{name}@{revision}" if revision else name
            return (
                f"{name} is not in the cache and the Hub cannot be reached "
                f"({type(problem).__name__}); `zoo prefetch SUITE {target}` fetches it where there "
                "is a network, or name a folder"
            )
    return ""


def _refused(problem: Exception) -> int:
    """The status with which the Hub refuses, 0 where it has not."""
    answers = (getattr(each, "response", None) for each in causes(problem))
    found = (getattr(each, "status_code", 0) for each in answers)
    return next((status for status in found if status in (401, 403)), 0)


def _silent() -> Any:
    """A bar that shows nothing: small files are there at once, and have no line of their own."""
    from huggingface_hub.utils.tqdm import tqdm

    class Silent(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

    return Silent


def _ask(name: str, revision: str | None) -> tuple[bool, Any]:
    """(whether the Hub says anything of a model in time, what it says): its own client, where a
    connection hangs, tries again for minutes."""
    from huggingface_hub import HfApi

    try:
        return True, HfApi().model_info(name, revision=revision, timeout=PATIENCE)
    except Exception as problem:
        return not is_silence(problem), None


def branches_of(name: str) -> list[str]:
    """Names of a repository's branches; [] where the Hub does not tell."""
    from huggingface_hub import HfApi

    try:
        return [each.name for each in HfApi().list_repo_refs(name).branches]
    except Exception:
        return []
