"""Whether weights that must be downloaded, and the results, fit onto their disks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.evaluation.checkpoints import Checkpoint
from zoo.evaluation.preflight.findings import Finding, size
from zoo.fingerprints import read_json
from zoo.weights import INDEX, weight_files

ANSWER = 250
"""Bytes of disk for an answer with its score (measured: 225 in cells of 60 items, manifests in)."""

TOKEN = 4
"""Bytes for a token of a written answer."""

ASKING = 10.0
"""Seconds the Hub has to say how large files are; without an answer the run goes on."""


@dataclass(frozen=True)
class Download:
    """Weights of a checkpoint: bytes in all, and those that are not here yet; 0 is unknown."""

    weights: int = 0
    missing: int = 0


def download(checkpoint: Checkpoint) -> Download:
    """What must be fetched for a checkpoint; nothing for a folder of ours."""
    folder = checkpoint.folder
    if folder is None or checkpoint.repository is None:
        return Download()
    names = weight_files(folder)
    lacking = [name for name in names if not (folder / name).exists()]
    if not lacking:
        return Download()
    sizes = _sizes(checkpoint.repository, checkpoint.commit)
    if all(name in sizes for name in names):
        return Download(sum(map(sizes.__getitem__, names)), sum(map(sizes.__getitem__, lacking)))
    indexed = (read_json(folder / INDEX).get("metadata") or {}).get("total_size")
    if isinstance(indexed, int):
        return Download(indexed, indexed * len(lacking) // len(names))
    return Download()


def downloads(lacking: Mapping[str, Download], folder: Path) -> Iterator[Finding]:
    """A refusal of each model whose weights, after those before it, find no room in a folder."""
    free = free_bytes(folder)
    if free is None:
        return
    taken = 0
    for model, each in lacking.items():
        if taken + each.missing <= free:
            taken += each.missing
            continue
        left = size(free - taken)
        text = (
            f"the weights of {model} are {size(each.missing)} to download, and {folder} has {left} "
            "free for them; make room, or set HF_HOME to another disk"
        )
        yield Finding(text, model, refuses=True)


def results(answers: Iterable[tuple[int, int]], folder: Path) -> Iterator[Finding]:
    """A refusal where the results of a run find no room, a warning where it is scarce.

    answers: of each cell, how many, and at most how many tokens one is long.
    """
    free = free_bytes(folder)
    if free is None:
        return
    needed = sum(count * (ANSWER + TOKEN * longest) for count, longest in answers)
    text = (
        f"the results take up to {size(needed)}, and {folder} has {size(free)} free; make room, or "
        "name a folder on another disk with --store"
    )
    if free < needed / 4:
        yield Finding(text, refuses=True)
    elif free < needed:
        yield Finding(text)


def cache_folder() -> Path:
    """Where the Hub's files are kept."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def free_bytes(folder: Path) -> int | None:
    """Bytes free on the disk of a folder that need not be there yet; None where that is unknown."""
    places = (folder.absolute(), *folder.absolute().parents)
    try:
        return shutil.disk_usage(next(each for each in places if each.exists())).free
    except OSError:
        return None


def _sizes(repository: str, commit: str | None) -> dict[str, int]:
    """Bytes of a Hub repository's files by name; {} where the Hub does not say."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return {}
    try:
        found = HfApi().model_info(repository, revision=commit, files_metadata=True, timeout=ASKING)
    except Exception:
        return {}  # who may not ask is told so when the weights are fetched
    return {each.rfilename: each.size for each in found.siblings or () if each.size is not None}
