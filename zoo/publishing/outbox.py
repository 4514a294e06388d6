"""What is being sent: kept in the store until it has landed, so that the next publication ends it.

    outbox/<digest>/entry.json    publisher, target, and the hash of each file, sealed
    outbox/<digest>/<sha256>      the files

An entry is written before anything is sent and removed when it has landed, or when it was refused
for good: then only its author can change that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import StoreError
from zoo.publishing.bundle import Bundle
from zoo.store import atomic
from zoo.store.sealed import seal, sha256, unseal

ENTRY = "entry.json"


@dataclass(frozen=True)
class Entry:
    """A bundle for a publisher. options: its arguments by name, no secret among them."""

    publisher: str
    bundle: Bundle
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outbox:
    """The entries of a store."""

    root: Path

    def add(self, entry: Entry) -> None:
        """Keeps an entry. Raises StoreError where it cannot be written."""
        bundle = entry.bundle
        head = {
            "publisher": entry.publisher,
            "options": dict(entry.options),
            "kind": bundle.kind,
            "target": bundle.target,
            "title": bundle.title,
            "private": bundle.private,
            "files": dict(bundle.hashes),
        }
        files = {hash: bundle.files[path] for path, hash in bundle.hashes.items()}
        try:
            atomic.make_folder(self.root)
            atomic.write_folder(self._folder(entry), {**files, ENTRY: seal(head)})
        except OSError as problem:
            raise StoreError(f"{self.root} cannot be written: {problem.strerror}") from None

    def remove(self, entry: Entry) -> None:
        """Forgets an entry, if it is there."""
        atomic.remove(self._folder(entry))

    def pending(self) -> tuple[list[Entry], list[str]]:
        """Every entry, each of its bytes checked, and a sentence for each that is damaged."""
        found, problems = [], []
        for folder in sorted(self.root.glob("*")):
            if re.fullmatch("[0-9a-f]{64}", folder.name):
                try:
                    found.append(_read(folder))
                except StoreError as problem:
                    if folder.is_dir():  # else it has just landed, by another publication
                        problems.append(str(problem))
        return found, problems

    def _folder(self, entry: Entry) -> Path:
        return self.root / sha256(f"{entry.publisher} {entry.bundle.digest}".encode())


def _read(folder: Path) -> Entry:
    try:
        head = unseal((folder / ENTRY).read_bytes())
        files = {path: (folder / hash).read_bytes() for path, hash in head["files"].items()}
        bundle = Bundle(head["kind"], head["target"], files, head["title"], head["private"])
        if dict(bundle.hashes) != head["files"]:
            raise ValueError("its files are not what was written")
        return Entry(head["publisher"], bundle, head["options"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise StoreError(f"{folder} cannot be read ({problem}); remove it") from None
