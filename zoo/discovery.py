"""From what people name (a family, a Hub id, a folder) to families of models with their lineage.

What a checkpoint says of itself is read without loading a weight; the regime plugins are asked
what it means. zoo.toml always wins.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from zoo.config import Config
from zoo.errors import ConfigError, ModelError, UnknownNameError
from zoo.evidence import base_models, rank_regimes
from zoo.fingerprints import chat_template_of, fingerprint, read_json
from zoo.models import Evidence, Facts, Family, Model
from zoo.plugins import Plugin
from zoo.registry import Registry
from zoo.snapshots import small_snapshot

DEFAULT_FAMILY = "nano"


@dataclass(frozen=True)
class Discovery:
    """Finds families by what people name.

    families: by name, zoo.toml's before the plugins'.
    """

    config: Config
    registry: Registry

    @property
    def families(self) -> dict[str, Family]:
        """All families by name: zoo.toml's, then the plugins'; zoo.toml wins a name."""
        return {
            **self.config.families,
            **{
                name: family
                for name, family in self.registry.families.items()
                if name not in self.config.families
            },
        }

    def resolve(self, targets: Sequence[str], base: str | None = None) -> tuple[Family, ...]:
        """The families that the targets name; without targets the default family.

        Family names stand for themselves. Ids and folders together form one family: parents from
        their cards where they are among the targets, else each the child of the one before it,
        or of `base` where that is given.
        Raises UnknownNameError or ModelError.
        """
        families = self.families
        named = [name for name in dict.fromkeys(targets) if name in families]
        loose = [name for name in dict.fromkeys(targets) if name not in families]
        if base is not None and not loose:
            raise ConfigError(
                f"--base {base} is the parent of models, and none is named; a family knows its own"
            )
        if not targets:
            return (self._complete(self._default(families)),)
        found = [self._complete(families[name]) for name in named]
        return (*found, self._ad_hoc(loose, base)) if loose else tuple(found)

    @property
    def _known(self) -> dict[str, Model]:
        """All models of families by id; zoo.toml's own come before a plugin's."""
        own = {m.id: m for family in self.config.families.values() for m in family.models}
        return {**self._brought, **own}

    @cached_property
    def _brought(self) -> dict[str, Model]:
        """Models that plugins' families hold, by id; the host's own come first.

        An id that two third parties claim is nobody's: it is known by its files alone, so that
        installing a plugin changes nothing about a model of somebody else's.
        """
        families = self.registry.families
        owners = {name: families.owner(name) for name in families}
        claims: dict[str, dict[Plugin, Model]] = {}
        for name, family in families.items():
            for model in family.models:
                claims.setdefault(model.id, {}).setdefault(owners[name], model)
        brought = {}
        for model_id, claimants in claims.items():
            hosts = [model for plugin, model in claimants.items() if plugin.first_party]
            if hosts or len(claimants) == 1:
                brought[model_id] = (hosts or list(claimants.values()))[0]
        return brought

    def _default(self, families: Mapping[str, Family]) -> Family:
        if self.config.families:
            return next(iter(self.config.families.values()))
        if DEFAULT_FAMILY not in families:
            raise UnknownNameError("family", DEFAULT_FAMILY, families, "see `zoo plugins`")
        return families[DEFAULT_FAMILY]

    def _complete(self, family: Family) -> Family:
        """The family with what its models' own files say, parents first.

        A model that cannot be read stays, without a regime: its cells fail with the reason.
        """
        known = self._known
        inherits = family.name in self.config.families
        models = []
        for model in family.models:
            if inherits and model.id in self._brought:
                model = _inheriting(model, self._brought[model.id])
            try:
                models.append(self._described(model, known))
            except ModelError as problem:
                unread = Evidence(model.regime, 0.0, str(problem))
                models.append(replace(model, evidence=(*model.evidence, unread)))
        return replace(family, models=parents_first(models))

    def _ad_hoc(self, names: Sequence[str], base: str | None) -> Family:
        known = self._known
        wanted = dict.fromkeys([*([base] if base else []), *names])
        named = [self._read(name, known) for name in wanted]
        models = parents_first(lineage(named, base, known))
        # named after its root, so that checkpoints run one by one come to stand in one lineage
        name = models[0].id
        return Family(name, tuple(replace(model, family=name) for model in models))

    def _read(self, name: str, known: Mapping[str, Model]) -> Model:
        """The model of a target that is no family. Raises UnknownNameError or ModelError."""
        path = Path(name).expanduser()
        if name in known and not _is_another_folder(path, known[name]):
            return self._described(known[name], known)
        model = Model(name)
        if path.is_dir():
            _check_checkpoint(name, path)
            return self._described(model, known)
        if path.exists():
            raise ModelError(f"{name} is a file; name the checkpoint folder that holds it")
        if name.startswith((".", "/", "~")) or name.count("/") > 1:
            raise ModelError(f"there is no folder {name}; check the path")
        if name in self.families:
            models = ", ".join(model.id for model in self.families[name].models)
            raise ConfigError(f"{name} is a family; name one of its models as the base: {models}")
        names = [*self.families, *known]
        if "/" not in name:
            remedy = "a target is a family, a Hub id (org/name) or a checkpoint folder"
            raise UnknownNameError("target", name, names, remedy)
        try:
            return self._described(model, known)
        except ModelError as problem:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
            hint = f"; or did you mean {near[0]!r}?" if near else ""
            raise ModelError(f"{problem}{hint}") from None

    def _described(self, model: Model, known: Mapping[str, Model]) -> Model:
        """The model with what its own files say: where they lie, who its parents are, its regime.

        What zoo.toml or a plugin says comes first. A Hub id whose regime is known is not read.
        """
        place = str(model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id))
        folder = Path(place).expanduser()
        local = folder.is_dir()
        if model.regime and not local:
            return model
        if not local:
            if place.startswith((".", "/", "~")):
                raise ModelError(f"there is no folder {place}; check the path")
            folder = small_snapshot(place, model.revision)
        facts = facts_of_folder(model.id, folder)
        if not model.regime:
            model = self.classified(model, facts)
        if "peft" in model.loader_args:
            return _child(model, base_models(facts))
        if facts.adapter_config:
            return _over_its_base(model, facts, str(folder.resolve()) if local else place, known)
        revision = folder.name
        if local:
            args = {**model.loader_args, "pretrained": str(folder.resolve())}
            model = replace(model, loader_args=args)
            revision = fingerprint(folder).weights[:12]
        model = replace(model, revision=model.revision or revision or None)
        return _child(model, base_models(facts))

    def classified(self, model: Model, facts: Facts) -> Model:
        """The model with the regime its facts and its own evidence speak for, and all of that.

        Where nothing decides, a regime is still needed to ask it: the strongest of those that are
        tied, else what its having a base model suggests. The evidence says so.
        """
        evidence = [*model.evidence, *self.registry.classify(facts)]
        ranking = rank_regimes(evidence)
        regime = ranking.best
        if regime is None and ranking.tied:
            regime = ranking.regimes[0].name
            tied = " and ".join(ranking.tied)
            why = f"taken, though the evidence is tied between {tied}; zoo.toml decides"
            evidence = [*evidence, Evidence(regime, 0.0, why)]
        elif regime is None:
            regime = "fine-tuned" if base_models(facts) else "pretrained"
            names = "a" if base_models(facts) else "no"
            why = f"taken, since nothing decides and it names {names} base model; zoo.toml decides"
            evidence = [*evidence, Evidence(regime, 0.0, why)]
        return replace(model, regime=regime, evidence=tuple(evidence))


def _child(model: Model, parents: Sequence[str]) -> Model:
    """The model with these parents, unless zoo.toml or a plugin has named others."""
    found = parents[0] if len(parents) == 1 else tuple(parents)
    return replace(model, base_model=model.base_model or found or None)


def _over_its_base(model: Model, facts: Facts, peft: str, known: Mapping[str, Model]) -> Model:
    """An adapter's model: loaded over the base that its own configuration or zoo.toml names.

    The base is a model of a family, by its id; else a folder, seen from here or from the adapter;
    else a Hub id. Its revision is what is loaded, so the adapter's own hash is not put in its
    place. Raises ModelError where no base is named, or none that an adapter can be laid over.
    """
    args = {**model.loader_args, "peft": peft}
    own = args.get("pretrained")
    named = facts.adapter_config.get("base_model_name_or_path")
    if own is not None and Path(str(own)).expanduser().resolve() != Path(peft):
        named = own
    if not isinstance(named, str) or not named:
        raise ModelError(
            f"{model.id} is an adapter that names no base model; "
            "write base_model_name_or_path into its adapter_config.json"
        )
    revision = model.revision
    if named in known:
        base = known[named]
        if "peft" in base.loader_args:
            raise ModelError(f"{model.id} is an adapter over {named}, itself one; merge that first")
        place, parent = str(base.loader_args.get("pretrained", named)), named
        revision = revision or (None if Path(place).is_dir() else base.revision)
    else:
        seen = (Path(named).expanduser(), Path(peft) / named)
        folder = next((str(each.resolve()) for each in seen if each.is_dir()), None)
        place = parent = folder or named
    args["pretrained"] = place
    return _child(replace(model, loader_args=args, revision=revision), [parent])


def _is_another_folder(path: Path, known: Model) -> bool:
    """Whether a path as it is typed here is another folder than the one a family knows so.

    zoo.toml's paths are relative to the file, a target's to the working folder.
    """
    place = Path(str(known.loader_args.get("pretrained", known.id))).expanduser()
    is_path = str(known.id).startswith((".", "/", "~"))
    return is_path and path.resolve() != place.resolve()


def _inheriting(model: Model, brought: Model) -> Model:
    """A model of zoo.toml that a plugin brings too: what the file leaves unsaid is the plugin's."""
    default = Model(model.id)
    unsaid = {
        field.name: getattr(brought, field.name)
        for field in fields(Model)
        if getattr(model, field.name) == getattr(default, field.name)
    }
    return replace(model, **unsaid)


