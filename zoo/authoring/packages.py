"""Installs and removes plugins: pip (or uv), in the environment that zoo runs in, and no more.

Nothing here imports a plugin, so it works where one is broken.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from zoo.errors import ConfigError
from zoo.hookspecs import GROUP
from zoo.redaction import redact


@dataclass(frozen=True)
class Package:
    """A distribution that an installation would bring. origin: where from, without secrets."""

    name: str
    version: str
    origin: str


def installer() -> list[str]:
    """The command that installs into this environment: this Python's pip, else uv.

    Raises ConfigError where there is neither.
    """
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := which("uv"):
        return [uv, "pip"]
    raise ConfigError(
        f"there is no pip in {sys.prefix} and no uv on the path; `python -m ensurepip` brings pip"
    )


def install_command(what: Sequence[str]) -> list[str]:
    """What is run for `zoo install`. what: packages and options, as pip takes them."""
    command = [*installer(), "install"]
    return [*command, *_for_this_python(command), *what]


def uninstall_command(names: Sequence[str]) -> list[str]:
    """What is run for `zoo uninstall`."""
    command = [*installer(), "uninstall"]
    asking = [] if Path(command[0]).stem == "uv" else ["--yes"]
    return [*command, *_for_this_python(command), *asking, *names]


def resolve(what: Sequence[str]) -> list[Package]:
    """What pip would install, asked beforehand and with nothing changed.

    Raises ConfigError, with pip's own last words, where it cannot.
    """
    if Path(installer()[0]).stem == "uv":
        return []  # uv shows its own plan
    with tempfile.TemporaryDirectory(prefix="stagezoo-") as folder:
        report = Path(folder, "report.json")
        command = [*install_command(what), "--dry-run", "--quiet", "--report", str(report)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not report.exists():
            raise ConfigError(f"pip cannot install {' '.join(what)}: {_last_words(done.stderr)}")
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [
        Package(
            name=each["metadata"]["name"],
            version=each["metadata"]["version"],
            origin=redact(each["download_info"]["url"]),
        )
        for each in found
    ]


def carry_out(command: Sequence[str]) -> int:
    """Runs the installer, its output shown as it comes; its exit status."""
    # pip's prompts and progress belong to whoever called us
    return subprocess.run(command, check=False, env={**os.environ, "PIP_NO_INPUT": "1"}).returncode


def distributions_of(names: Sequence[str]) -> list[str]:
    """The distributions that plugins of these names come from; other names as they are.

    So `zoo uninstall` takes what `zoo plugins` lists. Raises ConfigError where two bring one name.
    """
    owners: dict[str, set[str]] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        if entry.dist is not None:
            owners.setdefault(entry.name, set()).add(entry.dist.name)
    wanted = []
    for name in names:
        found = sorted(owners.get(name, {name}))
        if len(found) > 1:
            raise ConfigError(f"{name!r} is a plugin of {' and of '.join(found)}; name one of them")
        wanted += found
    return wanted


def _for_this_python(command: Sequence[str]) -> list[str]:
    return ["--python", sys.executable] if Path(command[0]).stem == "uv" else []


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["it says nothing"])[-1].removeprefix("ERROR: ")
