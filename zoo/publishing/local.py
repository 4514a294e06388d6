"""What of a stage's settings names this machine: such settings stay here, whole."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Mapping
from pathlib import Path, PurePath
from typing import Any

from zoo.publishing.names import is_hub_id
from zoo.redaction import redact

FILES = (
    ".arrow .bin .csv .gguf .gz .json .jsonl .md .parquet .pkl .pt .pth .py .safetensors .toml "
    ".tsv .txt .yaml .yml .zip .zst"
).split()
"""Endings by which a file is known that is not in the current folder."""

_HUB = re.compile(r"([^@:\\]+)(?:@[\w.-]+)?(?::[\w.+\[\]%:-]+)?")
"""`org/name`, with `@revision` and `:split` where they are told."""


def shareable(settings: Mapping[str, Any], known: Container[str] = ()) -> dict[str, Any]:
    """Settings that may go out, secrets struck; one with a local path anywhere in it is left out.

    known: ids of the Hub beside those in its cache.
    """
    return {
        name: _struck(value)
        for name, value in settings.items()
        if not is_local(name, known) and not is_local(value, known)
    }


def is_local(value: Any, known: Container[str] = ()) -> bool:
    """Whether a value of JSON holds what may be a path of this machine, at any depth.

    A text with a separator is one, unless it is an id that the Hub is known to have: one in
    `known` or in the cache. `org/model` may be a folder just as well.

    >>> is_local("cosine"), is_local("private/rows"), is_local({"a": [1, "~/b"]}), is_local("c.csv")
    (False, True, True, True)
    >>> is_local("org/model"), is_local("org/model@v1:train", {"org/model"})
    (True, False)
    """
    if isinstance(value, Mapping):
        return any(is_local(each, known) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(is_local(each, known) for each in value)
    if isinstance(value, PurePath):
        return True
    if not isinstance(value, str):
        return False
    if value.startswith(("~", ".")) or os.path.exists(value):
        return True
    if "/" in value or "\\" in value:
        return not _is_known(value, known)
    return value.lower().endswith(tuple(FILES))


def _is_known(text: str, known: Container[str]) -> bool:
    named = _HUB.fullmatch(text)
    if named is None or not is_hub_id(named[1]) or os.path.exists(named[1]):
        return False
    return named[1] in known or _is_cached(named[1])


def _is_cached(name: str) -> bool:
    """Whether the Hub's cache has something of a model or a data set."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cache = Path(constants.HF_HUB_CACHE)
    kinds = ("model", "dataset")
    return any((cache / repo_folder_name(repo_id=name, repo_type=k)).is_dir() for k in kinds)


def _struck(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _struck(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_struck(each) for each in value]
    return redact(value) if isinstance(value, str) else value
