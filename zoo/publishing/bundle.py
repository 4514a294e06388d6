"""A bundle: files for one repository, which appear in it together or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from zoo.store.atomic import write_file

Kind = Literal["dataset", "space", "model"]


@dataclass(frozen=True)
class Bundle:
    """What a publisher is given.

    kind: results are a data set, a page is a space; to a model it is offered as a pull request.
    target: where to: "org/name" on the Hub, whatever another publisher takes for a place.
    files: path -> bytes. private: whether only its owners may see the repository.
    title: one line that says what was done.

    >>> bundle = Bundle("dataset", "org/results", {"a.txt": b"abc"}, title="one file")
    >>> bundle.size, bundle.private
    (3, True)
    """

    kind: Kind
    target: str
    files: Mapping[str, bytes] = field(repr=False)
    title: str
    private: bool = True

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """Hex sha256 of each file."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}

    @cached_property
    def digest(self) -> str:
        """Hex sha256 of what it is, where it goes, who may see it, and every byte."""
        said = [self.kind, self.target, self.title, self.private, sorted(self.hashes.items())]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Writes the files into a folder, each whole or not at all. Raises OSError."""
        for path, data in self.files.items():
            write_file(folder / path, data)
