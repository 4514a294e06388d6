"""Rounds of several kinds side by side: `python -m running.chaos FOLDER KILLS SEED`.

A warm parent forks every run and every look at a store, and never starts a thread itself. Prints
one line of JSON for each lane; where an assertion fails the status is 1.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from pathlib import Path

import datasets
import lm_eval.api.model
import lm_eval.tasks  # noqa: F401
import pyarrow.parquet  # noqa: F401
import scipy.stats  # noqa: F401
import torch

import zoo.engine.adapter
import zoo.evaluation.evaluator
import zoo.evaluation.scoring
import zoo.evaluation.tasks  # noqa: F401
from running.chaos.rounds import Chaos, rounds
from running.chaos.subjects import Subject, computed, environment, install_stub, stubbed
from zoo.store import leases

BEAT = 0.01
"""Seconds between two writings of a journal: what is kept must be more than nothing."""


def lane(name: str, folder: Path) -> tuple[Subject, float]:
    """The subject of a lane and its models' seconds for an answer."""
    if name == "engine":
        return computed(folder), 0.0
    return (stubbed(folder, 2), 0.04) if name == "workers" else (stubbed(folder, 1), 0.002)


def work(name: str, folder: Path, kills: int, seed: int) -> None:
    """One lane, in this process; prints what came of it."""
    subject, pace = lane(name, folder / name)
    environment(folder / name, BEAT, pace)
    chaos = Chaos(subject, folder / name, random.Random(f"{seed} {name}"))
    chaos.measure()
    print(json.dumps({"lane": name, **rounds(chaos, kills)}), flush=True)


def main(folder: Path, kills: int, seed: int) -> int:
    """All lanes at once; how many failed. A tenth of the kills strikes runs of the engine, an
    eighth runs with workers, and them."""
    leases.BEAT, leases.STALE = BEAT, 10 * BEAT
    torch.set_num_threads(1)
    sys.path.insert(0, str(install_stub(folder / "guests")))
    # a thread pool of tokenizers does not live in a fork of the process that made it
    os.environ.update(XDG_CACHE_HOME=str(folder / "cache"), TOKENIZERS_PARALLELISM="false")
    datasets.config.HF_DATASETS_CACHE = str(folder / "datasets")
    os.environ["HF_DATASETS_CACHE"] = str(folder / "datasets")
    os.chdir(folder)
    shares = {"engine": kills // 10, "workers": kills // 8}
    alone = kills - sum(shares.values())
    shares |= {"alone": alone - alone // 2, "alone too": alone // 2}
    children = []
    for name, share in shares.items():
        if (child := os.fork()) == 0:
            status = 1
            try:
                work(name, folder, share, seed)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]).resolve(), *map(int, sys.argv[2:]))))
