"""The embedded family: a lineage of five tiny checkpoints, shipped in the package.

`zoo_families` brings the checkpoints, `zoo_recipes` the way each was made, and more that can be.
"""

from __future__ import annotations

from typing import Any

from zoo import hookimpl
from zoo.hookspecs import Recipe, Recorded
from zoo.models import Family, Model
from zoo_nano import manifest
from zoo_nano.frontiers import grid, recording
from zoo_nano.pretraining import PRETRAINING, pretrain
from zoo_nano.recipes import STAGES, Stage


def _model(stage: Stage, entry: dict[str, Any]) -> Model:
    folder = manifest.WEIGHTS / stage.name
    loader_args = {"pretrained": str(folder)}
    if stage.adapter:
        loader_args = {"pretrained": str(manifest.WEIGHTS / str(stage.parent)), "peft": str(folder)}
    return Model(
        id=f"nano/{stage.name}",
        revision=manifest.revision(entry),
        family="nano",
        regime=stage.regime,
        base_model=f"nano/{stage.parent}" if stage.parent else None,
        targets=stage.targets or None,
        loader_args=loader_args,
        seed=entry["seed"],
        training_datasets=stage.datasets,
    )


@hookimpl
def zoo_families() -> list[Family]:
    """One family, of the stages that are there: parents before children."""
    entries = manifest.read()
    models = tuple(
        _model(stage, entries[name]) for name, stage in STAGES.items() if name in entries
    )
    return [Family("nano", models, title="The embedded family")] if models else []


@hookimpl
def zoo_recipes() -> list[Recipe]:
    """How the base is trained, one recipe for each stage, named like its model, and the grids'."""
    base = Recipe(PRETRAINING, "pretrained", pretrain, "the embedded family's base, from nothing")
    return [base, *(stage.made_by for stage in STAGES.values()), *grid.recipes()]


@hookimpl
def zoo_runs() -> list[Recorded]:
    """The grids of trainings that are shipped: what they showed, without their weights."""
    return recording.shipped()
