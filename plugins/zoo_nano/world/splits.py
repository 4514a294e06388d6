"""Which of three parts a thing belongs to: training, tuning (dev) or the test.

The decision is a hash of the thing's own name, so that it needs no list, holds in every stream
of every stage, and never changes when something is added.
"""

from __future__ import annotations

from typing import Literal
from zlib import crc32

Split = Literal["train", "dev", "test"]


def split_of(key: str, held: float = 0.25) -> Split:
    """The part `key` belongs to; `held` is the share of dev, and of the test as well.

    >>> split_of("12+34") in ("train", "dev", "test")
    True
    """
    place = crc32(key.encode()) % 10_000 / 10_000
    if place < held:
        return "test"
    return "dev" if place < 2 * held else "train"
