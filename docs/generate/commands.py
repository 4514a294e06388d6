"""The command reference, from the parsers themselves."""

from __future__ import annotations

import argparse

from zoo.cli.parser import build_parser

_HEAD = """\
# Commands

This page is generated from the command line's own parsers by `python docs/generate`.

Exit status: 0 all well; 1 some cells failed, each named with its reason; 2 usage or configuration;
3 `zoo gate` found harm. Every command takes `--store DIR`, `--config FILE`, `--no-plugins` and
`--debug`, before or after its name; flags may be written with underscores.
"""


def render_commands() -> str:
    """The command reference as markdown, one section for each verb."""
    parser = build_parser(["run"])  # a built-in verb: no plugin's verbs on this page
    (verbs,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return "\n".join([_HEAD, *(_verb(name, each) for name, each in verbs.choices.items())])


def _verb(name: str, parser: argparse.ArgumentParser) -> str:
    rows, actions = [], []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            actions = [_verb(f"{name} {each}", sub) for each, sub in action.choices.items()]
            continue
        if action.dest == "help" or action.container.title == "common flags":  # type: ignore[attr-defined]
            continue
        shown = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        if action.option_strings and action.nargs != 0:
            shown += f" {action.metavar or action.dest.upper()}"
        rows.append(f"- `{shown}`" + (f": {action.help}" if action.help else ""))
    head = f"## `zoo {name}`\n\n{parser.description}\n"
    return "\n".join([head, *rows, *([""] if rows else []), *actions])
