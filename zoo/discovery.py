"""From what people name (a family, a Hub id, a folder) to families of models with their lineage.

What a checkpoint says of itself is read without loading a weight; the regime plugins are asked
what it means. zoo.toml always wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from zoo.config import Config
from zoo.errors import ConfigError, ModelError, UnknownNameError
from zoo.evidence import rank_regimes
from zoo.fingerprints import chat_template_of, fingerprint, read_json
from zoo.models import Evidence, Facts, Family, Model
from zoo.registry import Registry

DEFAULT_FAMILY = "nano"
AD_HOC = "ad-hoc"
"""Name of a family that only the command line names."""


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
        if not targets:
            return (self._complete(self._default(families)),)
        named = [self._complete(families[name]) for name in targets if name in families]
        loose = [name for name in targets if name not in families]
        if not loose:
            return tuple(named)
        return (*named, self._ad_hoc(loose, base, families))

    def facts(self, model_id: str, revision: str | None = None) -> Facts:
        """What a checkpoint says of itself: a folder's files, or the small files of a Hub repo."""
        folder = Path(model_id).expanduser()
        if folder.is_dir():
            return facts_of_folder(model_id, folder)
        return facts_of_hub(model_id, revision)

    def _default(self, families: Mapping[str, Family]) -> Family:
        if self.config.families:
            return next(iter(self.config.families.values()))
        if DEFAULT_FAMILY not in families:
            raise UnknownNameError("family", DEFAULT_FAMILY, families, "see `zoo plugins`")
        return families[DEFAULT_FAMILY]

    def _complete(self, family: Family) -> Family:
        """Asks the regime plugins for models whose regime nobody named; orders parents first."""
        models = tuple(
            model if model.regime else self._classified(model, self.facts(_place(model)))
            for model in family.models
        )
        return replace(family, models=parents_first(models))

    def _ad_hoc(
        self, names: Sequence[str], base: str | None, families: Mapping[str, Family]
    ) -> Family:
        known = {model.id: model for family in families.values() for model in family.models}
        wanted = [*([base] if base and base not in names else []), *names]
        models: dict[str, Model] = {}
        for name in wanted:
            if name in known:
                models[name] = replace(known[name], family=AD_HOC)
            else:
                models[name] = self._read(name, known, families)
        if base is not None and base not in models:
            raise UnknownNameError("target", base, models)
        return Family(AD_HOC, parents_first(lineage(tuple(models.values()), base)))

    def _read(self, name: str, known: Mapping[str, Model], families: Mapping[str, Family]) -> Model:
        folder = Path(name).expanduser()
        if folder.is_dir():
            if not any((folder / f).is_file() for f in ("config.json", "adapter_config.json")):
                raise ModelError(
                    f"{name} is no checkpoint: it holds neither config.json nor adapter_config.json"
                )
        elif "/" not in name or name.startswith((".", "/", "~")) or name.count("/") > 1:
            raise UnknownNameError(
                "target",
                name,
                [*families, *known],
                "a target is a family, a Hub id (org/name) or a checkpoint folder",
            )
        model = self._classified(Model(name, family=AD_HOC), self.facts(name))
        # an adapter may name its base by the id some family knows it under
        base = known.get(str(model.loader_args.get("pretrained")))
        if base is None or "peft" not in model.loader_args:
            return model
        return replace(model, loader_args={**model.loader_args, **base.loader_args})

    def _classified(self, model: Model, facts: Facts) -> Model:
        """The model with what its facts say: regime, parents, and where its files lie."""
        evidence = self.registry.classify(facts)
        ranking = rank_regimes(evidence)
        parents = _parents(facts)
        regime = ranking.best
        if regime is None:
            regime = "fine-tuned" if parents else "pretrained"
            why = "it names a base model" if parents else "it names no base model"
            if ranking.tied:
                why += f", and the evidence is tied between {' and '.join(ranking.tied)}"
            evidence = [*evidence, Evidence(regime, 0.0, f"nothing decides; {why}")]
        args: dict[str, Any] = dict(model.loader_args)
        revision = model.revision
        folder = Path(model.id).expanduser()
        if facts.adapter_config:
            args.setdefault("pretrained", str(facts.adapter_config.get("base_model_name_or_path")))
            args.setdefault("peft", str(folder.resolve()) if folder.is_dir() else model.id)
        elif folder.is_dir():
            args.setdefault("pretrained", str(folder.resolve()))
        if folder.is_dir() and revision is None:
            prints = fingerprint(folder)
            revision = prints.weights[:12] or None
        return replace(
            model,
            regime=model.regime or regime,
            revision=revision,
            base_model=model.base_model or (parents[0] if len(parents) == 1 else parents or None),
            loader_args=args,
            evidence=tuple(evidence),
        )


def _place(model: Model) -> str:
    """Where a model of zoo.toml says its files are."""
    return str(model.loader_args.get("peft") or model.loader_args.get("pretrained") or model.id)


def _parents(facts: Facts) -> tuple[str, ...]:
    """Parents as the adapter's config or the card names them."""
    if base := facts.adapter_config.get("base_model_name_or_path"):
        return (str(base),)
    named = facts.card.get("base_model")
    if isinstance(named, str):
        return (named,)
    return tuple(str(each) for each in named) if isinstance(named, (list, tuple)) else ()


def lineage(models: Sequence[Model], base: str | None = None) -> tuple[Model, ...]:
    """Gives every model but the root a parent among the others.

    A parent named by card or adapter is matched by id or by folder. Where none of the others is
    named, `base` is the parent; without `base`, the model that stands before it.
    """
    ids = {model.id for model in models}
    by_folder = {
        str(Path(str(place)).expanduser().resolve()): model.id
        for model in models
        if (place := model.loader_args.get("pretrained")) and "peft" not in model.loader_args
    }
    placed: list[Model] = []
    for number, model in enumerate(models):
        parents = []
        for parent in model.parents:
            found = parent if parent in ids else by_folder.get(_resolved(parent))
            if found and found != model.id:
                parents.append(found)
        if not parents and model.id != base:
            if base is not None:
                parents = [base]
            elif number:
                parents = [models[number - 1].id]
        known = parents[0] if len(parents) == 1 else tuple(parents) or model.base_model
        placed.append(replace(model, base_model=known))
    return tuple(placed)


def _resolved(name: str) -> str:
    return str(Path(name).expanduser().resolve())


def parents_first(models: Sequence[Model]) -> tuple[Model, ...]:
    """Models in an order where each stands after its parents, else in the order given."""
    ids = {model.id for model in models}
    done: list[Model] = []
    waiting = list(models)
    while waiting:
        placed = {model.id for model in done}
        ready = [m for m in waiting if all(p in placed or p not in ids for p in m.parents)]
        if not ready:
            names = ", ".join(model.id for model in waiting)
            raise ConfigError(f"these models descend from each other in a circle: {names}")
        done.append(ready[0])
        waiting.remove(ready[0])
    return tuple(done)


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


def facts_of_hub(model_id: str, revision: str | None = None) -> Facts:
    """What the small files of a Hub repository say. Raises ModelError with the remedy."""
    from zoo.snapshots import small_snapshot

    return facts_of_folder(model_id, small_snapshot(model_id, revision))


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
    except (IndexError, yaml.YAMLError):
        return {}
    return card if isinstance(card, dict) else {}
