"""Trains a stage from its parent, and says in a manifest how it was done."""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import ModelError
from zoo_nano import manifest
from zoo_nano.card import card
from zoo_nano.recipes import SEED, STAGES, train_stage

PACKAGES = ("torch", "transformers", "tokenizers", "datasets", "trl", "peft")


def _versions() -> dict[str, str | None]:
    """Versions of the packages that training uses; None for one that is not installed."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return versions


def parent_of(name: str, out: Path) -> tuple[Path | None, str | None]:
    """Folder and revision of a stage's parent: in `out` if it is there, else the shipped one."""
    parent = STAGES[name].parent
    if parent is None:
        return None, None
    home = out if parent in manifest.read(out) else manifest.WEIGHTS
    entries = manifest.read(home)
    if parent not in entries:
        raise ModelError(f"{name} is made from {parent}, which is not in {out}: train it first")
    return home / parent, manifest.revision(entries[parent])


def make(
    name: str,
    folder: Path,
    parent: Path | None,
    parent_revision: str | None,
    seed: int = SEED,
    steps: int | None = None,
) -> dict[str, Any]:
    """Train one stage into `folder`, write its card, and return its entry for the manifest.

    Raises ModelError where a package of the extra `train` is needed and missing.
    """
    import torch

    stage = STAGES[name]
    if stage.parent and find_spec("trl") is None:
        raise ModelError(
            f"{name} is trained with TRL; install it with: pip install 'stagezoo[train]'."
        )
    started = time.perf_counter()
    train_stage(name, folder, parent, seed=seed, steps=steps)
    seconds = round(time.perf_counter() - started, 1)
    settings: dict[str, Any] = asdict(stage.plan) | ({} if steps is None else {"steps": steps})
    (folder / "README.md").write_text(card(stage, settings, seed, seconds), encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)  # weights are written so that only their owner may read them
    return {
        "recipe": stage.make.__name__.strip("_"),
        "settings": settings,
        "parent": stage.parent,
        "parent_revision": parent_revision,
        "seed": seed,
        "steps": settings["steps"],
        "seconds": seconds,
        "threads": torch.get_num_threads(),
        "packages": _versions(),
        "files": manifest.hash_files(folder),
    }


def train_checkpoint(
    name: str,
    out: Path,
    parent: Path | None = None,
    *,
    seed: int = SEED,
    steps: int | None = None,
    threads: int = 2,
) -> None:
    """Train one stage into the folder `out`, from `parent` or the shipped parent.

    `out/manifest.json` holds its entry.
    """
    import torch

    torch.set_num_threads(threads)
    found, parent_revision = parent_of(name, manifest.WEIGHTS)
    if parent is not None:
        found, parent_revision = Path(parent), None
    entry = make(name, Path(out), found, parent_revision, seed, steps)
    manifest.write({name: entry}, Path(out))
