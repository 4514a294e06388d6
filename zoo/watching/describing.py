"""Who a checkpoint of a training is, and who its parent."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from zoo.errors import ConfigError, ZooError
from zoo.evidence import rank_regimes
from zoo.fingerprints import chat_template_of, fingerprint
from zoo.host import Host
from zoo.manifests import read_manifest
from zoo.models import Family, Model
from zoo.watching.holding import GoneError, is_read
from zoo.watching.looking import Look, stamps

VOCABULARIES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken", "tekken.json")
"""Files of which every tokenizer has one."""


def parent_named(host: Host, name: str) -> Model:
    """The model that a training began with, by id or folder. Raises ZooError."""
    if name in host.discovery.families:
        models = ", ".join(model.id for model in host.discovery.families[name].models)
        raise ConfigError(f"{name} is a family; name one of its models as the base: {models}")
    (family,) = host.discovery.resolve([name])
    return replace(family.models[-1], step=None)


def parent_said(host: Host, folder: Path, checkpoints: Iterable[Path]) -> str:
    """The parent that a training's manifest names, else the first of its checkpoints that can be
    read and names one; "" where none does."""
    with suppress(ConfigError):
        manifest = read_manifest(folder)
        if manifest is not None and manifest.parent is not None:
            return manifest.parent.id
    for path in checkpoints:
        with suppress(ZooError):
            (family,) = host.discovery.resolve([str(path)])
            parents = family.models[-1].parents
            if len(parents) == 1:
                return parents[0]
    return ""


def checkpoint(
    host: Host, folder: Path, files: Path, seen: Look, *, id: str, step: int, final: bool = False
) -> Model:
    """A checkpoint, pinned by the bytes that are evaluated, as its files describe it.

    files: where they are held. seen: as it was found complete. final: it is the finished model,
    whose own account of its step goes before `step`. Raises GoneError where it is not as it was
    seen any more, and ModelError.
    """
    (family,) = host.discovery.resolve([str(folder)])
    found = family.models[-1]
    now = stamps(folder)
    if any(now.get(name) != stamp for name, stamp in seen.files.items() if is_read(name)):
        raise GoneError(f"{folder} went away while it was read")
    here = str(folder.resolve())
    args = {k: str(files) if v == here else v for k, v in found.loader_args.items()}
    revision = fingerprint(files).weights[:12] or None
    if final and found.step is not None:
        step = found.step
    return replace(found, id=id, revision=revision, step=step, loader_args=args)


def child(
    model: Model, base: Model | None, targets: tuple[str, ...] | None, regime: str | None
) -> Model:
    """The checkpoint as a child of its parent, for these targets and of this regime if they are
    said.

    One whose files decide on no regime and that has no chat template is taken for fine-tuned: it
    has a parent. One without a tokenizer takes its parent's.
    """
    if targets is not None:
        model = replace(model, targets=targets)
    if regime is not None:
        model = replace(model, regime=regime)
    if base is None:
        return model
    args = model.loader_args
    own = Path(str(args.get("peft", args["pretrained"])))
    undecided = rank_regimes(model.evidence).best is None
    if regime is None and undecided and chat_template_of(own) is None:
        model = replace(model, regime="fine-tuned")
    model = replace(model, base_model=base.id)
    if "peft" in args or "tokenizer" in args or _has_tokenizer(own):
        return model
    place = base.loader_args.get("tokenizer", base.loader_args.get("pretrained", base.id))
    return replace(model, loader_args={**args, "tokenizer": place})


def family_of(name: str, *models: Model | None) -> Family:
    """A family of these models, each named after it."""
    return Family(name, tuple(replace(each, family=name) for each in models if each is not None))


def _has_tokenizer(folder: Path) -> bool:
    return any(path.is_file() for pattern in VOCABULARIES for path in folder.glob(pattern))
