"""Opens the zoo that a command's flags name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.host import Host

WIDTH = 100
"""Columns of what is printed into a file or a pipe."""


def open_host(args: argparse.Namespace, commands: Sequence[str] = ()) -> Host:
    """The zoo of these flags. commands: built-in verbs, which no plugin may claim."""
    from zoo.api import open_zoo
    from zoo.hookspecs import Command

    host = open_zoo(
        args.config,
        store=args.store,
        plugins=not args.no_plugins,
        include_paths=getattr(args, "include_path", None) or (),
    )
    if not commands:
        return host

    def nothing(_: Any) -> Any:
        return None

    builtin = tuple(Command(name, "", nothing, nothing) for name in commands)
    return replace(host, builtins={**host.builtins, "commands": builtin})


def terminal() -> Console:
    """Standard output: as wide as the terminal, or WIDTH where there is none."""
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            """rich would exit with status 1; a reader that has seen enough is no failure."""
            raise BrokenPipeError

    console = Terminal()
    if console.is_terminal:
        return console
    columns = os.environ.get("COLUMNS", "")
    return Terminal(width=int(columns) if columns.isdigit() else WIDTH)
