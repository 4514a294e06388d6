"""A grid's results as a run that can travel without its weights."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.errors import CellError
from zoo.hookspecs import Recorded
from zoo_nano.frontiers.grid import Cell
from zoo_nano.frontiers.making import entries_of, measure, open_grid

DATA = Path(__file__).parent / "data"
MANIFEST = "manifest.json"


def shipped(folder: Path = DATA) -> list[Recorded]:
    """The runs of a folder, as its manifest names them; none where it has no manifest."""
    path = folder / MANIFEST
    if not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    return [
        Recorded(name, folder / facts["file"], facts["sha256"], facts["about"])
        for name, facts in table.items()
    ]


def record(family: str, cells: Sequence[Cell], out: Path) -> list[str]:
    """Writes what the cells of a family came to as `out/data/FAMILY.json.gz`, and into its
    manifest; names of cells whose checkpoints are not all there.

    Raises CellError where one of them could not be asked.
    """
    from zoo import __version__
    from zoo.publishing.recording import Published, run_of
    from zoo.standings import standing_of
    from zoo.structuring import plain
    from zoo.tradeoffs import tradeoff_of

    entries = [entries_of(cell, out) for cell in cells]
    made = [(c, e) for c, e in zip(cells, entries, strict=True) if len(e) == len(c.asked)]
    outcome = measure(family, family, [entry for _, own in made for entry in own], out)
    for result in outcome.failed:
        raise CellError(f"{result.spec.name} has no score: {result.error}")
    host = open_grid(out, out / "work" / f"{family}.toml")
    tradeoff = tradeoff_of(
        host, outcome.family, outcome.suite, outcome.results, (outcome.record,)
    ).to_dict()
    standing = plain(standing_of(outcome.record, outcome.results))
    run = run_of(Published(outcome.record, outcome.results, tradeoff, standing), __version__)
    data = json.dumps(run, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()
    folder = out / "data"
    folder.mkdir(exist_ok=True)
    # without a time of day, so that the same data are the same bytes
    (folder / f"{family}.json.gz").write_bytes(gzip.compress(data, mtime=0))
    about = f"python -m zoo_nano.frontiers, {len(made)} trainings of {len(cells)} on a CPU"
    entry = {
        "file": f"{family}.json.gz",
        "sha256": hashlib.sha256(data).hexdigest(),
        "about": about,
    }
    _enter(folder / MANIFEST, family, entry)
    return [cell.name for cell in cells if cell not in [each for each, _ in made]]


def _enter(path: Path, family: str, entry: dict[str, Any]) -> None:
    table = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    text = json.dumps({**table, family: entry}, indent=2, sort_keys=True)
    path.write_text(f"{text}\n", encoding="utf-8")
