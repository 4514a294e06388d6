"""From what people name (a family, a Hub id, a folder) to families of models with their lineage.

What a checkpoint says of itself is read without loading a weight; the regime plugins are asked
what it means. zoo.toml always wins.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

from zoo.config import Config
from zoo.errors import ConfigError, ModelError, UnknownNameError
from zoo.evidence import base_models, rank_regimes
from zoo.facts import adapter_of, code_of, facts_of_folder, licence_of
from zoo.fingerprints import fingerprint
from zoo.models import Evidence, Facts, Family, Model, address_of
from zoo.placing import lineage, parents_first
from zoo.plugins import Plugin
from zoo.registry import Registry
from zoo.snapshots import read_snapshot
from zoo.weights import parameters_of

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
        """All families by name: zoo.toml's, then the plugins', the default one first; zoo.toml wins
        a name."""
        brought = dict(self.registry.families)
        first = {DEFAULT_FAMILY: brought[DEFAULT_FAMILY]} if DEFAULT_FAMILY in brought else {}
        own = self.config.families
        return {**own, **{k: v for k, v in (first | brought).items() if k not in own}}

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
    def known(self) -> dict[str, Model]:
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
        known = dict(self.known)
        inherits = family.name in self.config.families
        named = [
            _inheriting(model, self._brought[model.id])
            if inherits and model.id in self._brought
            else model
            for model in family.models
        ]
        models = []
        for model in parents_first(named):
            try:
                model = self._described(model, known)
            except ModelError as problem:
                unread = Evidence(model.regime, 0.0, str(problem))
                model = replace(model, evidence=(*model.evidence, unread))
            models.append(model)
            known[model.id] = model
        return replace(family, models=parents_first(models))

    def _ad_hoc(self, names: Sequence[str], base: str | None) -> Family:
        known = self.known
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
        if path.is_dir():
            _check_checkpoint(name, path)
            return self._described(Model(name), known)
        self._check_id(name, path)
        try:
            return self._described(Model(name), known)
        except ModelError as problem:
            near = difflib.get_close_matches(name, [*self.families, *known], n=1, cutoff=0.8)
            hint = f"; or did you mean {near[0]!r}?" if near else ""
            raise ModelError(f"{problem}{hint}") from None

    def _check_id(self, name: str, path: Path) -> None:
        """Raises ZooError where a name that is no folder cannot be a Hub id either."""
        if path.exists():
            raise ModelError(f"{name} is a file; name the checkpoint folder that holds it")
        if name.startswith((".", "/", "~")) or address_of(name)[0].count("/") > 1:
            raise ModelError(f"there is no folder {name}; check the path")
        if name in self.families:
            models = ", ".join(model.id for model in self.families[name].models)
            raise ConfigError(f"{name} is a family; name one of its models as the base: {models}")
        if "/" not in name:
            remedy = "a target is a family, a Hub id (org/name) or a checkpoint folder"
            raise UnknownNameError("target", name, [*self.families, *self.known], remedy)

    def read_anew(self, name: str, revision: str | None = None) -> Model:
        """A Hub id or a folder, pinned, with all that it says of itself, families' models too.

        What a family says of the model stands, and the evidence beside it.
        Raises UnknownNameError or ModelError.
        """
        known = self.known
        path = Path(name).expanduser()
        if path.is_dir() and not (name in known and not _is_another_folder(path, known[name])):
            _check_checkpoint(name, path)
            return self._described(Model(name), known, anew=True)
        if name not in known:
            self._check_id(name, path)
        model = replace(known.get(name, Model(name)), revision=revision)
        return self._described(model, known, anew=True)

    def completed(self, family: Family) -> Family:
        """The family with what the files of its models say that lie here; the Hub is not asked."""
        return replace(family, models=tuple(self._completed(model) for model in family.models))

    def _completed(self, model: Model) -> Model:
        place = str(model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id))
        if not Path(place).expanduser().is_dir():
            return model
        try:
            found = self._described(replace(model, evidence=()), self.known)
        except ModelError:
            return model
        return replace(model, licence=found.licence, parameters=found.parameters)

    def _described(self, model: Model, known: Mapping[str, Model], anew: bool = False) -> Model:
        """The model with what its own files say: where they lie, who its parents are, its regime.

        What zoo.toml or a plugin says comes first. A Hub id whose regime is known is not read,
        unless it is to be read anew; one that is read is pinned to its commit.
        """
        regimes = self.registry.regimes
        if model.regime in regimes and regimes[model.regime].context is not None:
            return self._with_its_parents_weights(model, known)
        model = _addressed(model)
        place = str(model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id))
        folder = Path(place).expanduser()
        local = folder.is_dir()
        if model.regime and not local and not anew:
            return model
        counted = None
        if local:
            folder = folder.resolve()
        else:
            if place.startswith((".", "/", "~")):
                raise ModelError(f"there is no folder {place}; check the path")
            snapshot = read_snapshot(place, model.revision)
            folder, counted = snapshot.folder, snapshot.parameters
            model = replace(model, revision=snapshot.commit)
        facts = facts_of_folder(model.id, folder)
        if model.regime and anew:
            seen = self.registry.classify(facts)
            model = replace(model, evidence=(*model.evidence, *seen))
        elif not model.regime:
            model = self.classified(model, facts)
        if note := code_of(facts, model.revision if not local else None):
            model = replace(model, evidence=(*model.evidence, Evidence(model.regime, 0.0, note)))
        model = replace(model, licence=model.licence or licence_of(facts.card))
        over = "peft" in model.loader_args or bool(facts.adapter_config)
        if local and not model.revision:
            model = replace(model, revision=fingerprint(folder).weights[:12] or None)
        if over:
            place = str(folder) if local else place
            model = _over_its_base(model, facts, place, known)
            trained = parameters_of(folder, adapter=True)
            kind = model.adapter or adapter_of(facts.adapter_config)
            model = replace(model, adapter=kind, trained=model.trained or trained)
            return _with_parameters(model, _with_its_base(model, trained, known))
        if local:
            args = {**model.loader_args, "pretrained": str(folder)}
            model = replace(model, loader_args=args)
        if counted is None or facts.config.get("quantization_config"):
            counted = parameters_of(folder)
        return _with_parameters(_child(model, base_models(facts)), counted)

    def _with_its_parents_weights(self, model: Model, known: Mapping[str, Model]) -> Model:
        """A model that was not trained: its parent is loaded, and asked in another way."""
        if len(model.parents) != 1 or model.parents[0] == model.id:
            raise ModelError(
                f"{model.id} is {model.regime}, so that it has the weights of the model it is made "
                "from; name that one as its base_model in zoo.toml"
            )
        (name,) = model.parents
        parent = self._described(known.get(name, Model(name)), known)
        return replace(
            model,
            revision=model.revision or parent.revision,
            loader=model.loader or parent.loader,
            loader_args={"pretrained": parent.id, **parent.loader_args, **model.loader_args},
            licence=model.licence or parent.licence,
            parameters=model.parameters or parent.parameters,
        )

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
    """The model with these parents, unless zoo.toml or a plugin has named others, or said that it
    has none."""
    if model.base_model is not None:
        return model
    found = parents[0] if len(parents) == 1 else tuple(parents)
    return replace(model, base_model=found or None)


def _with_parameters(model: Model, counted: int | None) -> Model:
    return replace(model, parameters=model.parameters or counted)


def _addressed(model: Model) -> Model:
    """The model with its repository and revision apart, where its id names both."""
    repository, revision = address_of(model.id)
    if revision is None or Path(model.id).expanduser().is_dir():
        return model
    if "peft" in model.loader_args or model.id.startswith((".", "/", "~")):
        return model
    args = {"pretrained": repository, **model.loader_args}
    return replace(model, loader_args=args, revision=model.revision or revision)


def _over_its_base(model: Model, facts: Facts, peft: str, known: Mapping[str, Model]) -> Model:
    """An adapter's model: loaded over the base that its own configuration or zoo.toml names.

    The base is a model of a family, by its id; else a folder, seen from here or from the adapter;
    else a Hub id. Its revision is the base's own, in loader_args. peft: the adapter's folder or
    repository.
    Raises ModelError where no base is named, or none that an adapter can be laid over.
    """
    args = {**model.loader_args, "peft": peft}
    own = model.loader_args.get("pretrained")
    if "peft" in model.loader_args and own is not None:
        return _child(replace(model, loader_args=args), base_models(facts))
    named = facts.adapter_config.get("base_model_name_or_path")
    if own is not None and peft not in (own, str(Path(str(own)).expanduser().resolve())):
        named = own
    if not isinstance(named, str) or not named:
        raise ModelError(
            f"{model.id} is an adapter that names no base model; "
            "write base_model_name_or_path into its adapter_config.json"
        )
    revision: str | None = None
    if named in known:
        base = _addressed(known[named])
        if "peft" in base.loader_args:
            raise ModelError(f"{model.id} is an adapter over {named}, itself one; merge that first")
        place, parent = str(base.loader_args.get("pretrained", named)), named
        revision = None if Path(place).is_dir() else base.revision
    else:
        seen = (Path(named).expanduser(), Path(peft) / named)
        folder = next((str(each.resolve()) for each in seen if each.is_dir()), None)
        place = parent = folder or named
        if folder is None:
            place, revision = address_of(named)
    args["pretrained"] = place
    if revision:
        args.setdefault("revision", revision)
    return _child(replace(model, loader_args=args), [parent])


def _with_its_base(model: Model, own: int | None, known: Mapping[str, Model]) -> int | None:
    """Parameters of an adapter with its base's, where both are known. own: the adapter's."""
    place = str(model.loader_args.get("pretrained", ""))
    parent = known.get(model.parents[0]) if model.parents else None
    below = parent.parameters if parent is not None else None
    if below is None and Path(place).is_dir():
        below = parameters_of(Path(place))
    return None if below is None or own is None else below + own


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
