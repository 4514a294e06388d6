"""The reward model of RLHF: a classifier with one output, learned from preferences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo.training import Assignment, checkpoints
from zoo.training.assignment import Tell
from zoo_trl.fitting import RESUMPTIONS, Pace, configured, fit
from zoo_trl.parents import Parent
from zoo_trl.preferences import as_asked, within
from zoo_trl.saving import finish, tokenizer_beside

FOLDER = "reward-model"


def noted(tell: Tell) -> Tell:
    """Tells of the steps of this phase in a few sentences: the stage's own steps come after."""

    def heard(name: str, facts: Mapping[str, Any]) -> None:
        if name != "step":
            tell(name, facts)
        elif facts["step"] % math.ceil(facts["steps"] / RESUMPTIONS) == 0:
            right = f", right about {facts['accuracy']:.0%} of it" if "accuracy" in facts else ""
            where = f"step {facts['step']} of {facts['steps']}"
            tell("note", {"text": f"reward model: {where}, loss {facts['loss']:.3f}{right}"})

    return heard


def learn_reward(assignment: Assignment, parent: Parent, pace: Pace, max_length: int) -> None:
    """Leaves a reward model in `FOLDER` of `out`, unless a finished one stands there.

    It starts from the parent, with a head that is drawn from the seed, and learns to put the chosen
    answer above the rejected one (Bradley-Terry; Ouyang et al. 2022, arXiv:2203.02155).
    """
    import torch
    from transformers import AutoModelForSequenceClassification, set_seed
    from trl import RewardConfig, RewardTrainer

    done = assignment.out / FOLDER
    if done.is_dir():
        checkpoints.finish(done, save_every=0)
        return
    under_way = assignment.out / f"{FOLDER}-unfinished"
    under_way.mkdir(exist_ok=True)
    phase = replace(
        assignment, out=under_way, steps=None, save_every=0, tell=noted(assignment.tell)
    )
    set_seed(assignment.seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        parent.place, num_labels=1, dtype=torch.float32, revision=parent.revision
    )
    longest = parent.longest(max_length)
    rows = as_asked(within(phase, assignment.rows, parent, longest), parent.tokenizer)
    beside = tokenizer_beside(parent.tokenizer)
    learned = fit(
        RewardTrainer,
        configured(RewardConfig, phase, pace, max_length=longest),
        phase,
        model=model,
        tokenizer=parent.tokenizer,
        beside=beside,
        train_dataset=rows,
    )
    finish(phase, parent, learned, beside)
    under_way.rename(done)  # at once: what has this name is finished
    checkpoints.finish(done, save_every=0)
