"""An order is carried out: rows, recipe, manifest, card, and the stage's place in zoo.toml."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.adding import Addition, plan_addition
from zoo.config import FILE_NAME
from zoo.errors import TrainingError, ZooError
from zoo.evaluation.environment import resolve_device
from zoo.host import Host
from zoo.manifests import Manifest, write_manifest
from zoo.models import Model
from zoo.probing import describe
from zoo.process_state import kept
from zoo.progress import Listener
from zoo.rewriting import add_models, editing
from zoo.store.atomic import write_file
from zoo.training import checkpoints
from zoo.training.aside import asides, delete_own, let_go, put_back, set_aside
from zoo.training.assignment import Assignment, silent
from zoo.training.card import card_of
from zoo.training.data import Data, read_data
from zoo.training.folder import CARD, WEIGHTS, check_folder, hashes, held, holds_weights, standing
from zoo.training.order import Order, Wish, check_outside, manifest_of, plan_training
from zoo.training.steps import Steps

PACKAGES = ("stagezoo", "torch", "transformers", "trl", "peft", "datasets", "tokenizers")

SELDOM = 1.0
"""Seconds between two writings of the manifest while a training goes on: what a kill costs of its
time and log."""


@dataclass(frozen=True)
class Made:
    """What came of it.

    fresh: whether it was trained now, or stood there finished. addition: what was written into
    zoo.toml. model: as discovery finds it now.
    """

    manifest: Manifest
    out: Path
    fresh: bool
    addition: Addition
    model: Model


@dataclass(frozen=True)
class Ready:
    """An order whose data are read and fit the recipe. wanted: the manifest it begins with."""

    order: Order
    data: Data | None
    wanted: Manifest


def prepare(host: Host, wish: Wish, *, restart: bool = False) -> Ready:
    """All that can be refused before anything heavy is imported. Raises ZooError.

    restart: what the folder holds of another training does not count.
    """
    order = plan_training(host, wish)
    check_folder(order.out)
    data = read_data(order.recipe, wish.data, wish.seed, wish.limit)
    wanted = manifest_of(order, data)
    if restart:
        check_outside(order)
    else:
        standing(order.out, wanted)
    return Ready(order, data, wanted)


def make(host: Host, ready: Ready, *, restart: bool = False, tell: Listener = silent) -> Made:
    """Trains the stage, or goes on with it, or finds it finished; then adds it to zoo.toml.

    Raises ZooError; a KeyboardInterrupt passes through, and the same goes on later.
    """
    order, wanted = ready.order, ready.wanted
    with held(order.out):
        before = set_aside(order.out) if restart else None
        found = standing(order.out, wanted)
        fresh = found is None or found.status == "unfinished"
        if found is None or found.status == "unfinished":
            begun = replace(wanted, log=found.log, seconds=found.seconds) if found else wanted
            with _undone(order.out, found is None, before):
                manifest = _trained(ready, begun, tell)
        else:
            manifest = replace(found, targets=wanted.targets)
        # only now: who is killed before this goes on from there
        checkpoints.finish(order.out, order.wish.save_every)
        left = let_go(order.out)
        with editing(host.config.path or Path.cwd() / FILE_NAME):
            addition = add(host, order, manifest)
        addition = replace(addition, notes=(*addition.notes, *left))
    return Made(manifest, order.out, fresh, addition, _found(host, addition, order.out))


@contextmanager
def _undone(out: Path, anew: bool, before: Path | None) -> Iterator[None]:
    """Where a training that is begun anew fails before it has any weights, its folder is as it was:
    another attempt need not be of the same settings, and what was set aside is back."""
    try:
        yield
    except Exception:
        if anew and not holds_weights(out):
            delete_own(out)
            if before is not None:
                put_back(before, out)
        raise


@dataclass
class _Keeper:
    """Hears of a training and keeps its manifest up to date."""

    out: Path
    manifest: Manifest
    steps: Steps
    began: float = field(default_factory=time.monotonic)
    wrote: float = 0.0

    def __call__(self, name: str, facts: Mapping[str, Any]) -> None:
        self.steps(name, facts)
        if time.monotonic() - self.wrote >= SELDOM:
            self.write()

    def now(self) -> Manifest:
        """The manifest with the log and the time up to now."""
        seconds = self.manifest.seconds + time.monotonic() - self.began
        return replace(self.manifest, seconds=round(seconds, 3), log=self.steps.log)

    def write(self) -> None:
        write_manifest(self.out, self.now())
        self.wrote = time.monotonic()


def _trained(ready: Ready, begun: Manifest, tell: Listener) -> Manifest:
    """The manifest of the finished stage, whose files lie in its folder."""
    order, wish = ready.order, ready.order.wish
    device = resolve_device(wish.device)
    with kept():
        import torch

        if wish.threads is not None:
            torch.set_num_threads(wish.threads)
        begun = replace(
            begun, device=device, threads=torch.get_num_threads(), packages=_packages(order)
        )
        keeper = _Keeper(order.out, begun, Steps(begun.log))
        keeper.write()
        tell("start", _start(ready, begun))
        for place in asides(order.out):
            text = f"what stood in {order.out} lies in {place} until the stage is finished"
            tell("note", {"text": text})

        def hear(name: str, facts: Mapping[str, Any]) -> None:
            keeper(name, facts)
            tell(name, facts)

        assignment = Assignment(
            out=order.out,
            parent=order.parent,
            rows=ready.data.dataset() if ready.data else None,
            seed=wish.seed,
            steps=wish.steps,
            save_every=wish.save_every,
            device=device,
            tell=hear,
        )
        try:
            order.recipe.train(assignment, **order.recipe.options)
        except ZooError:
            raise
        except Exception as problem:
            raise TrainingError(
                f"{order.name} was not finished: the recipe {order.recipe.name} failed: "
                f"{describe(problem)}"
            ) from problem
        finally:
            keeper.write()
    if not any((order.out / name).is_file() for name in WEIGHTS):
        raise TrainingError(
            f"the recipe {order.recipe.name} ended and left no checkpoint in {order.out}: neither "
            "config.json nor adapter_config.json"
        )
    finished = replace(keeper.now(), status="finished")
    if not (order.out / CARD).exists():
        write_file(order.out / CARD, card_of(finished).encode())
    finished = replace(finished, files=hashes(order.out))
    write_manifest(order.out, finished)
    tell("finished", _end(order, finished))
    return finished


def _start(ready: Ready, manifest: Manifest) -> dict[str, Any]:
    return {
        "stage": ready.order.name,
        "recipe": manifest.recipe,
        "of": manifest.of,
        "regime": manifest.regime,
        "parent": manifest.parent and manifest.parent.id,
        "rows": manifest.data and manifest.data.rows,
        "out": str(ready.order.out),
        "device": manifest.device,
        "threads": manifest.threads,
        "seconds": manifest.seconds,
        "step": manifest.last_step or 0,
    }


def _end(order: Order, manifest: Manifest) -> dict[str, Any]:
    return {
        "stage": order.name,
        "out": str(order.out),
        "step": manifest.last_step,
        "seconds": manifest.seconds,
    }


def add(host: Host, order: Order, manifest: Manifest) -> Addition:
    """Writes the stage into zoo.toml as it stands now, unless it is there; says what was written.

    A family that a plugin brings comes along by its models' ids.
    """
    host = replace(host)  # the file may have changed while the training went on
    found = plan_addition(
        host,
        str(order.out),
        family=order.wish.family,
        regime=manifest.regime,
        base=manifest.parent.id if manifest.parent else None,
        targets=manifest.targets or (),
    )
    if found.entries:
        entries = [
            {**entry, "seed": manifest.seed} if model == found.models[-1].id else entry
            for model, entry in found.entries.items()
        ]
        add_models(found.path, found.family, entries, found.title)
        return found
    notes = [*found.notes[1:], *_unlike(found.models[-1], manifest)]
    return replace(found, notes=tuple(notes))


def _unlike(model: Model, manifest: Manifest) -> list[str]:
    """What zoo.toml says of a stage that its training does not; it stays as it is."""
    pairs = [
        ("regime", model.regime, manifest.regime),
        ("targets", model.targets, manifest.targets),
        ("seed", model.seed, manifest.seed),
    ]
    return [
        f"zoo.toml says {name} = {said!r} of it, and it was made with {made!r}; change it there"
        for name, said, made in pairs
        if said and made is not None and said != made
    ]


def _found(host: Host, addition: Addition, out: Path) -> Model:
    """The stage as zoo.toml has it now, with what its files say."""
    discovery = replace(host).discovery
    family = discovery.completed(discovery.families[addition.family])
    here = [m for m in family.models if Path(str(_place(m))).resolve() == out]
    return here[0]


def _place(model: Model) -> Any:
    return model.loader_args.get("peft") or model.loader_args.get("pretrained", model.id)


def _packages(order: Order) -> dict[str, str]:
    """Versions of what may move a weight, the plugin's distribution among them."""
    found = {}
    for name in dict.fromkeys((*PACKAGES, order.recipe.plugin)):
        try:
            found[name] = metadata.version(name)
        except (metadata.PackageNotFoundError, ValueError):
            continue
    return found
