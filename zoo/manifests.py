"""What `zoo train` writes beside a stage's weights: `zoo-training.json`, of the schema
zoo.training/1.

It says how the stage was made, so that discovery, reports and a second training of the same can
read it. A manifest may come with anybody's weights: what it says is checked, and believed no more
than a card is.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ConfigError
from zoo.fingerprints import remembered_digest
from zoo.models import Evidence, Making, Model, Regime
from zoo.store.atomic import write_file
from zoo.structuring import plain, read

NAME = "zoo-training.json"
SCHEMA = "zoo.training/1"

WEIGHTS = "*.safetensors"
LARGEST = 16 * 1024**2
"""Bytes of a manifest that is read."""
LONGEST = 500
"""Characters of a name in it."""
CERTAIN = 0.99
"""How much a manifest speaks for the regime that it names."""

CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
"""A folder of a training that goes on, as a Trainer of transformers names it."""


@dataclass(frozen=True)
class Parent:
    """What a stage was made from. weights: hash of a local checkpoint's; revision: as discovery
    pins it."""

    id: str
    revision: str | None = None
    weights: str = ""


@dataclass(frozen=True)
class Rows:
    """What a stage learned from.

    source: a file, a folder or a data set of the Hub as it was named; "" for data that the recipe
    brings itself. rows: how many. sha256: over their canonical JSON, in order. revision: the commit
    of a data set on the Hub.
    """

    source: str
    rows: int
    sha256: str
    revision: str | None = None


@dataclass(frozen=True)
class Manifest:
    """How a stage was made.

    recipe: as it was asked for; of: the way of training that it makes ready, itself where it is
    one. options: as they took effect. steps: asked for instead of what the options say. seconds:
    of training, added up over interruptions. log: points on the way, each with its `step`. files:
    SHA-256 by name, of a finished stage.
    """

    recipe: str
    of: str
    regime: str
    family: str
    stage: str
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    save_every: int = 0
    adapter: bool = False
    targets: tuple[str, ...] | None = None
    parent: Parent | None = None
    data: Rows | None = None
    status: Literal["unfinished", "finished"] = "unfinished"
    seconds: float = 0.0
    device: str = ""
    threads: int | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    log: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    schema: str = SCHEMA

    @property
    def making(self) -> Making:
        """The same as a model knows it.

        Data are named by who brings them, or by their hash: repetitions with other seeds may draw
        other rows from one source, and are repetitions still.
        """
        told = {**self.options, **({} if self.steps is None else {"steps": self.steps})}
        source = ""
        if self.data is not None:
            told["data"] = self.data.sha256 if self.data.source else self.recipe
            source = _source(self.data) if self.data.source else self.recipe
        threads = f", threads {self.threads}" if self.threads else ""
        return Making(
            self.of,
            told,
            self.data.rows if self.data else None,
            self.seconds if self.status == "finished" else None,
            self.data.sha256 if self.data else "",
            source,
            f"{self.device}{threads}" if self.device else "",
        )

    @property
    def last_step(self) -> int | None:
        """The last step that was told of."""
        steps = [point.get("step") for point in self.log]
        return max((step for step in steps if type(step) is int), default=None)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes it whole or not at all."""
    table = {"schema": manifest.schema, **plain(manifest)}
    text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False)
    write_file(folder / NAME, text.encode("utf-8", "surrogateescape") + b"\n")


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where it has none.

    Raises ConfigError where there is one that cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
        table = json.loads(data, parse_constant=_refuse, parse_int=_whole, parse_float=_finite)
        if not isinstance(table, dict) or table.get("schema") != SCHEMA:
            raise ValueError(f"it is not of the schema {SCHEMA}")
        found = read(Manifest, table, str(path))
        for name in (found.recipe, found.of, found.regime, found.family, found.stage):
            _check_name(name)
        for name in (*(found.targets or ()), *([found.parent.id] if found.parent else ())):
            _check_name(name)
    except (OSError, ValueError, RecursionError) as problem:
        raise ConfigError(f"{path} cannot be read: {problem}") from None
    return found


def described(model: Model, folder: Path, regimes: Mapping[str, Regime]) -> Model:
    """The model with what the manifest of its folder says, where nothing else has said it.

    A `checkpoint-N` within a training has N as its step and all else from the manifest above it,
    also while the training goes on. A manifest that cannot be read says nothing, nor does one of
    other weights than lie beside it.
    """
    try:
        manifest = read_manifest(folder)
        step = manifest.last_step if manifest else None
        if manifest is None and (named := CHECKPOINT.fullmatch(folder.name)):
            above, step = read_manifest(folder.parent), int(named[1])
            # the time of the whole training is not its own
            manifest = above and replace(above, status="unfinished")
        elif manifest is not None and (
            manifest.status != "finished" or not _is_of_these(manifest, folder)
        ):
            return model
    except (ConfigError, OSError):
        return model
    if manifest is None:
        return model
    said = model
    if model.base_model is None and manifest.parent and manifest.parent.id != model.id:
        said = replace(said, base_model=manifest.parent.id)
    if not model.regime and manifest.regime in regimes:
        why = f"{NAME}: made by `zoo train` with the recipe {manifest.recipe}"
        seen = Evidence(manifest.regime, CERTAIN, why)
        said = replace(said, evidence=(*model.evidence, seen))
    return replace(
        said,
        made=model.made or manifest.making,
        seed=manifest.seed if model.seed is None else model.seed,
        step=step if model.step is None else model.step,
        targets=manifest.targets if model.targets is None else model.targets,
    )


def _is_of_these(manifest: Manifest, folder: Path) -> bool:
    """Whether nothing in a finished stage's folder says that its weights are others."""
    made = {n: made for n, made in manifest.files.items() if fnmatch(n, WEIGHTS) and "/" not in n}
    there = sorted(path.name for path in folder.glob(WEIGHTS) if path.is_file())
    # hashes are remembered: those of the weights are asked for anyway, to pin the model
    return not made or all(remembered_digest(folder / n) == made.get(n) for n in there)


def _source(data: Rows) -> str:
    """The source as a hash: it is compared, and its name may be nobody's business."""
    name = json.dumps([data.source, data.revision])
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > LONGEST:
        raise ValueError(f"{name[:60]!r} is no name")


def _whole(spelled: str) -> int:
    if len(spelled) > 18:
        raise ValueError(f"{spelled[:18]}… is too large")
    return int(spelled)


def _finite(spelled: str) -> float:
    number = float(spelled)
    if not math.isfinite(number):
        raise ValueError(f"{spelled[:18]} is too large")
    return number


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
