"""Makes the frontiers again: `python -m zoo_nano.frontiers --out DIR [--jobs N] [--only NAME]`.

Trains every cell of the grid, asks its checkpoints, and writes one run for each family to DIR/data.
What DIR holds already is not made again. Needs the extras `train` and `rag`.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from fnmatch import fnmatchcase
from multiprocessing import get_context
from pathlib import Path

from zoo.errors import ZooError
from zoo_nano.frontiers.grid import Cell, cells
from zoo_nano.frontiers.making import make_cell
from zoo_nano.frontiers.recording import record


def make_all(wanted: list[Cell], out: Path, jobs: int, steps: int | None) -> int:
    """Trains and measures cells, several at once; how many of them failed, each of them named."""
    failed = 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(make_cell, cell, out, steps): cell for cell in wanted}
        for number, done in enumerate(as_completed(running), start=1):
            try:
                said = done.result()
            except ZooError as problem:
                failed += 1
                said = f"{running[done].name} failed: {problem}"
            print(f"{number} of {len(wanted)}: {said}", flush=True)
    return failed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m zoo_nano.frontiers", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, one thread each")
    parser.add_argument("--only", default="*", metavar="NAME", help="a pattern of cells")
    parser.add_argument(
        "--steps", type=int, help="fewer than the grid says, to try it out; nothing is recorded"
    )
    parser.add_argument("--record", action="store_true", help="train nothing, write what is there")
    parser.add_argument("--list", action="store_true", help="only name the cells")
    args = parser.parse_args()
    wanted = [cell for cell in cells() if fnmatchcase(cell.name, args.only)]
    if args.list:
        print("\n".join(cell.name for cell in wanted))
        return
    out: Path = args.out.resolve()
    failed = 0 if args.record else make_all(wanted, out, args.jobs, args.steps)
    # what was only tried out is no cell of the grid
    for family in dict.fromkeys(cell.family for cell in wanted if args.steps is None):
        missing = record(family, [cell for cell in cells() if cell.family == family], out)
        print(f"wrote {family} to {out / 'data'}")
        print("".join(f"not made: {name}\n" for name in missing), end="")
    sys.exit(int(bool(failed)))


if __name__ == "__main__":
    main()
