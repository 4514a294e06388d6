"""What the shipped weights are and where they come from; and whether they are still that.

`manifest.json` stands beside the stage folders: for each stage the recipe with its settings, the
parent, the seed, the time, the versions of the packages, and the SHA-256 of every file.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parent / "weights"
NAME = "manifest.json"


def read(folder: Path = WEIGHTS) -> dict[str, Any]:
    """Entries by name of stage; empty where nothing was trained."""
    path = folder / NAME
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def revision(entry: dict[str, Any]) -> str:
    """First 12 hexadecimal digits of the SHA-256 of an entry: changes with any byte or setting."""
    canonical = json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()
    return sha256(canonical).hexdigest()[:12]


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a stage folder but a manifest, by name."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NAME
    }


def verify(folder: Path = WEIGHTS) -> list[str]:
    """One sentence for each file that is missing, changed or unknown to the manifest."""
    problems = []
    for stage, entry in read(folder).items():
        expected, found = entry["files"], hash_files(folder / stage)
        for name in sorted(expected.keys() | found.keys()):
            if name not in found:
                problems.append(f"{stage}/{name} is missing; install the package again.")
            elif name not in expected:
                problems.append(f"{stage}/{name} is not in the manifest; delete it.")
            elif expected[name] != found[name]:
                problems.append(f"{stage}/{name} was changed; install the package again.")
    return problems
