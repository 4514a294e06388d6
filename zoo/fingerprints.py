"""Hashes of a checkpoint's files: what weights, which tokenizer, which chat template.

Hashing gigabytes takes seconds, so a file's hash is remembered by path, inode, size and the times
of its last changes. The memory is a cache: losing it costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
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
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "tekken.json",
)
PROCESSOR = ("preprocessor_config.json", "processor_config.json", "chat_template.json")
SETTLED = 2_000_000_000
"""Nanoseconds after which a file that has not changed is remembered. A file system's clock ticks:
two writes within a tick look the same from outside, so a file just written is hashed again."""


@dataclass(frozen=True)
class Fingerprint:
    """Identity of a checkpoint's folder: hex sha256 of each part, "" where it has none.

    weights covers the tensors and the settings that shape what they compute or generate; settings
    alone are no weights. A chat template that stands in the tokenizer's own settings is part of
    both. processor: of what decides how images are read; no part of answers to text alone.
    """

    weights: str
    tokenizer: str
    chat_template: str
    processor: str = ""


def fingerprint(folder: Path) -> Fingerprint:
    """The fingerprint of a local checkpoint (a model or an adapter), names and bytes, no paths."""
    return Fingerprint(
        weights=_hash_files(folder, (*WEIGHTS, *SETTINGS)) if _matches(folder, WEIGHTS) else "",
        tokenizer=_hash_files(folder, TOKENIZER),
        chat_template=digest(chat_template_of(folder)),
        processor=_hash_files(folder, PROCESSOR),
    )


def chat_template_of(folder: Path) -> str | None:
    """The checkpoint's chat template: its own file, or the tokenizer's setting, or None.

    Several named templates come as one JSON text, since each of them may be asked for.
    """
    named = {path.stem: _text(path) for path in folder.glob("additional_chat_templates/*.jinja")}
    own = folder / "chat_template.jinja"
    if own.is_file():
        return canonical({"default": _text(own), **named}) if named else _text(own)
    template = read_json(folder / "tokenizer_config.json").get("chat_template")
    if named:
        return canonical({"default": template, **named})
    return template if isinstance(template, str) or not template else canonical(template)


def processor_template_of(folder: Path) -> str | None:
    """The chat template of a processor that has one beside its tokenizer's, as older ones do."""
    if (folder / "chat_template.jinja").is_file():
        return None
    template = read_json(folder / "chat_template.json").get("chat_template")
    return template if isinstance(template, str) else None


def _text(path: Path) -> str:
    """A file's text; bytes that are none become lone surrogates, so that other bytes differ."""
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object; {} where there is none that can be read."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
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


def digest_of_cells(score_keys: Iterable[str]) -> str:
    """What tells a set of cells from others, whatever order they come in."""
    return digest(sorted(score_keys))


def file_digest(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _matches(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Names of the folder's files that match any of the patterns, sorted."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(path.name for path in found)


def _hash_files(folder: Path, patterns: Iterable[str]) -> str:
    names = _matches(folder, patterns)
    return digest([[name, remembered_digest(folder / name)] for name in names]) if names else ""


def remembered_digest(path: Path) -> str:
    """`file_digest`, from memory where the file is still the one it was made of."""
    real = path.resolve()
    stat = real.stat()
    key = f"{real}|{stat.st_ino}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}"
    memory = user_cache_path("stagezoo") / "fingerprints.json"
    known = read_json(memory)
    found = known.get(key)
    if isinstance(found, str) and re.fullmatch("[0-9a-f]{64}", found):
        return found
    made = file_digest(real)
    if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > SETTLED:
        _replace(memory, {**known, key: made})
    return made


def _replace(path: Path, table: dict[str, Any]) -> None:
    """Writes JSON so that no reader sees half of it; where it cannot be written, it is not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
        ) as file:
            json.dump(table, file)
    except OSError:
        return
    try:
        os.replace(file.name, path)
    except OSError:
        Path(file.name).unlink(missing_ok=True)
