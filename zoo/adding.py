"""From a Hub id or a folder to entries of zoo.toml: `zoo add`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.ancestry import trace
from zoo.config import FILE_NAME
from zoo.errors import ConfigError, UnknownNameError, did_you_mean
from zoo.host import Host
from zoo.models import Model, address_of
from zoo.rewriting import Entry


@dataclass(frozen=True)
class Addition:
    """What is to be written into zoo.toml, and what is to be told of it.

    path: the file. family: where the models go. entries: what is written, by model id; of models
    that a family has already there is none. models: the one that was named and its ancestors,
    parents first. unsure: ids whose regime is not written, since nothing decides on one.
    notes: sentences for people.
    """

    path: Path
    family: str
    title: str
    models: tuple[Model, ...]
    entries: Mapping[str, Entry] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def plan_addition(
    host: Host,
    target: str,
    *,
    family: str | None = None,
    revision: str | None = None,
    regime: str = "",
    base: str | None = None,
    targets: Sequence[str] = (),
) -> Addition:
    """What adding a Hub id or a folder means here. Nothing is written.

    family: a family to join, or to be made; None means the family of zoo.toml that has its parent,
        else one that is called after its root.
    revision: what the id is pinned to; a stage of its own is named as `org/name@revision`.
    regime, base, targets: instead of what the model says of itself.
    Raises ZooError where the model cannot be read or a name is not known.
    """
    if regime and regime not in host.registry.regimes:
        raise UnknownNameError("regime", regime, host.registry.regimes, "see `zoo regimes`")
    if "@" in target and revision is not None:
        raise ConfigError(f"{target} names a revision itself; leave --revision out")
    path = host.config.path or Path.cwd() / FILE_NAME
    own = host.config.families
    spelled = _Spelling(path.parent)
    name = spelled.id(target)
    if standing := _standing(host, name, family):
        return _nothing_new(host, path, standing, name, revision)
    joins = [own[f] for f in own if family in (None, f)]
    there = {model.id for each in joins for model in each.models}
    found = trace(
        host.discovery,
        target,
        revision,
        regime=regime,
        base=base,
        targets=tuple(targets),
        there=there,
    )
    joined = family or _joined(host, found.models, spelled) or _called(host, found.models[0])
    present = {model.id for model in own[joined].models} if joined in own else set()
    entries: dict[str, Entry] = {}
    notes = [*found.notes, *unmeasured(host, targets)]
    if joined not in own and joined in host.registry.families:
        brought = host.registry.families[joined]
        entries |= {model.id: {"id": model.id} for model in brought.models}
        present |= set(entries)
        owner = host.registry.families.owner(joined).name
        notes.append(f"{joined} is a family of the plugin {owner}; its models come along by id")
    for model in found.models:
        if spelled.id(model.id) not in present:
            entries[model.id] = _entry(model, model.id in found.unsure, spelled)
    title = host.registry.families[joined].title if joined in host.registry.families else ""
    return Addition(path, joined, title, found.models, entries, found.unsure, tuple(notes))


def unmeasured(host: Host, targets: Sequence[str]) -> list[str]:
    """A sentence for each target that no suite has a benchmark of; a suite of it may yet come."""
    known = dict.fromkeys(
        b.capability for s in host.catalogue.suites.values() for b in s.benchmarks
    )
    return [
        f"no suite measures the target {name!r}{did_you_mean(name, known)}"
        for name in targets
        if name not in known
    ]


@dataclass(frozen=True)
class _Spelling:
    """How folders are written into a file: relative to its own folder."""

    root: Path

    def id(self, name: str) -> str:
        """A folder that is named from here as the file names it; anything else as it is."""
        folder = Path(name).expanduser()
        if not folder.is_dir():
            return name
        relative = Path(os.path.relpath(folder.resolve(), self.root.resolve())).as_posix()
        return relative if relative.startswith("..") else f"./{relative}"


def _entry(model: Model, unsure: bool, spelled: _Spelling) -> dict[str, Any]:
    """A model's table, of what is known and cannot be read off its own files again."""
    local = Path(
        str(model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id))
    )
    entry: dict[str, Any] = {"id": spelled.id(model.id)}
    if not unsure and model.regime:
        entry["regime"] = model.regime
    if not local.is_dir() and model.revision:
        entry["revision"] = model.revision
    if model.base_model is not None:
        parents = [spelled.id(parent) for parent in model.parents]
        entry["base_model"] = parents[0] if len(parents) == 1 else parents
    if model.targets is not None:
        entry["targets"] = list(model.targets)
    if "peft" in model.loader_args and not local.is_dir():
        args = {name: model.loader_args.get(name) for name in ("pretrained", "revision", "peft")}
        entry["loader_args"] = {k: spelled.id(str(v)) for k, v in args.items() if v is not None}
    if model.licence:
        entry["licence"] = model.licence
    if model.parameters is not None:
        entry["parameters"] = model.parameters
    return entry


def _standing(host: Host, name: str, family: str | None) -> tuple[str, Model] | None:
    """The family of zoo.toml that has a model already, and how it stands there."""
    for each in host.config.families.values():
        for model in each.models:
            if model.id == name and family in (None, each.name):
                return each.name, model
    return None


def _nothing_new(
    host: Host, path: Path, found: tuple[str, Model], name: str, revision: str | None
) -> Addition:
    family, model = found
    said = f"{name} stands in [families.{family}] of {path} already"
    if revision is not None and revision != model.revision:
        pinned = f"at {model.revision}" if model.revision else "without a revision"
        said += (
            f", {pinned}; write another revision there, or add {address_of(name)[0]}@{revision} as "
            "a stage beside it"
        )
    else:
        said += "; what it says is changed there"
    return Addition(path, family, host.config.families[family].title, (model,), notes=(said,))


def _joined(host: Host, models: Sequence[Model], spelled: _Spelling) -> str | None:
    """The first family of zoo.toml that has a parent of any of these."""
    parents = {spelled.id(parent) for model in models for parent in model.parents}
    for family in host.config.families.values():
        if parents & {model.id for model in family.models}:
            return family.name
    return None


def _called(host: Host, root: Model) -> str:
    """A name for a new family, after its root."""
    repository = address_of(root.id)[0].rstrip("/")
    plain = re.sub(r"[^a-z0-9.]+", "-", Path(repository).name.lower()).strip("-.") or "family"
    name, number = plain, 2
    while name in host.discovery.families:
        name, number = f"{plain}-{number}", number + 1
    return name
