"""What models and folders of this machine are called elsewhere: no home, no absolute path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePath
from typing import Any

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
"""What the Hub takes for the name of a repository."""


def is_hub_id(name: str) -> bool:
    """Whether a model may be one of the Hub: two parts, neither of them a path.

    >>> is_hub_id("org/model"), is_hub_id("./base"), is_hub_id("/models/base")
    (True, False, False)
    """
    return bool(HUB_ID.fullmatch(name)) and "/" in name and ".." not in name


def safe(name: str) -> str:
    """One step of a path in a repository, of any text.

    >>> safe("../a b"), safe("org/model")
    ('_.a_b', 'org_model')
    """
    return re.sub(r"\.{2,}", ".", re.sub(r"[^\w.-]+", "_", name)).lstrip(".") or "_"


def public_names(models: Iterable[str]) -> dict[str, str]:
    """What models in absolute folders are called elsewhere: by the folder's name, or as much of
    its path as tells it from the others.

    >>> public_names(["org/m", "/data/a/last", "/data/b/last", "/x/tuned"])
    {'/data/a/last': './a/last', '/data/b/last': './b/last', '/x/tuned': './tuned'}
    """
    folders = [name for name in dict.fromkeys(models) if PurePath(name).is_absolute()]
    found = {}
    for name in folders:
        parts = PurePath(name).parts[1:]
        for length in range(1, len(parts) + 1):
            tail = parts[-length:]
            alike = [each for each in folders if PurePath(each).parts[-length:] == tail]
            if len(alike) == 1:
                break
        found[name] = "./" + "/".join(parts[-length:])
    # a folder may stand inside another, whose name begins as its own does
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A value of JSON in which every text calls models by their public names, and this machine's
    home `~`; nan becomes None. names: as `public_names` gives them, the longest first."""
    if isinstance(value, Mapping):
        return {_said(str(key), names): renamed(each, names) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [renamed(each, names) for each in value]
    if isinstance(value, str):
        return _said(value, names)
    return None if isinstance(value, float) and value != value else value


def _said(text: str, names: Mapping[str, str]) -> str:
    if "/" not in text and "\\" not in text:  # no path
        return text
    for path, name in names.items():
        text = text.replace(path, name)
    home = _home()
    return text.replace(home, "~") if len(home) > 1 else text


@cache
def _home() -> str:
    return str(Path.home())
