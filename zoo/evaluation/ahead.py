"""Reads the weights of the next model while the present one is asked.

They are fetched from the Hub where need be, and read into the system's file cache: that takes no
memory from the model that runs, and the next one then loads from memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from zoo.probing import describe
from zoo.weights import weight_files

if TYPE_CHECKING:
    from zoo.evaluation.checkpoints import Checkpoint

logger = logging.getLogger("zoo")

PIECE = 16 * 1024**2
"""Bytes read at once."""


@contextmanager
def reading_ahead(checkpoint: Checkpoint | None) -> Iterator[Thread | None]:
    """Within, the weights of a checkpoint are read in a thread, which is given."""
    if checkpoint is None or checkpoint.folder is None:
        yield None
        return
    stop = Event()
    thread = Thread(target=_read, args=(checkpoint, stop), name="reading ahead", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()


def _read(checkpoint: Checkpoint, stop: Event) -> None:
    """Never raises: what goes wrong here is told when the model is loaded."""
    assert checkpoint.folder is not None
    try:
        for name in weight_files(checkpoint.folder):
            path = checkpoint.folder / name
            if checkpoint.repository and not path.exists():
                from huggingface_hub import hf_hub_download

                fetched = hf_hub_download(checkpoint.repository, name, revision=checkpoint.commit)
                path = Path(fetched)
            with path.open("rb", buffering=0) as file:
                while not stop.is_set() and file.read(PIECE):
                    pass
    except Exception as problem:
        logger.debug("%s cannot be read ahead: %s", checkpoint.folder, describe(problem))