def _check_checkpoint(name: str, folder: Path) -> None:
    """Raises a ModelError, with the checkpoints below it, where a folder is none itself."""
    marks = ("config.json", "adapter_config.json")
    if any((folder / mark).is_file() for mark in marks):
        return
    below = sorted({path.parent.name for mark in marks for path in folder.glob(f"*/{mark}")})
    near = f"; name one in it: {', '.join(below[:6])}" if below else "; name a checkpoint folder"
    raise ModelError(
        f"{name} is no checkpoint: it holds neither config.json nor adapter_config.json{near}"
    )


def lineage(
    models: Sequence[Model], base: str | None = None, known: Mapping[str, Model] | None = None
) -> tuple[Model, ...]:
    """Gives every model but the root a parent among the others.

    A parent named by card or adapter is matched by id or by folder. Where none of the others is
    named, `base` is the parent; without `base`, the nearest model before it. A model that
    descends from the one in question is never its parent.
    known: models of families by id, whose lineage is certain: such a model's parent is its nearest
        ancestor among the others, or none of them.
    """
    known = known or {}
    ids = {model.id for model in models}
    by_folder = {
        _resolved(str(place)): model.id
        for model in models
        if (place := model.loader_args.get("pretrained")) and "peft" not in model.loader_args
    }
    parents: dict[str, tuple[str, ...]] = {}
    for model in models:
        named = [p if p in ids else by_folder.get(_resolved(p), p) for p in model.parents]
        if model.id in known and base is None:
            named = _nearest(model.parents, ids, known)
        inside = any(parent in ids and parent != model.id for parent in named)
        parents[model.id] = tuple(p for p in named if p != model.id) if inside else ()
    placed: list[Model] = []
    for number, model in enumerate(models):
        before = [base] if base is not None else [other.id for other in models[:number]][::-1]
        if model.id in known and base is None:
            before = []
        if not parents[model.id] and model.id != base:
            free = (each for each in before if model.id not in _ancestors(each, parents))
            parents[model.id] = tuple(itertools.islice(free, 1))
        found = parents[model.id]
        one = found[0] if len(found) == 1 else found
        placed.append(replace(model, base_model=one or model.base_model))
    return tuple(placed)


