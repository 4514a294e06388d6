"""The files of a new plugin: a distribution that can be installed, with a test that passes."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zoo.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

KINDS: Mapping[str, str] = {
    "regime": "a way of training, and how a model made that way is asked",
    "loader": "a way to turn a model into an lm-eval LM",
    "benchmark": "tasks and the suite that describes them",
    "probe": "a measurement beyond tasks",
    "recipe": "how a stage is made from its parent",
    "executor": "a place where jobs run",
    "section": "a section of the report's page",
    "publisher": "a place results can be published to",
}
"""What can be made, and what each is."""

PREFIX = "zoo-"
"""What distributions of plugins begin with, so that people find them."""


@dataclass(frozen=True)
class Names:
    """What a plugin is called: the entry point, the distribution, the module, and in prose."""

    plugin: str
    distribution: str
    module: str
    title: str


def names_of(name: str, taken: Collection[str] = ()) -> Names:
    """The names that follow from one. taken: entry points that cannot be had.

    Raises ConfigError for a name that no module can have, or that belongs to somebody.

    >>> names_of("zoo-Self_Play").module
    'zoo_self_play'
    """
    plain = re.sub(r"[-_.]+", "-", name).lower().removeprefix(PREFIX)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", plain) or keyword.iskeyword(plain):
        raise ConfigError(
            f"{name!r} cannot name a plugin; write letters, digits and dashes, a letter first"
        )
    if plain in taken:
        raise ConfigError(f"the name {plain!r} belongs to an installed plugin; choose another")
    return Names(
        plugin=plain,
        distribution=PREFIX + plain,
        module="zoo_" + plain.replace("-", "_"),
        title=plain.replace("-", " ").capitalize(),
    )


def scaffold(names: Names, kind: str, version: str) -> dict[PurePosixPath, str]:
    """The files of the distribution, by their place in its folder.

    version: of stagezoo, which the plugin will need at least. Raises ConfigError for a kind that
    there is not.
    """
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    if kind not in KINDS:
        near = did_you_mean(kind, KINDS, f"there are {', '.join(KINDS)}")
        raise ConfigError(f"there is no kind of plugin {kind!r}{near}")
    # Python and YAML are written here, and no markup: nothing is to be escaped
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    given = {"name": names, "kind": kind, "what": KINDS[kind], "version": version}
    templates = files("zoo.authoring") / "templates"
    made: dict[PurePosixPath, str] = {}
    for part in ("common", kind):
        for place, source in _below(templates / part):
            path = str(place).replace("MODULE", names.module).removesuffix(".j2")
            path = path.replace("DOT", ".")  # a wheel would leave out hidden files
            made[PurePosixPath(path)] = environment.from_string(source).render(given)
    return dict(sorted(made.items()))


def write(folder: Path, made: Mapping[PurePosixPath, str]) -> None:
    """Writes the files into a new folder. Raises ConfigError where it holds anything already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} exists already; name another plugin or another --folder")
    for place, text in made.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _below(
    folder: Traversable, place: PurePosixPath | None = None
) -> list[tuple[PurePosixPath, str]]:
    found = []
    for entry in folder.iterdir():
        inner = (place or PurePosixPath()) / entry.name
        if entry.is_dir():
            found += _below(entry, inner)
        elif entry.name.endswith(".j2"):
            found.append((inner, entry.read_text(encoding="utf-8")))
    return found
