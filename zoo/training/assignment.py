"""What a recipe is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.models import Model

if TYPE_CHECKING:
    from datasets import Dataset

Tell = Callable[[str, Mapping[str, Any]], None]


def silent(name: str, facts: Mapping[str, Any]) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Assignment:
    """One stage to be made.

    out: the folder that becomes the checkpoint. It stands already and may hold `checkpoint-STEP`
        folders of an earlier life, as a Trainer of transformers writes them: train goes on from the
        latest complete one, to the same weights as if it had never stopped. What train leaves in
        `out` beside such folders is the finished stage.
    parent: read as any model is: `loader_args["pretrained"]` is a folder or a Hub id, `peft` an
        adapter over it. None for a recipe that starts from nothing.
    rows: data with the columns that the recipe asks for; None for a recipe that takes none.
    seed: of all that is drawn.
    steps: optimiser steps, instead of what the recipe's options say; None leaves them.
    save_every: steps between checkpoints that are to stay; 0 keeps none. Train may write others for
        a resumption and delete older ones, and leaves the latest: when the stage is written down
        as finished, all that were not asked for are removed, and `checkpoints.RESUMING` files.
    device: "cpu", "cuda" or "cuda:i".
    tell: told of progress: ("step", {"step", "steps", "loss", ...}), as often as it likes; other
        numbers of that step (reward, learning_rate, tokens) may stand beside; ("note", {"text"}),
        a sentence for people.
    """

    out: Path
    parent: Model | None
    rows: Dataset | None
    seed: int
    steps: int | None = None
    save_every: int = 0
    device: str = "cpu"
    tell: Tell = silent
