"""A journal loses what was damaged and nothing else, and nothing damaged is ever read."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zoo.store.journal import decode, encode

KEY = "ab" * 32
RECORDS: list[Any] = [
    [0, 0, {"text": "one\n두 \ud800 \x00", "n_tokens": 3, "truncated": False}],
    {"about": {"device": "cpu"}},
    [1, 0, {"loglikelihood": -1 / 3, "is_greedy": True}],
    [12, 1, {"loglikelihood": -math.inf}],
]
FRAMES = [encode(record, KEY) for record in RECORDS]
WHOLE = b"".join(FRAMES)
BORDERS = [sum(map(len, FRAMES[:n])) for n in range(len(FRAMES) + 1)]


def frame_of(place: int) -> int:
    """The record that a byte belongs to."""
    return next(n for n, stop in enumerate(BORDERS[1:]) if place < stop)


def test_what_was_written_is_what_is_read() -> None:
    assert decode(WHOLE, KEY) == (RECORDS, [])
    assert decode(b"", KEY) == ([], [])


def test_a_journal_cut_at_any_byte_loses_the_record_that_was_cut_alone() -> None:
    for size in range(len(WHOLE)):
        records, damages = decode(WHOLE[:size], KEY)
        whole = max(n for n, border in enumerate(BORDERS) if border <= size)
        assert records == RECORDS[:whole]
        cut = size - BORDERS[whole]
        assert [(d.start, d.stop, d.torn) for d in damages] == (
            [(BORDERS[whole], size, True)] if cut else []
        )


def test_every_flipped_bit_loses_its_own_record_and_is_named() -> None:
    for place in range(len(WHOLE)):
        for bit in range(8):
            damaged = bytearray(WHOLE)
            damaged[place] ^= 1 << bit
            records, damages = decode(bytes(damaged), KEY)
            hit = frame_of(place)
            assert records == RECORDS[:hit] + RECORDS[hit + 1 :], (place, bit)
            assert damages, (place, bit)
            assert all(BORDERS[hit] <= d.start and d.stop <= BORDERS[hit + 1] for d in damages)
            # only the very last newline, once it is none, looks like the end of a killed writer
            assert all(not d.torn for d in damages) or hit == len(FRAMES) - 1


def test_a_record_of_another_cell_is_never_read() -> None:
    records, damages = decode(WHOLE + encode([2, 0, {"text": "no"}], "cd" * 32) + FRAMES[0], KEY)
    assert records == [*RECORDS, RECORDS[0]]
    assert [damage.torn for damage in damages] == [False]


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    records=st.lists(VALUES, min_size=1, max_size=12),
    junk=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=40)), max_size=4),
    cut=st.floats(0, 1),
)
def test_whatever_is_overwritten_or_cut_nothing_is_read_that_was_not_written(
    records: list[Any], junk: list[tuple[float, bytes]], cut: float
) -> None:
    frames = [encode(record, KEY) for record in records]
    damaged = bytearray(b"".join(frames))
    for where, data in junk:
        place = int(where * len(damaged))
        damaged[place : place + len(data)] = data
    found, damages = decode(bytes(damaged[: int(cut * (len(damaged) + 1))]), KEY)
    left = iter(records)
    assert all(any(repr(one) == repr(other) for other in left) for one in found)
    assert all(damage.start < damage.stop for damage in damages)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_without_an_error(data: bytes) -> None:
    records, damages = decode(data + b"\n" + WHOLE, KEY)
    assert records[-len(RECORDS) :] == RECORDS
    assert damages
