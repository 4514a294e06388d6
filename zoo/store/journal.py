"""A file of records that grows while answers come, and loses only what was damaged. Pure.

    <length: 8 hex digits> <crc32: 8 hex digits> <JSON>\\n

length: bytes of the JSON, which is ASCII and holds no newline. The crc32 covers the key of the cell
that the journal belongs to and then the JSON, so that a record under another key is damage too.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

_HEAD = len("00000000 00000000 ")


@dataclass(frozen=True)
class Damage:
    """Bytes [start, stop) of a journal that hold no record.

    torn: they are the end of the file and end in the middle of a record, which is what a writer
    that was killed leaves; anything else was changed after it was written.
    """

    start: int
    stop: int
    torn: bool

    def __str__(self) -> str:
        return f"bytes {self.start} to {self.stop} are not what was written"


def encode(record: Any, key: str) -> bytes:
    """One record, a JSON value (infinities allowed), as a frame of the journal of `key`."""
    return _frame(json.dumps(record, separators=(",", ":")).encode("ascii"), key)


def decode(data: bytes, key: str) -> tuple[list[Any], list[Damage]]:
    """Every record of a journal that is as it was written, in order, and what is not.

    A damaged record costs itself alone: reading goes on behind the next newline.
    """
    records: list[Any] = []
    damages: list[Damage] = []
    place = 0
    while place < len(data):
        stop, sound = _frame_at(data, place, key)
        torn = not sound and stop == len(data) and not data.endswith(b"\n")
        if sound:
            records.append(json.loads(data[place + _HEAD : stop]))
        elif damages and damages[-1].stop == place and not torn:
            damages[-1] = Damage(damages[-1].start, stop, torn)
        else:
            damages.append(Damage(place, stop, torn))
        place = stop
    return records, damages


def _frame(body: bytes, key: str) -> bytes:
    return b"%08x %08x %s\n" % (len(body), zlib.crc32(body, zlib.crc32(key.encode())), body)


def _frame_at(data: bytes, place: int, key: str) -> tuple[int, bool]:
    """Where the frame that begins at `place` ends, and whether it is sound."""
    try:
        length = int(data[place : place + 8], 16)
    except ValueError:
        length = -1
    stop = place + _HEAD + length + 1
    if length >= 0 and stop <= len(data):
        wanted = _frame(data[place + _HEAD : stop - 1], key)
        if data[place:stop] == wanted:
            return stop, True
        if data[place : stop - 1] == wanted[:-1]:
            return stop, False  # only the newline is damaged: the next frame begins behind it
    found = data.find(b"\n", place)
    return (len(data) if found < 0 else found + 1), False
