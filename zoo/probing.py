"""The first import of a plugin that nobody has vouched for, in a process of its own.

An import inside this process cannot be contained if it never ends, ends the interpreter, crashes
it or prints over a listing. A verdict is kept until the plugin, Python or what is installed beside
it changes. This is a guard against accidents, not against malice: what passes is then imported.

The file is also the program that the other process runs, so it imports nothing of zoo.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

PATIENCE = 20.0
"""Seconds that a first import may take."""


def import_trouble(
    entry: EntryPoint, distribution: str, version: str, *, limit: float = PATIENCE
) -> str:
    """Why an entry point cannot be imported, or ''.

    limit: seconds until the import is given up.
    """
    identity = {
        "distribution": distribution,
        "version": version,
        "entry_point": entry.value,
        "python": sys.version,
        "installed": _installed(),
        "files": _files(entry.module),
    }
    kept = _verdict_path(distribution, entry.value)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        verdict = json.loads(kept.read_text(encoding="utf-8"))
        outlasted = verdict["limit"] is not None and limit > verdict["limit"]
        if verdict["identity"] == identity and not outlasted:
            return str(verdict["trouble"])
    trouble, timed_out = _try_import(entry.value, limit)
    verdict = {"identity": identity, "trouble": trouble, "limit": limit if timed_out else None}
    with contextlib.suppress(OSError):
        _write(kept, json.dumps(verdict))
    return trouble


def describe(problem: BaseException) -> str:
    """An exception on one printable line of at most about 200 characters."""
    try:
        text = str(problem)
    except Exception:
        text = ""
    line = one_line(text)
    return f"{type(problem).__name__}: {line}" if line else type(problem).__name__


def one_line(text: str, longest: int = 200) -> str:
    """The first line of a text that says something, printable, cut where it is too long."""
    lines = ("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())
    line = next((" ".join(line.split()) for line in lines if line.strip()), "")
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _try_import(value: str, limit: float) -> tuple[str, bool]:
    """(what went wrong or '', whether it was stopped for taking too long)."""
    with tempfile.TemporaryDirectory(prefix="stagezoo-") as folder:
        said, printed = Path(folder, "verdict.json"), Path(folder, "stdout")
        with printed.open("wb") as stdout:
            process = subprocess.Popen(
                [sys.executable, "-P", __file__, value, json.dumps(sys.path), str(said)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                return (
                    f"its import did not end within {limit:g} s; "
                    "it is tried again when the plugin or what is installed changes"
                ), True
            finally:
                _end(process)
        if not said.exists():
            return f"its import {death(status)}", False
        if trouble := json.loads(said.read_text(encoding="utf-8")):
            return trouble, False
        if line := one_line(printed.read_text(encoding="utf-8", errors="replace"), 60):
            return f"its import prints to standard output ({line!r})", False
        return "", False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def death(status: int) -> str:
    """How a process went that did not live to report."""
    if status >= 0:
        return f"ended the interpreter with exit status {status}"
    try:
        return f"crashed the interpreter ({signal.Signals(-status).name})"
    except ValueError:
        return f"crashed the interpreter (signal {-status})"


def _files(module: str) -> str:
    """A fingerprint of a plugin's source, found without importing it: paths, sizes and times."""
    digest = hashlib.sha256()
    for path in _sources(module.partition(".")[0]):
        with contextlib.suppress(OSError):
            stat = path.stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _sources(top: str) -> Iterator[Path]:
    """Python files of a top-level module or package."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        if spec.origin:
            yield Path(spec.origin)
        return
    for folder in spec.submodule_search_locations:
        yield from sorted(Path(folder).rglob("*.py"))


def _installed() -> list[list[str | int]]:
    """When each folder of installed distributions last changed: a dependency may have come."""
    times: list[list[str | int]] = []
    for folder in (*site.getsitepackages(), site.getusersitepackages()):
        with contextlib.suppress(OSError):
            times.append([folder, os.stat(folder).st_mtime_ns])
    return times


def _verdict_path(distribution: str, value: str) -> Path:
    import platformdirs

    place = hashlib.sha256(f"{sys.prefix}\0{distribution}\0{value}".encode()).hexdigest()
    return Path(platformdirs.user_cache_dir("stagezoo")) / "imports" / f"{place[:32]}.json"


def _write(path: Path, text: str) -> None:
    """Replace a file in one step: another process may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def _main(value: str, paths: str, verdict: str) -> None:
    """Import one entry point and write down what went wrong, or ''."""
    sys.path[:] = json.loads(paths)
    trouble = ""
    try:
        EntryPoint("", value, "zoo").load()
    except SystemExit as problem:
        trouble = f"its import calls sys.exit({one_line(repr(problem.code))})"
    except BaseException as problem:
        trouble = f"its import raises {describe(problem)}"
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    Path(verdict).write_text(json.dumps(trouble), encoding="utf-8")
    # A thread that the plugin left running must not keep this process alive.
    os._exit(0)


if __name__ == "__main__":
    _main(*sys.argv[1:])
