"""Where a model's weights come from: a branch of a repository, or an adapter over its base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.errors import ModelError
from zoo.evidence import base_models
from zoo.facts import adapter_of
from zoo.models import Facts, Model, address_of
from zoo.weights import parameters_of


def child_of(model: Model, parents: Sequence[str]) -> Model:
    """The model with these parents, unless zoo.toml or a plugin has named others, or said that it
    has none."""
    if model.base_model is not None:
        return model
    found = parents[0] if len(parents) == 1 else tuple(parents)
    return replace(model, base_model=found or None)


def with_parameters(model: Model, counted: int | None) -> Model:
    """The model with a count of its parameters, unless one was said."""
    return replace(model, parameters=model.parameters or counted)


def addressed(model: Model) -> Model:
    """The model with its repository and revision apart, where its id names both."""
    repository, revision = address_of(model.id)
    if revision is None or Path(model.id).expanduser().is_dir():
        return model
    if "peft" in model.loader_args or model.id.startswith((".", "/", "~")):
        return model
    args = {"pretrained": repository, **model.loader_args}
    return replace(model, loader_args=args, revision=model.revision or revision)


def over_its_base(model: Model, facts: Facts, peft: str, known: Mapping[str, Model]) -> Model:
    """An adapter's model: loaded over the base that its own configuration or zoo.toml names.

    The base is a model of a family, by its id; else a folder, seen from here or from the adapter;
    else a Hub id. Its revision is the base's own, in loader_args. peft: the adapter's folder or
    repository.
    Raises ModelError where no base is named, or none that an adapter can be laid over.
    """
    args = {**model.loader_args, "peft": peft}
    own = model.loader_args.get("pretrained")
    if "peft" in model.loader_args and own is not None:
        return child_of(replace(model, loader_args=args), base_models(facts))
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
        base = addressed(known[named])
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
    return child_of(replace(model, loader_args=args), [parent])


def described_adapter(
    model: Model, facts: Facts, folder: Path, known: Mapping[str, Model]
) -> Model:
    """An adapter's model with its kind, its own parameters, and those with its base, where known.

    folder: the adapter's.
    """
    place = str(model.loader_args.get("pretrained", ""))
    parent = known.get(model.parents[0]) if model.parents else None
    below = parent.parameters if parent is not None else None
    if below is None and Path(place).is_dir():
        below = parameters_of(Path(place))
    own = parameters_of(folder, adapter=True)
    kind = model.adapter or adapter_of(facts.adapter_config)
    model = replace(model, adapter=kind, trained=model.trained or own)
    return with_parameters(model, None if below is None or own is None else below + own)
