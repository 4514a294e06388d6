"""The project's own suites and tasks, brought in by a plugin like any other."""

from __future__ import annotations

from pathlib import Path

from zoo import hookimpl


@hookimpl
def zoo_benchmarks() -> list[Path]:
    """This folder: `suites/*.toml` and `tasks/**/*.yaml`."""
    return [Path(__file__).parent]
