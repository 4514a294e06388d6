"""From what somebody wishes to what is to be done. Nothing is trained, and no weight is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError
from zoo.fingerprints import fingerprint
from zoo.host import Host
from zoo.manifests import Manifest, Parent
from zoo.models import Family, Model
from zoo.redaction import refuse_secrets
from zoo.training.data import Data
from zoo.training.options import spelled
from zoo.training.recipes import Chosen, choose

DEFAULT_SEED = 1
FOLDER = "stages"
"""Where stages lie, beside zoo.toml."""

NAME = re.compile(r"\w[\w.+-]*")
"""What a family and a stage may be called: each becomes a folder."""


@dataclass(frozen=True)
class Wish:
    """What `zoo train` is told; None leaves it to the recipe, or to the rule.

    recipe: "" for the one called FAMILY/STAGE. parent: a model of the family, a Hub id or a folder.
    options: of the recipe; text is read as the option's default is written. limit: rows.
    """

    family: str
    stage: str
    recipe: str = ""
    parent: str | None = None
    data: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[str, ...] | None = None
    seed: int = DEFAULT_SEED
    steps: int | None = None
    save_every: int = 0
    out: Path | None = None
    device: str = "auto"
    threads: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Order:
    """A stage to be made.

    out: its folder, absolute. parent: as discovery finds it, None for a stage that starts from
    nothing. notes: sentences for people, on what was decided for them.
    """

    wish: Wish
    recipe: Chosen
    out: Path
    parent: Model | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the stage is called in messages."""
        return f"{self.wish.family}/{self.wish.stage}"

    @property
    def targets(self) -> tuple[str, ...] | None:
        """Capabilities it is trained for; None means those of its regime."""
        return self.recipe.targets or None if self.wish.targets is None else self.wish.targets


def plan_training(host: Host, wish: Wish) -> Order:
    """What is to be done. Raises ZooError where it cannot be meant."""
    for kind, name in (("family", wish.family), ("stage", wish.stage)):
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name of a {kind}: letters, digits, '.', '+' and '-' may stand in "
                "one, as it becomes a folder"
            )
    refuse_secrets(wish.options, "--set")
    recipe = choose(host.registry.recipes, wish.family, wish.stage, wish.recipe, wish.options)
    host.registry.regimes.get(recipe.regime)
    parent, notes = _parent(host, wish, recipe)
    root = host.config.path.parent if host.config.path else Path.cwd()
    out = (wish.out or root / FOLDER / wish.family / wish.stage).expanduser().resolve()
    if root.resolve().is_relative_to(out):
        raise ConfigError(f"{out} holds zoo.toml and more; name a folder of its own with --out")
    return Order(wish, recipe, out, parent, tuple(notes))


def check_outside(order: Order) -> None:
    """Raises ConfigError where what a stage is made from lies in the folder that is begun anew."""
    args = order.parent.loader_args if order.parent else {}
    told = [
        ("--from", args.get("pretrained")),
        ("--from", args.get("peft")),
        ("--data", order.wish.data),
        *((f"--set {name}", value) for name, value in order.recipe.options.items()),
    ]
    for flag, value in told:
        if isinstance(value, str) and value:
            path = Path(value).expanduser().resolve()
            if path.exists() and path.is_relative_to(order.out):
                raise ConfigError(
                    f"{flag} names {value}, which lies in the folder that --restart begins anew; "
                    "move it elsewhere, or name another folder with --out"
                )


def manifest_of(order: Order, data: Data | None) -> Manifest:
    """What the folder will say before the first step."""
    wish, recipe = order.wish, order.recipe
    return Manifest(
        recipe=recipe.name,
        of=recipe.of,
        regime=recipe.regime,
        family=wish.family,
        stage=wish.stage,
        seed=wish.seed,
        options=spelled(recipe.options),
        steps=wish.steps,
        save_every=wish.save_every,
        adapter=recipe.adapter,
        targets=order.targets,
        parent=None if order.parent is None else _pinned(order.parent),
        data=data.about if data else None,
    )


def _pinned(model: Model) -> Parent:
    place = _place(model)
    return Parent(model.id, model.revision, fingerprint(place).weights if place else "")


def _parent(host: Host, wish: Wish, recipe: Chosen) -> tuple[Model | None, list[str]]:
    """What the stage is made from, and what is to be said of it."""
    name = wish.parent or recipe.parent
    notes: list[str] = []
    if not name and recipe.from_nothing:
        return None, notes
    if not name:
        found = _root(host, wish.family, recipe.name)
        notes.append(
            f"no parent is named, so that it starts from the root of the family: {found.id}"
        )
    else:
        found = _single(host, name)
    if found.loader is not None and not host.registry.loaders.get(found.loader).reads_files:
        raise ConfigError(
            f"{found.id} is asked through the loader {found.loader} and has no weights to train; "
            "name a checkpoint with --from"
        )
    if _place(found) is None and found.revision is None:
        found = host.discovery.read_anew(found.id)
    if found.id not in host.discovery.known and (folder := Path(found.id).expanduser()).is_dir():
        found = replace(found, id=str(folder.resolve()))
    args = {"pretrained": found.id, **found.loader_args}
    return replace(found, loader_args=args), notes


def _root(host: Host, family: str, recipe: str) -> Model:
    if family not in host.discovery.families:
        raise ConfigError(
            f"there is no family {family!r} whose root the recipe {recipe} could start from; name "
            "a model with --from"
        )
    (whole,) = host.discovery.resolve([family])
    roots = [model for model in whole.models if not _inside(model, whole)]
    if len(roots) != 1:
        named = ", ".join(model.id for model in roots)
        raise ConfigError(f"{family} has several roots ({named}); name one with --from")
    return roots[0]


def _inside(model: Model, family: Family) -> bool:
    return any(other.id in model.parents for other in family.models)


def _single(host: Host, name: str) -> Model:
    (family, *_) = host.discovery.resolve([name])
    if len(family.models) > 1:
        ids = ", ".join(model.id for model in family.models)
        raise ConfigError(f"{name} is a family; name one of its models with --from: {ids}")
    return family.models[0]


def _place(model: Model) -> Path | None:
    """The folder of a model's own files; None where they lie on the Hub."""
    named = model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id)
    folder = Path(str(named)).expanduser()
    return folder if folder.is_dir() else None
