"""Runs a trainer of TRL for an assignment: quietly, told as it goes, resumed where it was."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError, TrainingError, UnknownNameError
from zoo.training import Assignment, checkpoints
from zoo_trl.devices import bound, chosen
from zoo_trl.parents import needs_trl

NEEDED = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
"""What a Trainer of transformers needs beside the weights to go on."""

SCHEDULES = ("constant", "constant_with_warmup", "cosine", "linear")
"""How the learning rate goes, as transformers calls it."""

Beside = Callable[[Path], None]

RESUMPTIONS = 10
"""How many times on the way a checkpoint is written that a resumption may need."""

TOLD = {
    "loss": "loss",
    "reward": "reward",
    "kl": "kl",
    "learning_rate": "learning_rate",
    "num_tokens": "tokens",
    "completions/mean_length": "length",
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
    "accuracy": "accuracy",
}
"""What a Trainer logs, and what it is told as."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the libraries from writing to the terminal; their errors still do."""
    import datasets
    import transformers

    loggers = [logging.getLogger(name) for name in ("trl", "peft", "accelerate", "transformers")]
    before = [logger.level for logger in loggers]
    bars = datasets.are_progress_bars_disabled()
    hub = transformers.utils.logging.is_progress_bar_enabled()
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        datasets.disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()
        if hub:
            transformers.utils.logging.enable_progress_bar()


def prepared(train: Callable[..., None]) -> Callable[..., None]:
    """A recipe that first sees whether it can run here, and runs quietly from the seed."""

    @wraps(train)
    def run(assignment: Assignment, **options: Any) -> None:
        needs_trl()
        from transformers import set_seed

        with quiet(), chosen(assignment.device):
            set_seed(assignment.seed)
            train(assignment, **options)

    return run


@dataclass(frozen=True)
class Pace:
    """How fast and how far.

    steps: of the optimiser; 0 leaves them to epochs. batch: rows at once; accumulate: how many
    times before a step. warmup: steps. schedule: one of SCHEDULES.
    Raises ConfigError for what cannot be meant.
    """

    learning_rate: float
    epochs: float
    steps: int
    batch: int
    accumulate: int
    warmup: int
    schedule: str

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise UnknownNameError("schedule", self.schedule, SCHEDULES)
        if min(self.batch, self.accumulate) < 1 or min(self.steps, self.warmup, self.epochs) < 0:
            raise ConfigError(
                "batch and accumulate must be at least 1, and steps, warmup and epochs no less "
                f"than 0; here they are {self.batch}, {self.accumulate}, {self.steps}, "
                f"{self.warmup} and {self.epochs}"
            )


def check_pace(**options: Any) -> None:
    """Raises ConfigError where a recipe's options are no pace."""
    Pace(**{each.name: options[each.name] for each in fields(Pace)})


def settings(assignment: Assignment, pace: Pace) -> dict[str, Any]:
    """What all trainers are told alike: one process, nothing sent anywhere."""
    import torch

    on_cpu = assignment.device == "cpu"
    return {
        "output_dir": str(assignment.out),
        "max_steps": assignment.steps or pace.steps or -1,
        "num_train_epochs": pace.epochs,
        "per_device_train_batch_size": pace.batch,
        "gradient_accumulation_steps": pace.accumulate,
        "learning_rate": pace.learning_rate,
        "warmup_steps": pace.warmup,
        "lr_scheduler_type": pace.schedule,
        "seed": assignment.seed,
        "use_cpu": on_cpu,
        "bf16": not on_cpu and torch.cuda.is_bf16_supported(including_emulation=False),
        "gradient_checkpointing": False,
        "dataloader_pin_memory": not on_cpu,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
    }


def configured(kind: type, assignment: Assignment, pace: Pace, **more: Any) -> Any:
    """The settings of a trainer of TRL, of the class `kind`, for the assignment's device."""
    return bound(kind, assignment.device, **settings(assignment, pace), **more)


def _companion(assignment: Assignment) -> Any:
    """The callback that tells of each step, stops where the loss is none, and saves."""
    from transformers import TrainerCallback

    class Companion(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):  # type: ignore[no-untyped-def]
            del args, control
            found = {
                TOLD[name]: float(value) for name, value in (logs or {}).items() if name in TOLD
            }
            if "loss" not in found:
                return  # the summary at the end
            if not math.isfinite(found["loss"]):
                raise TrainingError(
                    f"the loss is no number at step {state.global_step}; lower learning_rate, "
                    "or look for rows that hold nothing"
                )
            assignment.tell("step", {"step": state.global_step, "steps": state.max_steps, **found})

        def on_step_end(self, args, state, control, **_):  # type: ignore[no-untyped-def]
            del args
            often = max(1, math.ceil(state.max_steps / RESUMPTIONS))
            step = state.global_step
            control.should_save = (
                step % often == 0
                or step >= state.max_steps
                or checkpoints.stays(step, assignment.save_every)
            )
            return control

        def on_save(self, args, state, control, **_):  # type: ignore[no-untyped-def]
            del args, control
            checkpoints.clear(assignment.out, assignment.save_every, before=state.global_step)

    return Companion()


def _own(trainer: type, beside: Beside) -> type:
    """A trainer that writes no card and tells nobody that it was used, and whose checkpoints hold
    beside the weights what the finished stage will."""

    class Own(trainer):  # type: ignore[misc]
        def _send_telemetry(self) -> None: ...

        def create_model_card(self, *_: Any, **__: Any) -> None: ...

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            # the trainer's own tokenizer is set up for training
            processing: Any = self.processing_class
            self.processing_class = None
            super()._save(output_dir, state_dict)
            self.processing_class = processing
            beside(Path(output_dir or self.args.output_dir))

    Own.__name__ = trainer.__name__
    return Own


def fit(
    trainer: type,
    config: Any,
    assignment: Assignment,
    *,
    model: Any,
    tokenizer: Any,
    beside: Beside,
    **parts: Any,
) -> Any:
    """Trains, or goes on from the latest complete checkpoint in `out`; the model when done.

    trainer: of TRL. config: its settings. beside: writes what stands beside the weights into each
    folder that a model was saved in. parts: the trainer's other arguments.
    Raises TrainingError where the loss is no number or memory is out.
    """
    import torch
    from transformers import PrinterCallback

    use_cache = model.config.use_cache
    made = _own(trainer, beside)(
        model=model,
        args=config,
        processing_class=deepcopy(tokenizer),
        callbacks=[_companion(assignment)],
        **parts,
    )
    made.remove_callback(PrinterCallback)
    made.model.config.use_cache = use_cache  # the trainer turns it off
    found = checkpoints.latest(assignment.out, NEEDED)
    state: Mapping[str, Any] = checkpoints.state_of(found) if found else {}
    try:
        if found and state["global_step"] >= state["max_steps"]:
            made._load_from_checkpoint(str(found))  # only what comes after training was left to do
        else:
            made.train(resume_from_checkpoint=str(found) if found else None)
    except torch.OutOfMemoryError as error:
        raise TrainingError(_full(config, assignment.device)) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise TrainingError(_full(config, assignment.device)) from error
        if "probability tensor contains" in str(error):
            raise TrainingError(
                "the model's probabilities are no numbers any more; lower learning_rate"
            ) from error
        raise
    return made.model


def _full(config: Any, device: str) -> str:
    batch = config.per_device_train_batch_size
    return (
        f"{device} has not enough memory for {batch} rows at once; lower batch (and raise "
        "accumulate by as much), or their length (max_length, max_completion)"
    )
