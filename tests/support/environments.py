"""A fresh virtual environment with our dependencies and without our own installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any


def command(*words: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Runs a command without our own paths in its environment; its standard output."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Environment:
    """A fresh virtual environment that sees our dependencies and not our own install."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.empty = folder / "venv", folder / "empty"
        self.empty.mkdir(parents=True)
        venv.create(self.folder, with_pip=False)
        (site,) = self.folder.glob("lib/python*/site-packages")
        # a .pth in a folder that a .pth names is not read, so no editable install comes along
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, *what: str | Path) -> None:
        """Installs without dependencies and without network."""
        pip = ("-m", "pip", "--python", self.folder / "bin" / "python", "install", "--quiet")
        offline = ("--no-deps", "--no-index", "--no-build-isolation")
        command(sys.executable, *pip, *offline, *what)

    def zoo(self, *words: str) -> Any:
        """The JSON that `zoo ...` prints in an empty folder."""
        cache = str(self.empty.parent / "cache")
        program = self.folder / "bin" / "zoo"
        return json.loads(command(program, *words, "--json", cwd=self.empty, XDG_CACHE_HOME=cache))

    def place(self) -> Path:
        """Where the installed zoo lies."""
        python = self.folder / "bin" / "python"
        said = command(python, "-c", "import zoo; print(zoo.__file__)", cwd=self.empty)
        return Path(said.strip()).parent
