"""Adds models to zoo.toml and leaves all else in it as it stands: comments, order, line ends."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.config import FILE_NAME, read_config
from zoo.errors import ConfigError
from zoo.store.atomic import UNFINISHED, make_folder, write_file

PATIENCE = 60.0
"""Seconds that one who is to change a zoo.toml waits for another who does."""

Entry = Mapping[str, Any]
"""A model's own table, keys in the order in which they are written."""


def with_models(text: str, family: str, models: Sequence[Entry], title: str = "") -> str:
    """The text of a zoo.toml with models added to a family, which is made where it is missing.

    title: of a family that is made. Raises ConfigError where the text is no TOML, or holds
    something else in the family's place.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        if "families" not in document:
            document["families"] = tomlkit.table(is_super_table=True)
        families: Any = document["families"]
        if family not in families:
            families[family] = tomlkit.table()
            if title:
                families[family]["title"] = title
        if "models" not in families[family]:
            families[family]["models"] = tomlkit.array()
        listed = families[family]["models"]
        for model in models:
            if isinstance(listed, tomlkit.items.AoT):
                table = tomlkit.table()
                table.update(model)
                listed.append(table)
            else:
                listed.add_line(tomlkit.value(_inline(model)), indent="  ")
        if isinstance(listed, tomlkit.items.Array) and len(listed) == len(models):
            listed.add_line(indent="", add_comma=False)
        found = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError, ValueError) as problem:
        raise ConfigError(f"models cannot be added to {FILE_NAME}: {problem}") from None
    return re.sub(r"(?<!\r)\n", "\r\n", found) if "\r\n" in text else found


def _inline(entry: Entry) -> str:
    import tomlkit

    def spelled(value: Any) -> str:
        if isinstance(value, Mapping):
            return _inline(value)
        return tomlkit.item(value).as_string()

    pairs = (f"{tomlkit.key(k).as_string()} = {spelled(v)}" for k, v in entry.items())
    return "{ " + ", ".join(pairs) + " }"


def add_models(path: Path, family: str, models: Sequence[Entry], title: str = "") -> None:
    """Writes models into a zoo.toml, whole or not at all; makes the file where there is none.

    Raises ConfigError where the file could not be read with them, or was changed meanwhile: then
    it is left as it was.
    """
    path = path.resolve()
    before = _bytes(path)
    try:
        text = with_models(before.decode("utf-8-sig"), family, models, title)
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not written in UTF-8; save it so first") from None
    mark = b"\xef\xbb\xbf" if before.startswith(b"\xef\xbb\xbf") else b""
    data = mark + text.encode("utf-8")
    draft = path.with_name(f"{UNFINISHED}{secrets.token_hex(4)}")
    try:
        draft.write_bytes(data)
        _check(draft, path)
        if _bytes(path) != before:
            raise ConfigError(f"{path} was changed meanwhile; run the same again")
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        write_file(path, data)
        if mode is not None:
            path.chmod(mode)
    except OSError as problem:
        raise ConfigError(f"{path} cannot be written: {problem.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def editing(path: Path) -> Iterator[None]:
    """Holds off others who would change a zoo.toml: those of this user on this machine that ask.

    Within, the file is to be read anew. Raises ConfigError where another does not come to an end.
    """
    import platformdirs
    from filelock import FileLock, Timeout

    name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    lock = Path(platformdirs.user_cache_dir("stagezoo")) / "editing" / f"{name}.lock"
    make_folder(lock.parent)
    try:
        with FileLock(lock, timeout=PATIENCE):
            yield
    except Timeout:
        raise ConfigError(f"another process is at work on {path}; run the same again") from None


def _check(draft: Path, path: Path) -> None:
    """Raises ConfigError, of the file that is meant, where what is to be written cannot be read."""
    try:
        read_config(draft)
    except ConfigError as problem:
        raise ConfigError(str(problem).replace(str(draft), str(path))) from None


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
