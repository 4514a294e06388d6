"""Trains the family: `python -m zoo_nano.train [STAGE ...] --out DIR [--seed N] [--threads N]`.

Without a stage, all of them, parents first. A parent that is not in DIR is taken from the weights
that are shipped. Needs the extra `stagezoo[train]` for every stage but the first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from zoo.errors import UnknownNameError, ZooError
from zoo_nano import manifest
from zoo_nano.lineage import make, parent_of
from zoo_nano.recipes import SEED, STAGES


def train(stages: Sequence[str], out: Path, seed: int, steps: int | None) -> None:
    """Train stages, parents first, into folders of `out`, and enter them into its manifest."""
    for name in stages:
        if name not in STAGES:
            raise UnknownNameError("stage", name, STAGES)
    out.mkdir(parents=True, exist_ok=True)
    for name in sorted(stages, key=list(STAGES).index):
        entry = make(name, out / name, *parent_of(name, out), seed=seed, steps=steps)
        manifest.write(manifest.read(out) | {name: entry}, out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m zoo_nano.train", description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=2, help="of torch; part of the result")
    parser.add_argument("--steps", type=int, help="fewer steps than the recipe, to try it out")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    try:
        train(arguments.stages or list(STAGES), arguments.out, arguments.seed, arguments.steps)
    except ZooError as error:
        parser.exit(error.exit_code, f"{error}\n")


if __name__ == "__main__":
    main()
