"""Builds the parser: built-in verbs always, plugins' verbs where they are asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from zoo.cli import (
    add,
    ask,
    authoring,
    compare,
    gate,
    importing,
    leaderboard,
    listings,
    plan,
    prefetch,
    publish,
    pulling,
    report,
    rescore,
    run,
    setup,
    status,
    store,
    train,
    tree,
    trust,
    view,
    watch,
)
from zoo.cli.flags import common
from zoo.errors import ZooError, did_you_mean
from zoo.probing import describe

VERBS = (
    run,
    watch,
    report,
    view,
    leaderboard,
    rescore,
    compare,
    gate,
    plan,
    prefetch,
    ask,
    status,
    importing,
    publish,
    pulling,
    listings,
    tree,
    add,
    train,
    authoring,
    trust,
    store,
    setup,
)
"""Modules with verbs, in the order of the help. Each has `register(verbs)`."""


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one sentence that name the nearest flag or verb.

    words: the command line.
    """

    words: Sequence[str] = ()

    def error(self, message: str) -> Any:
        """Prints the sentence and exits with status 2."""
        if message.startswith("unrecognized arguments: "):
            message = self._unknown(message.removeprefix("unrecognized arguments: ").split()[0])
        print(f"zoo: {message} (see `{self.prog} --help`)", file=sys.stderr)
        sys.exit(2)

    def _unknown(self, name: str) -> str:
        """What to say of a flag or a word that is not taken where it stands."""
        verbs = self._verbs()
        verb = next((word for word in self.words if word in verbs), None)
        if verb is not None and name in self.words[self.words.index(verb) :]:
            return f"`{self.prog} {verb}` does not take {name!r}" + did_you_mean(
                name, _flags(verbs[verb])
            )
        if any(name in _flags(each) for each in verbs.values()):
            return f"{name} belongs to a command that takes it, and is written after it"
        return f"{self.prog} does not know {name!r}{did_you_mean(name, _flags(self))}"

    def _verbs(self) -> dict[str, argparse.ArgumentParser]:
        """The parsers of its verbs: argparse finds a verb's unknown flags up here."""
        actions = [a for a in self._actions if isinstance(a, argparse._SubParsersAction)]
        return {name: parser for a in actions for name, parser in a.choices.items()}


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in parser._actions for flag in action.option_strings]


def normalise(argv: Sequence[str]) -> list[str]:
    """Flags with underscores become flags with dashes; what follows a `--` is left alone.

    >>> normalise(["run", "--num_fewshot=3", "--", "--a_b"])
    ['run', '--num-fewshot=3', '--', '--a_b']
    """
    done: list[str] = []
    for position, word in enumerate(argv):
        if word == "--":
            return [*done, *argv[position:]]
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            word = name.replace("_", "-") + equals + value
        done.append(word)
    return done


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these words; plugins are read only for help and for verbs not built in."""
    from zoo import __version__

    parser = Parser(
        prog="zoo",
        description="How language models change from stage to stage of their training.",
        epilog="`zoo run` alone evaluates the default family and ends with its trade-off table.",
        parents=[common(default=True)],
    )
    parser.words = argv
    parser.add_argument("--version", action="version", version=f"stagezoo {__version__}")
    verbs = parser.add_subparsers(metavar="COMMAND", dest="verb")
    for module in VERBS:
        module.register(Verbs(verbs))
    verb = next((word for word in argv if not word.startswith("-")), None)
    if verb not in verbs.choices:
        _add_plugin_verbs(Verbs(verbs), argv)
        if verb is not None and verb not in verbs.choices and not _is_value(argv, verb):
            near = did_you_mean(verb, verbs.choices, "see `zoo --help`")
            print(f"zoo: there is no command {verb!r}{near}", file=sys.stderr)
            sys.exit(2)
    return parser


def _is_value(argv: Sequence[str], word: str) -> bool:
    """Whether a word is the value of a flag that stands before the verb."""
    before = argv[argv.index(word) - 1] if argv.index(word) else ""
    return before in ("--store", "--config")


class Verbs:
    """Adds verbs that all take the common flags."""

    def __init__(self, verbs: Any) -> None:
        self._verbs = verbs

    def add(self, name: str, help: str, run: Any, **kwargs: Any) -> argparse.ArgumentParser:
        """A verb: run(args) -> exit status. Returns its parser, to be given its own flags."""
        parser: argparse.ArgumentParser = self._verbs.add_parser(
            name,
            help=help,
            description=kwargs.pop("description", None) or f"{help}.",
            parents=[common(default=False)],
            **kwargs,
        )
        parser.set_defaults(run=run)
        return parser

    @property
    def names(self) -> list[str]:
        """Verbs that are there."""
        return list(self._verbs.choices)


def _add_plugin_verbs(verbs: Verbs, argv: Sequence[str]) -> None:
    """Verbs that plugins bring; one that would shadow a built-in is refused by the registry."""
    from zoo.cli.opening import open_host
    from zoo.hookspecs import Command

    early, _ = common(default=True).parse_known_args(argv)
    try:
        host = open_host(early, commands=verbs.names)
        brought: list[Command] = [host.registry.commands.get(n) for n in host.registry.commands]
    except ZooError:
        return  # a broken zoo.toml is reported by the command itself, and help still helps
    for command in brought:
        if command.name in verbs.names:
            continue
        try:
            parser = verbs.add(command.name, command.help.replace("%", "%%"), command.run)
            command.configure(parser)
        except Exception as problem:
            owner = host.registry.commands.owner(command.name)
            reason = f"its command {command.name!r} cannot be set up: {describe(problem)}"
            host.plugins.mark(owner, "broken", reason)
            print(f"zoo: the plugin {owner.name} is broken: {reason}", file=sys.stderr)