def _nearest(parents: Sequence[str], ids: set[str], known: Mapping[str, Model]) -> list[str]:
    """The nearest ancestors that are among `ids`, through models that are not."""
    found: dict[str, None] = {}
    waiting, seen = list(parents), set[str]()
    while waiting:
        parent = waiting.pop(0)
        if parent in ids or parent not in known:
            found[parent] = None
        elif parent not in seen:
            seen.add(parent)
            waiting.extend(known[parent].parents)
    return list(found)


def _ancestors(name: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """A model and all it descends from."""
    above, waiting = set[str](), [name]
    while waiting:
        here = waiting.pop()
        if here not in above:
            above.add(here)
            waiting.extend(parents.get(here, ()))
    return above


def _resolved(name: str) -> str:
    return str(Path(name).expanduser().resolve())


def parents_first(models: Sequence[Model]) -> tuple[Model, ...]:
    """Models in an order where each stands after its parents, else in the order given.

    Raises ConfigError where there is no such order.
    """
    ids = {model.id for model in models}
    done: dict[str, Model] = {}
    waiting = list(models)
    while waiting:
        ready = [m for m in waiting if all(p in done or p not in ids for p in m.parents)]
        if not ready:
            names = ", ".join(model.id for model in waiting)
            raise ConfigError(
                f"these models descend from each other in a circle: {names}; mend a base_model"
            )
        done[ready[0].id] = ready[0]
        waiting.remove(ready[0])
    return tuple(done.values())


def facts_of_folder(model_id: str, folder: Path) -> Facts:
    """What the files of a checkpoint folder say."""
    return Facts(
        id=model_id,
        card=read_card(folder / "README.md"),
        config=read_json(folder / "config.json"),
        tokenizer_config=read_json(folder / "tokenizer_config.json"),
        adapter_config=read_json(folder / "adapter_config.json"),
        chat_template=chat_template_of(folder),
    )


def read_card(path: Path) -> dict[str, Any]:
    """The front matter of a model card; {} where there is none that can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if not text.startswith("---"):
        return {}
    try:
        card = yaml.safe_load(text.split("---", 2)[1])
    except Exception:
        # people write cards; whatever stands in one, its model can still be asked
        return {}
    return card if isinstance(card, dict) else {}
