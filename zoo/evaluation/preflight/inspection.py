"""All findings about the cells of a run, on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo.evaluation.checkpoints import Checkpoint
from zoo.evaluation.preflight import disk, memory, prompts
from zoo.evaluation.preflight.budgets import small_budgets
from zoo.evaluation.preflight.findings import Finding
from zoo.evaluation.preparing import Cell


def inspect(cells: Sequence[Cell], *, device: str | None, store: Path) -> list[Finding]:
    """Findings about cells that are to be asked on a device and kept in a store.

    device: None where they are asked on other machines, whose memory cannot be seen from here.
    Nothing is downloaded but the Hub's answer to how large the weights are, where it is in reach.
    """
    return list(_findings(cells, device, store)) if cells else []


def _findings(cells: Sequence[Cell], device: str | None, store: Path) -> Iterator[Finding]:
    models = {cell.spec.model.id: cell for cell in cells}
    lacking: dict[str, disk.Download] = {}
    for name, cell in models.items():
        if cell.checkpoint.folder is not None:
            lacking[name] = disk.download(cell.checkpoint)
    yield from disk.downloads(lacking, disk.cache_folder())
    answers = {cell.response_key: (cell.size, _budget(cell)) for cell in cells}
    yield from disk.results(answers.values(), store)
    if device is not None:
        room = memory.memory_of(device)
        for name, cell in models.items():
            needed = _weights(cell.checkpoint, cell.dtype, lacking.get(name))
            if needed is not None:
                args = cell.spec.model.loader_args
                yield from memory.fits(name, needed, cell.dtype, room, args)
    yield from prompts.doubled_bos(cells)
    yield from small_budgets(cells)


def _budget(cell: Cell) -> int:
    """Most tokens that an answer is long."""
    return int((cell.requests[0].gen_kwargs or {}).get("max_gen_toks", 0))


def _weights(checkpoint: Checkpoint, dtype: str, lacking: disk.Download | None) -> int | None:
    """Bytes of a model's weights in memory; None where that cannot be known."""
    if checkpoint.folder is None:
        return None
    found = memory.weight_bytes(checkpoint.folder, dtype)
    if found is None and lacking is not None and lacking.weights:
        found = memory.as_loaded(lacking.weights, checkpoint.config, dtype)
    return found
