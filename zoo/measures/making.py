"""What the stages were trained on, how, and for how long: facts of their manifests, as rows.

The rows are those of the probes "training" and "cost", in every report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.models import Model

Row = Mapping[str, Any]

PLACE = (
    "probe",
    "kind",
    "model",
    "benchmark",
    "protocol",
    "examples",
    "source",
    "recipe",
    "step",
    "seed",
)
"""Names of a row that are not those of settings."""


def making(models: Sequence[Model]) -> Iterator[Row]:
    """A row of kind "data" for each model that `zoo train` made, and one of kind "training" with
    its seconds for each whose training is finished.

    Settings stand by their names where they are flat; a list is written with + between.
    """
    for model in models:
        if model.made is None:
            continue
        place = {"model": model.id, "benchmark": None, "protocol": None}
        settings = {
            name: "+".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            for name, value in model.made.settings.items()
            if name not in PLACE and not isinstance(value, Mapping)
        }
        yield {
            "probe": "training",
            **place,
            "kind": "data",
            "recipe": model.made.recipe,
            "examples": model.made.examples,
            "source": model.made.source,
            "step": model.step,
            "seed": model.seed,
            **settings,
        }
        if model.made.seconds is not None:
            seconds = model.made.seconds
            yield {"probe": "cost", **place, "kind": "training", "seconds": seconds}
