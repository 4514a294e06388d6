"""Whose results they are: a model of a family, by its id, by where it lies, or as the user says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UnknownNameError, did_you_mean
from zoo.importing.nouns import Results
from zoo.models import Family, Model

PATH = re.compile(r"[./~\\]|[A-Za-z]:[/\\]|\s*$")
"""How a model's name begins that says where it lay on the machine that measured, not which it is.
"""

LONGEST = 200
"""Characters of a name that can be some model's id."""


@dataclass(frozen=True)
class Owned:
    """Results by the family and the model they are of; those of models that no family names; and
    the results of nobody, each with why."""

    families: Mapping[str, tuple[tuple[str, Results], ...]]
    unnamed: tuple[Results, ...]
    problems: tuple[str, ...]


def find_owners(
    results: Sequence[Results],
    families: Mapping[str, Family],
    family: str | None = None,
    said: Mapping[str, str] | None = None,
) -> Owned:
    """The family and model that each of the results is of.

    Where several families name a model, it is the one that the most results are of. A model that no
    family names is known by its id, unless it is called by a path.
    family: the only one, by name. said: model id -> what the file calls it, or the file or a folder
    that holds it. Raises UnknownNameError for a name that nobody brought.
    """
    said = said or {}
    if family is not None and family not in families:
        remedy = "describe it in zoo.toml as [families.NAME]"
        raise UnknownNameError("family", family, families, remedy)
    chosen = {family: families[family]} if family is not None else families
    _check(said, chosen)
    finders = [_Finder(name, found.models, said) for name, found in chosen.items()]
    claims = [
        {each.family: owner for each in finders if (owner := each.owner(one)) is not None}
        for one in results
    ]
    most = Counter(name for claim in claims for name in claim)
    owned: dict[str, list[tuple[str, Results]]] = {}
    unnamed: list[Results] = []
    problems: list[str] = []
    for one, claim in zip(results, claims, strict=True):
        best = max((most[name] for name in claim), default=0)
        names = [name for name in claim if most[name] == best]
        if len(names) == 1:
            owned.setdefault(names[0], []).append((claim[names[0]], one))
        elif names:
            problems.append(
                f"{one.path} is of a model of the families {', '.join(names)} alike; "
                "say one with --family"
            )
        elif family is None and _is_id(one.model):
            unnamed.append(one)
        else:
            problems.append(_nobodys(one, chosen))
    return Owned(
        {name: tuple(found) for name, found in owned.items()}, tuple(unnamed), tuple(problems)
    )


def _check(said: Mapping[str, str], families: Mapping[str, Family]) -> None:
    known = [model.id for family in families.values() for model in family.models]
    for name in said:
        if name not in known:
            raise UnknownNameError("model", name, known, "describe it in zoo.toml")


class _Finder:
    """Finds the model of one family that results are of."""

    def __init__(self, family: str, models: Iterable[Model], said: Mapping[str, str]) -> None:
        self.family = family
        self._ids = {model.id for model in models}
        self._said = {name: where for name, where in said.items() if name in self._ids}
        free = (model for model in models if model.id not in said)
        self._places = {_resolved(_place(model)): model.id for model in reversed([*free])}

    def owner(self, results: Results) -> str | None:
        """The model's id, None where it is none of this family."""
        for name, where in self._said.items():
            if _is_at(results, where):
                return name
        if results.model in self._ids:
            return results.model
        return self._places.get(_resolved(results.model))


def _is_at(results: Results, where: str) -> bool:
    if where == results.model:
        return True
    path = Path(where).expanduser().resolve()
    return path.exists() and results.path.resolve().is_relative_to(path)


def _place(model: Model) -> str:
    """What lm-eval would call it: its adapter, else its folder, else its id."""
    return str(model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id))


def _resolved(name: str) -> str:
    """The absolute path that a name stands for; a name that can be none stands for itself."""
    try:
        return str(Path(name).expanduser().resolve())
    except (ValueError, OSError, RuntimeError):
        return name


def _is_id(name: str) -> bool:
    """Whether a name tells which model it is, rather than where it lay."""
    return len(name) <= LONGEST and name.isprintable() and not PATH.match(name)


def _nobodys(results: Results, families: Mapping[str, Family]) -> str:
    known = [model.id for family in families.values() for model in family.models]
    return (
        f"{results.path} is of {results.model!r}, which no family names"
        f"{did_you_mean(results.model, known)}; say whose it is with "
        f"--model ID={results.model}, ID being a model of a family in zoo.toml"
    )
