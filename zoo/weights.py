"""The weights of a checkpoint as their files' headers tell them: no tensor is read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from zoo.fingerprints import read_json

INDEX = "model.safetensors.index.json"

LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""


def weight_files(folder: Path) -> list[str]:
    """Names of the files in the folder that transformers reads a model's weights from."""
    shards = read_json(folder / INDEX).get("weight_map")
    if not isinstance(shards, dict):
        return ["model.safetensors"]
    return sorted({name for name in map(str, shards.values()) if Path(name).name == name})


def parameters_of(folder: Path, *, adapter: bool = False) -> int | None:
    """How many numbers a checkpoint's safetensors files hold; None where that does not tell how
    many parameters it has: files are missing or broken, or hold quantised weights.

    adapter: of an adapter's folder.
    """
    if read_json(folder / "config.json").get("quantization_config"):
        return None
    names = ["adapter_model.safetensors"] if adapter else weight_files(folder)
    try:
        headers = [_header(folder / name)[1] for name in names]
        shapes = [v["shape"] for each in headers for k, v in each.items() if k != "__metadata__"]
        return sum(math.prod(map(int, shape)) for shape in shapes)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def stated_length(path: Path) -> int | None:
    """Bytes that a safetensors file has once it is whole, by its own header; None where that is not
    there yet, or is none. Raises OSError where the file cannot be read."""
    try:
        before, header = _header(path)
        ends = [int(v["data_offsets"][1]) for k, v in header.items() if k != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
    return before + max(ends, default=0)


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """How many bytes of a safetensors file lie before its tensors, and what they say.

    Raises OSError or ValueError where it has no header.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(f"{path} is no safetensors file")
        found = json.loads(file.read(length))
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no safetensors file")
    return 8 + length, found
