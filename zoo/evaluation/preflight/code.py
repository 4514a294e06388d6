"""Code of a checkpoint's repository: it is run only where loader_args pin the code itself.

A branch moves, and `true` trusts whatever stands there tomorrow. So `trust_remote_code` names the
commit of a repository on the Hub, or for a folder, which has none, the hash of its Python files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import CellError, ModelError
from zoo.fingerprints import digest, file_digest, read_json

TRUST = "trust_remote_code"

CODE = ("*.py",)
"""Patterns of the files that hold it, in a repository's folders too."""

NOT_FOR_GENERATION = ("custom_generate", TRUST)
"""Arguments that would have transformers fetch code from another place and run it."""


def pinned(model: str, wish: Any, commit: str | None, folder: Path, others: Sequence[Path]) -> str:
    """What pins the code that may run, or "" where none may.

    wish: what loader_args say. folder: of the checkpoint; commit: its own, None for a folder that
    is no snapshot. others: folders that are loaded with it, an adapter's and a tokenizer's.
    Raises ModelError where the wish pins anything else, or code would come from elsewhere.
    """
    if wish is None or wish is False or wish == "":
        return ""
    pin = commit or code_digest(folder)
    if not pin:
        raise ModelError(
            f"{TRUST} is set for {model}, and {folder} holds no Python file; take it out"
        )
    if wish != pin:
        raise ModelError(
            f"{TRUST} = {_shown(wish)} does not pin the code of {model}, which is at {pin}; read "
            f'that code, then write loader_args = {{ {TRUST} = "{pin}" }} in zoo.toml'
        )
    for place in (folder, *others):
        for reference in references(place):
            if "--" in reference:
                raise ModelError(
                    f"{model} takes code from another repository ({reference}), which its commit "
                    f"does not pin; put the Python file beside its config.json, and name it "
                    f"{reference.rpartition('--')[2]!r} there"
                )
            if place != folder:
                raise ModelError(
                    f"{place} brings code ({reference}), and {TRUST} pins the code of {model} "
                    "alone; use a tokenizer or an adapter without code"
                )
    return pin


def needed_code(
    model: str, config: Mapping[str, Any], commit: str | None, folder: Path | None
) -> str:
    """Why a checkpoint cannot be loaded without running its repository's code, or ""."""
    kind = config.get("model_type")
    brings = config.get("auto_map")
    if isinstance(brings, Mapping) and brings and isinstance(kind, str) and not _known(kind):
        return how_to_pin(model, kind, commit, folder)
    return ""


def how_to_pin(model: str, what: str, commit: str | None, folder: Path | None) -> str:
    """The sentence for code that is needed and not pinned. what: of the checkpoint needs it."""
    pin = commit or (code_digest(folder) if folder is not None else "")
    if not pin:
        return f"{model} needs code ({what}) that is not here; use a checkpoint without code"
    return (
        f"{model} needs code of its repository ({what}), which is not run unless it is pinned; use "
        f"a checkpoint that transformers itself knows, or read the code and write loader_args = "
        f'{{ {TRUST} = "{pin}" }} in zoo.toml'
    )


def references(folder: Path) -> list[str]:
    """Classes that a checkpoint takes from Python files, each as `[repository--]file.Class`."""
    settings = sorted({folder / "config.json", *folder.glob("*_config.json")})
    return [each for path in settings for each in _texts(read_json(path).get("auto_map"))]


def code_digest(folder: Path) -> str:
    """Hash of all Python files in a folder and below, names and bytes; "" where there is none."""
    files = sorted(path for path in folder.rglob(CODE[0]) if path.is_file())
    named = [[path.relative_to(folder).as_posix(), file_digest(path)] for path in files]
    return digest(named) if named else ""


def refuse_code_of_generation(gen_kwargs: Mapping[str, Any]) -> None:
    """Raises CellError where generation arguments would run code that nothing pins."""
    for name in NOT_FOR_GENERATION:
        if name in gen_kwargs:
            raise CellError(
                f"the generation argument {name} would run code of a repository, which nothing "
                "pins; take it out of the task or of --gen-kwargs"
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _shown(wish: Any) -> str:
    """A wish as it can be shown: what is no plain word may hold anything."""
    text = str(wish)
    return text if re.fullmatch(r"[\w./-]{1,64}", text) else "..."


def _known(model_type: str) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return model_type in CONFIG_MAPPING_NAMES
