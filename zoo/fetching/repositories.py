"""One repository of the Hub: the files that a run reads, fetched and held against their hashes.

The Hub's client checks the size of what it fetched, and of what lies in its cache nothing. Here
every file is hashed whole: against the SHA-256 that the Hub gives for large files, or against the
hash that git gives small ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ModelError
from zoo.evaluation.places import Place
from zoo.evaluation.preflight.disk import ASKING
from zoo.fingerprints import file_digest
from zoo.probing import describe
from zoo.snapshots import SMALL_FILES, causes, is_silence, reason_of, small_snapshot

Kind = Literal["model", "dataset"]

Meter = Callable[[int], None]
"""Is told bytes as they come; what it raises ends the download."""


@dataclass(frozen=True)
class File:
    """A file as the Hub describes it. hash: sha256 of a large one, else git's."""

    size: int
    hash: str
    large: bool

    def is_at(self, path: Path) -> bool:
        """Whether a file here has these bytes."""
        from huggingface_hub.utils import sha

        if path.stat().st_size != self.size:
            return False
        found = file_digest(path) if self.large else sha.git_hash(path.read_bytes())
        return found == self.hash


@dataclass(frozen=True)
class Repository:
    """A repository at one commit. files: those that a run reads. mended: names of files whose bytes
    in the cache were others than the Hub's, and that were fetched again."""

    kind: Kind
    name: str
    folder: Path
    files: Mapping[str, File]
    mended: tuple[str, ...] = ()

    @property
    def commit(self) -> str:
        """The commit."""
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes of all files that a run reads."""
        return sum(file.size for file in self.files.values())

    @property
    def lacking(self) -> dict[str, int]:
        """Bytes by name of the files that are not here."""
        there = {name for name in self.files if (self.folder / name).is_file()}
        return {name: file.size for name, file in self.files.items() if name not in there}


def look_at(place: Place, *, mend: bool = True) -> Repository:
    """What a run reads of a place; its small files are fetched, and mended where they are damaged.

    Raises ModelError where it cannot be had.
    """
    folder = small_snapshot(place.name, place.revision, place.code)
    every = listing("model", place.name, folder.name)
    small = (*SMALL_FILES, *place.code)
    read = {name: file for name, file in every.items() if any(fnmatch(name, p) for p in small)}
    found = Repository("model", place.name, folder, read)
    if mend:
        found = mended(found, lambda _: None)
    names = place.weights(folder)
    if absent := [name for name in names if name not in every]:
        raise ModelError(
            f"{place.name} holds no weights that a run reads at {folder.name[:12]} ({absent[0]} is "
            "not among its files); convert the checkpoint to safetensors first"
        )
    return replace(found, files={**found.files, **{name: every[name] for name in names}})


def listing(kind: Kind, name: str, commit: str) -> dict[str, File]:
    """The files of a repository by name. Raises ModelError where the Hub does not tell."""
    from huggingface_hub import HfApi

    try:
        info: Any = HfApi().repo_info(
            name, revision=commit, repo_type=kind, files_metadata=True, timeout=ASKING
        )
    except Exception as problem:
        raise ModelError(_unanswered(problem, name, commit, kind)) from None
    return {
        each.rfilename: File(
            each.size, each.lfs.sha256 if each.lfs else each.blob_id, bool(each.lfs)
        )
        for each in info.siblings or ()
    }


def fetch(found: Repository, name: str, meter: Meter, *, anew: bool = False) -> None:
    """Fetches one file into the cache. anew: also where it is there.

    Raises ModelError with what went wrong; files that were fetched before stay.
    """
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(
            found.name,
            name,
            repo_type=found.kind,
            revision=found.commit,
            force_download=anew,
            tqdm_class=_bar(meter),
        )
    except Exception as problem:
        if isinstance(problem, Stopped):
            raise
        raise ModelError(_broken_off(problem, found, name)) from None


def mended(found: Repository, meter: Meter) -> Repository:
    """The repository after every file that is here was hashed; what differs from the Hub's is
    fetched again.

    Raises ModelError where what comes is again something else; that file is then removed, so that
    no run reads it.
    """
    damaged = damaged_files(found)
    for name in damaged:
        fetch(found, name, meter, anew=True)
        if not found.files[name].is_at(found.folder / name):
            (found.folder / name).resolve().unlink(missing_ok=True)
            (found.folder / name).unlink(missing_ok=True)
            raise ModelError(
                f"{name} of {found.name} came with other bytes than the Hub's hash says, twice, "
                "and was removed; is something between here and the Hub changing it?"
            )
    return replace(found, mended=(*found.mended, *damaged))


def damaged_files(found: Repository) -> list[str]:
    """Names of the files that are here with other bytes than the Hub's."""
    places = {name: found.folder / name for name in found.files}
    there = {name: path for name, path in places.items() if path.is_file()}
    return [name for name, path in there.items() if not found.files[name].is_at(path)]


class Stopped(Exception):
    """Raised by a meter to end a download."""


def _bar(meter: Meter) -> Any:
    """A bar of the Hub's client that shows nothing and tells a meter what comes."""
    from huggingface_hub.utils.tqdm import tqdm

    class Metered(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            meter(int(n or 0))
            return None

        # a client that has these tells of Xet's two counts (received, written) by one bar
        def update_transfer(self, n: float | None = 1) -> None:
            pass

        def set_transfer_postfix_str(self, *args: Any, **kwargs: Any) -> None:
            pass

    return Metered


def _unanswered(problem: Exception, name: str, commit: str, kind: Kind) -> str:
    if any(map(is_silence, causes(problem))):
        return f"the Hub does not answer for {name} ({type(problem).__name__}); try again later"
    return reason_of(problem, name, commit, kind) or f"{name} cannot be read: {describe(problem)}"


def _broken_off(problem: Exception, found: Repository, name: str) -> str:
    broken = ("Consistency check", "peer closed", "incomplete")
    if any(map(is_silence, causes(problem))) or any(each in str(problem) for each in broken):
        return (
            f"the download of {name} of {found.name} broke off ({describe(problem)}); run again, "
            "whole files are kept"
        )
    reason = reason_of(problem, found.name, found.commit, found.kind)
    return reason or f"{name} of {found.name} cannot be fetched: {describe(problem)}"
