"""What is being sent: kept in the store until it has landed, so that the next publication ends it.

    outbox/<digest>/entry.json    publisher, target, and the hash of each file, sealed
    outbox/<digest>/<sha256>      the files

An entry is written before anything is sent and removed when it has landed, or when it was refused
for good: then only its author can change that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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

    @property
    def digest(self) -> str:
        """Hex sha256 of the bundle and of how it is published."""
        said = [self.publisher, self.bundle.digest, dict(self.options)]
        return sha256(json.dumps(said, sort_keys=True).encode())

    def as_private_as(self, other: Entry) -> Entry:
        """The entry; where the other is to be private in the same repository, it is so too."""
        places = [(each.publisher, each.bundle.kind, each.bundle.target) for each in (self, other)]
        if places[0] != places[1] or not other.bundle.private:
            return self
        return replace(self, bundle=replace(self.bundle, private=True))


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
        return self.root / entry.digest


def _read(folder: Path) -> Entry:
    try:
        head = unseal((folder / ENTRY).read_bytes())
        files = {path: (folder / hash).read_bytes() for path, hash in head["files"].items()}
        bundle = Bundle(head["kind"], head["target"], files, head["title"], head["private"])
        if dict(bundle.hashes) != head["files"]:
            raise ValueError("its files are not what was written")
        entry = Entry(head["publisher"], bundle, head["options"])
        if entry.digest != folder.name:
            raise ValueError("it is another one than its folder says")
        return entry
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise StoreError(f"{folder} cannot be read ({problem}); remove it") from None
