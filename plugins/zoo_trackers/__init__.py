"""The publishers `wandb` and `trackio`: scores as points of the training run that made the models.

`zoo publish --to wandb --repo entity/project/run-id`: each checkpoint's G, S, other special
ability, target capabilities and changes against its parent, with their limits, stand at its step.
Each needs its library (the extras `[wandb]` and `[trackio]`), imported when it is published to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import hookimpl
from zoo.hookspecs import Publisher

if TYPE_CHECKING:
    from zoo.publishing import Bundle, Notes

ONE_WRITER = (
    "W&B takes one writer to a run at a time, and what is written while the training writes too "
    "may be lost; leave --publish out, and `zoo publish --to wandb` when the training is over"
)


def publish_to_wandb(
    bundle: Bundle,
    target: str,
    *,
    notes: Notes,
    models: list[str] | None = None,
    step_metric: str = "train/global_step",
    timeout: float = 60.0,
) -> str:
    """Writes a bundle's scores into the W&B run `entity/project/run-id`; returns where it is.

    models: patterns of the names of those that belong to the run; None for all. step_metric: what
    the training writes its step as. timeout: seconds the service has to give the run.
    Raises PublishError and ConfigError.
    """
    from zoo_trackers.weights_and_biases import publish

    return publish(bundle, target, notes, models, step_metric, timeout)


def publish_to_trackio(
    bundle: Bundle,
    target: str,
    *,
    notes: Notes,
    models: list[str] | None = None,
) -> str:
    """Writes a bundle's scores into the run `project/run` of this machine; returns where it is.

    models: as for W&B. Raises PublishError and ConfigError.
    """
    from zoo_trackers.trackio_run import publish

    return publish(bundle, target, notes, models)


@hookimpl
def zoo_publishers() -> list[Publisher]:
    """Two publishers: wandb and trackio."""
    return [
        Publisher("wandb", publish_to_wandb, ONE_WRITER),
        Publisher("trackio", publish_to_trackio),
    ]
