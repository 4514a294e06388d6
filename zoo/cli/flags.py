"""Flags that several verbs share, and how their values are read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.plan import DEFAULT_SEED


def common(*, default: bool) -> argparse.ArgumentParser:
    """Flags every command takes, before or after the verb."""

    def unset(value: Any) -> Any:
        return value if default else argparse.SUPPRESS

    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("common flags")
    group.add_argument(
        "--store", type=Path, metavar="DIR", default=unset(None), help="folder of the results"
    )
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=unset(None),
        help="a zoo.toml; otherwise the nearest one upward",
    )
    group.add_argument(
        "--no-plugins", action="store_true", default=unset(False), help="first-party plugins only"
    )
    group.add_argument(
        "--debug", action="store_true", default=unset(False), help="show tracebacks and logs"
    )
    return parser


def add_run(parser: argparse.ArgumentParser) -> None:
    """Flags that say which run that was made is meant."""
    parser.add_argument(
        "targets",
        nargs="*",
        default=[],
        metavar="TARGET",
        help="a family that was run, or models of it",
    )
    parser.add_argument("--suite", metavar="S", help="of the run (default: the newest)")


def families_and_models(targets: Sequence[str]) -> tuple[list[str], list[str]]:
    """The targets of a run that was made: models' names have a slash, families' have none."""
    return [each for each in targets if "/" not in each], [each for each in targets if "/" in each]


def add_targets(parser: argparse.ArgumentParser) -> None:
    """Flags that say which models and which suite."""
    parser.add_argument(
        "targets",
        nargs="*",
        default=[],
        metavar="TARGET",
        help="a family, a Hub id or a checkpoint folder",
    )
    parser.add_argument("--base", metavar="ID", help="parent of the targets whose card names none")
    add_what(parser)


def add_what(parser: argparse.ArgumentParser) -> None:
    """Flags that say which benchmarks."""
    parser.add_argument("--suite", metavar="S", help="the benchmarks (default: the family's own)")
    parser.add_argument("--tasks", type=names, default=(), metavar="T,...", help="tasks by name")
    parser.add_argument(
        "--include-path", type=Path, action="append", metavar="DIR", help="a folder of task files"
    )


def add_asking(parser: argparse.ArgumentParser) -> None:
    """Flags that say how every model is asked."""
    parser.add_argument(
        "--protocol",
        default="both",
        metavar="uniform|native|both",
        help="the same way for all, each in its own way, or both",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N items")
    parser.add_argument(
        "--num-fewshot", type=natural, metavar="N", help="examples before each item, for all"
    )
    parser.add_argument(
        "--gen-kwargs", type=pairs, default={}, metavar="K=V,...", help="of every generation"
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, metavar="N", help="of examples and sampling"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """The short way to `--format json`, which every other listing has."""
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )


def add_running(parser: argparse.ArgumentParser, *, fresh: bool = True) -> None:
    """Flags that say how cells are run, and how that shows. fresh: whether --fresh is one."""
    parser.add_argument(
        "--batch-size", default="auto", metavar="N|auto", type=batch_size, help="rows at once"
    )
    parser.add_argument("--executor", metavar="E", help="where jobs run (default local)")
    parser.add_argument(
        "--executor-args", type=pairs, default={}, metavar="K=V,...", help="given to the executor"
    )
    if fresh:
        parser.add_argument("--fresh", action="store_true", help="ask again what the store has")
    add_progress(parser)


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Flags that say how what goes on is shown."""
    parser.add_argument(
        "--progress",
        choices=("auto", "json", "none"),
        default="auto",
        metavar="auto|json|none",
        help="on stderr: a bar or lines for people, JSON lines for machines, or nothing",
    )


def add_probes(parser: argparse.ArgumentParser) -> None:
    """Flags that say what is measured beside the suite."""
    parser.add_argument(
        "--probes",
        type=names,
        default=(),
        metavar="P,...|all",
        help="measurements beside the suite's scores; `zoo plugins --hook zoo_probes` lists them",
    )
    parser.add_argument(
        "--probe-args",
        type=pairs,
        default={},
        metavar="P.K=V,...",
        help="given to probes, as in passk.samples=64",
    )


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Flags that say how models are loaded."""
    parser.add_argument(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda[:i]",
        help="auto: a GPU where there is one",
    )
    parser.add_argument(
        "--dtype",
        default="auto",
        metavar="D",
        help="auto: float32 on a CPU, the checkpoint's own on a GPU",
    )
    parser.add_argument(
        "--loader",
        metavar="L",
        help="for models that name none (default: torch, or the one that takes the checkpoint)",
    )
    parser.add_argument(
        "--loader-args", type=pairs, default={}, metavar="K=V,...", help="given to the loader"
    )


def pairs(text: str) -> dict[str, Any]:
    """K=V,... as a mapping; values are JSON where they can be, else text.

    >>> pairs("temperature=0.7,do_sample=true,name=x")
    {'temperature': 0.7, 'do_sample': True, 'name': 'x'}
    """
    found: dict[str, Any] = {}
    for key, value in texts(text).items():
        try:
            found[key] = json.loads(value.lower() if value in ("True", "False") else value)
        except ValueError:
            found[key] = value
    return found


def texts(text: str) -> dict[str, str]:
    """K=V,... as a mapping; values as they are written.

    >>> texts("reward=exact,rank=8")
    {'reward': 'exact', 'rank': '8'}
    """
    found: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise argparse.ArgumentTypeError(f"{pair!r} is not KEY=VALUE")
        found[key.strip()] = value
    return found


def names(text: str) -> tuple[str, ...]:
    """A,B,... as a tuple without blanks."""
    return tuple(filter(None, (each.strip() for each in text.split(","))))


def batch_size(text: str) -> int | str:
    """A flag's number of rows, or "auto"."""
    return "auto" if text == "auto" else positive(text)


def positive(text: str) -> int:
    """A flag's whole number above 0."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def natural(text: str) -> int:
    """A flag's whole number from 0 on."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)
