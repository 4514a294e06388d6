"""Whose results they are: a model of a family, by its id, by where it lies, or as the user says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ConfigError, UnknownNameError, did_you_mean
from zoo.importing.nouns import Results
from zoo.models import Family, Model


@dataclass(frozen=True)
class Owned:
    """A family with the results of its models; the results of nobody, each with why."""

    family: str
    results: tuple[tuple[str, Results], ...]
    problems: tuple[str, ...]


def find_owners(
    results: Sequence[Results],
    families: Mapping[str, Family],
    family: str | None = None,
    said: Mapping[str, str] | None = None,
) -> Owned:
    """The family whose models the most results are of, and which model each is of.

    family: by name, instead. said: model id -> what the file calls it, or the file or a folder that
    holds it. Raises UnknownNameError for a name that nobody brought, and ConfigError where no
    results are of any family, or as many of one as of another.
    """
    said = said or {}
    if family is not None and family not in families:
        remedy = "describe it in zoo.toml as [families.NAME]"
        raise UnknownNameError("family", family, families, remedy)
    chosen = {family: families[family]} if family is not None else families
    _check(said, chosen)
    owners = {
        name: {each.path: owner for each in results if (owner := _owner(each, found.models, said))}
        for name, found in chosen.items()
    }
    most = max((len(found) for found in owners.values()), default=0)
    if not most:
        raise ConfigError(_nobodys(results[0], chosen) if results else "there is nothing to import")
    best = [name for name, found in owners.items() if len(found) == most]
    if len(best) > 1:
        raise ConfigError(
            f"these results are of the families {', '.join(best)} alike; say one with --family"
        )
    mine = owners[best[0]]
    only = {best[0]: families[best[0]]}
    return Owned(
        best[0],
        tuple((mine[each.path], each) for each in results if each.path in mine),
        tuple(_nobodys(each, only) for each in results if each.path not in mine),
    )


def _check(said: Mapping[str, str], families: Mapping[str, Family]) -> None:
    known = [model.id for family in families.values() for model in family.models]
    for name in said:
        if name not in known:
            raise UnknownNameError("model", name, known, "describe it in zoo.toml")


def _owner(results: Results, models: Iterable[Model], said: Mapping[str, str]) -> str | None:
    """The id of the model that results are of, None where it is none of these."""
    by_id = {model.id: model for model in models}
    for name, where in said.items():
        if name in by_id and _is_at(results, where):
            return name
    if results.model in by_id:
        return results.model
    place = _resolved(results.model)
    found = (
        model.id
        for model in by_id.values()
        if model.id not in said and _resolved(_place(model)) == place
    )
    return next(found, None)


def _is_at(results: Results, where: str) -> bool:
    if where == results.model:
        return True
    path = Path(where).expanduser().resolve()
    return path.exists() and results.path.resolve().is_relative_to(path)


def _place(model: Model) -> str:
    """What lm-eval would call it: its adapter, else its folder, else its id."""
    return str(model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id))


def _resolved(name: str) -> Path:
    return Path(name).expanduser().resolve()


def _nobodys(results: Results, families: Mapping[str, Family]) -> str:
    known = [model.id for family in families.values() for model in family.models]
    return (
        f"{results.path} is of {results.model!r}, which no family names"
        f"{did_you_mean(results.model, known)}; say whose it is with "
        f"--model ID={results.model}, ID being a model of a family in zoo.toml"
    )
