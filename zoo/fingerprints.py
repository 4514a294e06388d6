"""Hashes of a checkpoint's files: what weights, which tokenizer, which chat template.

Hashing gigabytes takes seconds, so a file's hash is remembered by path, size and modification
time (nanoseconds). The memory is a cache: losing it costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
SETTINGS = ("config.json", "generation_config.json", "adapter_config.json")
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "spiece.model",
)


@dataclass(frozen=True)
class Fingerprint:
    """Identity of a checkpoint's folder: hex sha256 of each part, "" where it has none.

    weights covers the tensors and the settings that shape what they compute or generate.
    """

    weights: str
    tokenizer: str
    chat_template: str


def fingerprint(folder: Path) -> Fingerprint:
    """The fingerprint of a local checkpoint (a model or an adapter), names and bytes, no paths."""
    return Fingerprint(
        weights=_hash_files(folder, (*WEIGHTS, *SETTINGS)),
        tokenizer=_hash_files(folder, TOKENIZER),
        chat_template=digest(chat_template_of(folder)),
    )


def chat_template_of(folder: Path) -> str | None:
    """The checkpoint's chat template: its own file, or the tokenizer's setting, or None.

    Several named templates come as one JSON text, since each of them may be asked for.
    """
    own = folder / "chat_template.jinja"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    template = read_json(folder / "tokenizer_config.json").get("chat_template")
    return template if isinstance(template, str) or not template else canonical(template)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object; {} where there is none that can be read."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def canonical(value: Any) -> str:
    """JSON with one spelling for equal values: sorted keys, no spaces, no nan."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: Any) -> str:
    """Hex sha256 of a value's canonical JSON; "" for None."""
    if value is None:
        return ""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_files(folder: Path, patterns: Iterable[str]) -> str:
    names = sorted({path.name for pattern in patterns for path in folder.glob(pattern)})
    return digest([[name, _remembered(folder / name)] for name in names]) if names else ""


def _remembered(path: Path) -> str:
    """The file's hash, from memory where path, size and time are those it was made with."""
    real = path.resolve()
    stat = real.stat()
    key = f"{real}|{stat.st_size}|{stat.st_mtime_ns}"
    memory = user_cache_path("stagezoo") / "fingerprints.json"
    known = read_json(memory)
    if key not in known:
        known[key] = file_digest(real)
        _replace(memory, known)
    return str(known[key])


def _replace(path: Path, table: dict[str, Any]) -> None:
    """Writes JSON so that no reader sees half of it; where it cannot be written, it is not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(table, file)
        Path(name).replace(path)
    except OSError:
        return
