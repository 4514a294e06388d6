"""What a publisher has sent to a place that it cannot read back: kept in the store's outbox.

outbox/notes/<sha256 of publisher and target>.json    {"publisher", "target", "sent": [...]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import StoreError
from zoo.fingerprints import digest, read_json
from zoo.store.atomic import make_folder, write_file


@dataclass(frozen=True)
class Notes:
    """Marks of what was sent, each a text of the publisher's own choice.

    A publisher whose `publish` takes an argument `notes` is given those of its target.
    """

    path: Path
    publisher: str
    target: str

    @property
    def sent(self) -> frozenset[str]:
        """The marks that are kept; none where nothing was sent."""
        found = read_json(self.path).get("sent")
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

    def keep(self, marks: Iterable[str]) -> None:
        """Adds marks. Raises StoreError where they cannot be written."""
        table = {"publisher": self.publisher, "target": self.target}
        said = {**table, "sent": sorted({*self.sent, *marks})}
        try:
            make_folder(self.path.parent)
            write_file(self.path, json.dumps(said, indent=1).encode())
        except OSError as problem:
            raise StoreError(f"{self.path} cannot be written: {problem.strerror}") from None


def notes_of(outbox: Path, publisher: str, target: str) -> Notes:
    """The notes of a publisher on one of its targets. outbox: folder of a store's outbox."""
    return Notes(outbox / "notes" / f"{digest([publisher, target])}.json", publisher, target)
