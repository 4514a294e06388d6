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

from zoo.adapters import addressed, child_of, described_adapter, over_its_base, with_parameters
from zoo.config import Config
from zoo.errors import ConfigError, ModelError, UnknownNameError
from zoo.evidence import base_models, rank_regimes
from zoo.facts import code_of, facts_of_folder, licence_of
from zoo.fingerprints import fingerprint
from zoo.manifests import described
from zoo.models import Evidence, Facts, Family, Model, address_of
from zoo.placing import lineage, parents_first
from zoo.plugins import Plugin
from zoo.registry import Registry
from zoo.snapshots import branches_of, read_snapshot
from zoo.weights import parameters_of

DEFAULT_FAMILY = "nano"

MARKS = ("config.json", "adapter_config.json")
"""Files of which a checkpoint has one."""


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
        targets = [self.id_of(target) for target in targets]
        base = base and self.id_of(base)
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

    def id_of(self, name: str) -> str:
        """What a name stands for: itself, or the one model of a family in a folder that ends so.

        So FAMILY/STAGE is the stage that `zoo train` has put in ./stages/FAMILY/STAGE.
        """
        known = self.known
        if name in self.families or name in known or Path(name).expanduser().exists():
            return name
        ending = "/" + name.removeprefix("./").rstrip("/")
        folders = [each for each in known if each.startswith((".", "/", "~"))]
        fit = [each for each in folders if each.rstrip("/").endswith(ending)]
        return fit[0] if len(fit) == 1 else name

    @property
    def known(self) -> dict[str, Model]:
        """All models of families by id; zoo.toml's own come before a plugin's."""
        own = [m for family in self.config.families.values() for m in family.models]
        return {**self._brought, **{model.id: self._whole(model) for model in own}}

    def _whole(self, model: Model) -> Model:
        """A model of zoo.toml, with what the file leaves unsaid where a plugin brings it too."""
        brought = self._brought.get(model.id)
        return model if brought is None else _inheriting(model, brought)

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
        named = [self._whole(model) if inherits else model for model in family.models]
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
        said = ("licence", "parameters", "made", "seed", "step")
        return replace(model, **{name: getattr(found, name) for name in said})

    def _described(self, model: Model, known: Mapping[str, Model], anew: bool = False) -> Model:
        """The model with what its own files say: where they lie, who its parents are, its regime.

        What zoo.toml or a plugin says comes first. A Hub id whose regime is known is not read,
        unless it is to be read anew; one that is read is pinned to its commit.
        """
        regimes = self.registry.regimes
        if model.regime in regimes and regimes[model.regime].context is not None:
            return self._with_its_parents_weights(model, known)
        model = addressed(model)
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
            if anew:
                _check_repository(place, model.revision, folder)
            model = replace(model, revision=snapshot.commit)
        facts = facts_of_folder(model.id, folder)
        if local:
            model = described(model, folder, regimes)
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
            model = over_its_base(model, facts, place, known)
            return described_adapter(model, facts, folder, known)
        if local:
            args = {**model.loader_args, "pretrained": str(folder)}
            model = replace(model, loader_args=args)
        if counted is None or facts.config.get("quantization_config"):
            counted = parameters_of(folder)
        return with_parameters(child_of(model, base_models(facts)), counted)

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


def _check_repository(place: str, revision: str | None, folder: Path) -> None:
    """Raises a ModelError, with branches that may hold one, where a repository is no checkpoint."""
    if any((folder / mark).is_file() for mark in MARKS):
        return
    others = [name for name in branches_of(place) if name not in ("main", revision)]
    near = f", as in {place}@{others[0]}" if others else ""
    raise ModelError(
        f"{place} holds neither config.json nor adapter_config.json at {revision or 'main'}; name "
        f"a revision that does{near}"
    )


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
    if any((folder / mark).is_file() for mark in MARKS):
        return
    below = sorted({path.parent.name for mark in MARKS for path in folder.glob(f"*/{mark}")})
    near = f"; name one in it: {', '.join(below[:6])}" if below else "; name a checkpoint folder"
    raise ModelError(
        f"{name} is no checkpoint: it holds neither config.json nor adapter_config.json{near}"
    )
