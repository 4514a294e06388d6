"""Points into a W&B run.

The run's own step only grows, and training has moved it on long before a checkpoint is measured.
So the points have an axis of their own: each is written with the value of the training's step
metric beside it, and `define_metric` draws them over that, as the Trainer's callback does for its.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, PublishError
from zoo.probing import one_line
from zoo_trackers.points import Point, points_of

if TYPE_CHECKING:
    from zoo.publishing import Bundle, Notes

SENT = "zoo_published"
"""Key of the run's config that keeps marks of the points that are in it."""

AGAIN = "; `wandb sync` sends what was not sent"

KEYLESS = "there is no key for W&B; `wandb login` keeps one, or set WANDB_API_KEY"

MISSING = 'the library wandb is missing; pip install "stagezoo[wandb]"'


def publish(
    bundle: Bundle,
    target: str,
    notes: Notes,
    models: Sequence[str] | None,
    step_metric: str,
    timeout: float,
) -> str:
    """Writes what the run has not got yet; returns where it is. Raises as the publisher does."""
    entity, project, run_id = _parts(target)
    points = points_of(bundle, models)
    try:
        import wandb
    except ImportError:
        raise PublishError(MISSING) from None
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        init_timeout=timeout,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    mode = str(wandb.setup(settings=settings).settings.mode)
    if mode == "disabled":
        raise PublishError(
            "W&B is told to keep nothing (WANDB_MODE); unset it, or set it to offline"
        )
    offline = mode in ("offline", "dryrun")
    fresh = [each for each in points if each.mark not in notes.sent]
    if not fresh:
        return f"{target} was given it all before" + (AGAIN if offline else "")
    try:
        if not offline and not wandb.login(prompt=False, verify=False):
            raise PublishError(KEYLESS)
        run = wandb.init(
            entity=entity,
            project=project,
            id=run_id,
            resume=None if offline else "must",
            settings=settings,
        )
        with run:
            known = {*notes.sent, *(run.config.get(SENT) or ())}
            fresh = [each for each in points if each.mark not in known]
            if fresh:
                _write(run, fresh, step_metric)
                marks = sorted({*known, *(each.mark for each in fresh)})
                run.config.update({SENT: marks}, allow_val_change=True)
            where = f"wandb sync {run.sync_dir}" if run.offline else str(run.url)
    except (wandb.Error, OSError, TimeoutError) as problem:
        again = not isinstance(problem, wandb.errors.UsageError)
        raise PublishError(f"W&B: {target}: {one_line(str(problem))}", again=again) from None
    notes.keep(each.mark for each in fresh)
    if not fresh:
        return f"{target} has it all at {where}"
    sent = f"{len(fresh)} of {len(points)} points"
    return f"{sent} kept here; send them with `{where}`" if run.offline else f"{sent} at {where}"


def _parts(target: str) -> tuple[str, str, str]:
    parts = target.split("/")
    if len(parts) != 3 or not all(parts):
        raise ConfigError(f"{target!r} is no run of W&B; write it as entity/project/run-id")
    return parts[0], parts[1], parts[2]


def _write(run: Any, points: Sequence[Point], step_metric: str) -> None:
    """Points at their steps; those without one into the run's summary."""
    run.define_metric(step_metric)
    run.define_metric("zoo/*", step_metric=step_metric)
    for point in points:
        if point.step is None:
            run.summary.update(dict(point.metrics))
        else:
            run.log({step_metric: point.step, **point.metrics})
