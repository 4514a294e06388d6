"""One real run of the embedded family, shared by the tests that read what it left."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

BLOCK = """
import os, socket

_log = os.environ["ZOO_TEST_SOCKET_LOG"]

def _refuse(self, address, *rest):
    with open(_log, "a") as log:
        log.write(f"{address}\\n")
    raise OSError("the network is blocked in this test")

for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _refuse)
socket.getaddrinfo = lambda *args, **kwargs: _refuse(None, args)
"""
"""A sitecustomize that refuses every connection and writes down who tried."""


@dataclass(frozen=True)
class Zoo:
    """Runs `zoo` as a user does: a process of its own, in a folder of its own, without network."""

    folder: Path
    home: Path

    @property
    def connections(self) -> list[str]:
        """Addresses that some command tried to reach."""
        log = self.home / "sockets.log"
        return log.read_text().splitlines() if log.is_file() else []

    def install(self, name: str, source: str) -> None:
        """Installs a third party's distribution of one module, as pip would leave it."""
        info = self.home / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {name}\n")
        (self.home / f"{name}.py").write_text(source)

    def __call__(self, *args: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo", *args],
            cwd=folder or self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Starts `zoo` and leaves it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "zoo", *args],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(self.home), os.environ.get("PYTHONPATH", "")]),
            "ZOO_TEST_SOCKET_LOG": str(self.home / "sockets.log"),
            "HF_HOME": str(self.home / "hf"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": os.environ.get("COLUMNS", "100"),
        }


def _zoo(base: Path) -> Zoo:
    home, folder = base / "home", base / "work"
    home.mkdir()
    folder.mkdir()
    (home / "sitecustomize.py").write_text(BLOCK)
    return Zoo(folder, home)


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    """A zoo in an empty folder."""
    return _zoo(tmp_path)


@dataclass(frozen=True)
class Ran:
    """The embedded family, run once: the zoo, and what `zoo run` alone printed."""

    zoo: Zoo
    first: subprocess.CompletedProcess[str]
    peak_bytes: int

    def install(self, name: str, source: str) -> None:
        """Installs a third party's distribution of one module, as pip would leave it."""
        info = self.home / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {name}\n")
        (self.home / f"{name}.py").write_text(source)

    def __call__(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self.zoo(*args)


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """`zoo run`, then nothing else, in an empty folder without a network."""
    zoo = _zoo(tmp_path_factory.mktemp("nano"))
    first = zoo("run")
    # ru_maxrss is the largest of all children so far, so no smaller than this one's
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Ran(zoo, first, peak)
