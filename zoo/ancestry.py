"""Follows what models say of their parents, from one that somebody names up to the root."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo.discovery import Discovery
from zoo.errors import ZooError
from zoo.evidence import rank_regimes
from zoo.models import Model


@dataclass(frozen=True)
class Ancestry:
    """A model and those it descends from, each pinned, parents first.

    notes: what ended a line before its root, and what is not decided; one sentence each.
    unsure: ids of models whose evidence does not decide on a regime.
    """

    models: tuple[Model, ...]
    notes: tuple[str, ...] = ()
    unsure: frozenset[str] = frozenset()


@dataclass
class _Trace:
    discovery: Discovery
    there: Collection[str]
    done: dict[str, Model] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def follow(self, model: Model, below: tuple[str, ...]) -> None:
        """Reads the parents of a model first, then sets it down. below: its descendants."""
        line = (*below, model.id)
        parents = []
        for parent in model.parents:
            if parent in line:
                circle = " -> ".join((*line[line.index(parent) :], parent))
                self.notes.append(
                    f"{model.id} is said to descend from itself ({circle}), so its parent "
                    f"{parent} is left out; name the right one with --base"
                )
                continue
            parents.append(parent)
            if parent in self.done or parent in self.there:
                continue
            try:
                above = self.discovery.read_anew(parent)
            except ZooError as problem:
                self.notes.append(
                    f"{parent}, the parent of {model.id}, is left out: {problem}; then run the "
                    f"same again, or name another with --base"
                )
            else:
                self.follow(above, line)
        self.done[model.id] = _over(_with_parents(model, parents), self.done)


def trace(
    discovery: Discovery,
    target: str,
    revision: str | None = None,
    *,
    regime: str = "",
    base: str | None = None,
    targets: tuple[str, ...] = (),
    there: Collection[str] = (),
) -> Ancestry:
    """The ancestry of a Hub id or a folder.

    revision: a branch, tag or commit of it. regime, base, targets: said by a person, so that
        nothing else counts. there: ids that need not be read, since they stand in a family.
    Raises ZooError where the target itself cannot be read; an ancestor that cannot is a note.
    """
    model = discovery.read_anew(target, revision)
    if base is not None:
        model = replace(model, base_model=base)
    if targets:
        model = replace(model, targets=targets)
    found = _Trace(discovery, there)
    found.follow(model, ())
    models = dict(found.done)
    known = discovery.known
    if regime:
        models[model.id] = replace(models[model.id], regime=regime)
    unsure = frozenset(
        each.id
        for each in models.values()
        if not (regime and each.id == model.id)
        and not (each.id in known and known[each.id].regime)
        and rank_regimes(each.evidence).best is None
    )
    return Ancestry(tuple(models.values()), tuple(found.notes), unsure)


def _with_parents(model: Model, parents: list[str]) -> Model:
    if len(parents) == len(model.parents):
        return model
    return replace(model, base_model=parents[0] if len(parents) == 1 else tuple(parents))


def _over(model: Model, read: Mapping[str, Model]) -> Model:
    """An adapter at the commit of its base, with the parameters of both."""
    base = read.get(model.parents[0]) if model.parents else None
    if "peft" not in model.loader_args or base is None:
        return model
    args = dict(model.loader_args)
    if base.revision and not Path(str(args.get("pretrained", ""))).is_dir():
        args["revision"] = base.revision
    return replace(model, loader_args=args)
