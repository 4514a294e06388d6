"""Which texts with gaps a masked language model is asked: by hand, and for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_masked.gaps import ORIGINAL, WITHIN_WORD_L2R, Frame, gaps

CLS, SEP, MASK = 1, 2, 3
FRAME = Frame((CLS,), (SEP,), MASK, room=8)
# "the" "sou" "##ven" "##ir" "shop"
IDS, WORDS = (10, 21, 22, 23, 30), (0, 1, 1, 1, 2)


def test_the_original_masks_one_piece_after_another() -> None:
    found = list(gaps(IDS, WORDS, [1, 2, 4], FRAME, ORIGINAL))
    assert [(gap.ids, gap.position, token) for gap, token in found] == [
        ((CLS, 10, MASK, 22, 23, 30, SEP), 2, 21),
        ((CLS, 10, 21, MASK, 23, 30, SEP), 3, 22),
        ((CLS, 10, 21, 22, 23, MASK, SEP), 5, 30),
    ]


def test_by_default_the_later_pieces_of_its_word_are_masked_with_it() -> None:
    found = list(gaps(IDS, WORDS, range(5), FRAME))
    assert [(gap.ids, gap.position, token) for gap, token in found] == [
        ((CLS, MASK, 21, 22, 23, 30, SEP), 1, 10),
        ((CLS, 10, MASK, MASK, MASK, 30, SEP), 2, 21),
        ((CLS, 10, 21, MASK, MASK, 30, SEP), 3, 22),
        ((CLS, 10, 21, 22, MASK, 30, SEP), 4, 23),
        ((CLS, 10, 21, 22, 23, MASK, SEP), 5, 30),
    ]


@pytest.mark.parametrize(
    ("token", "text"),
    [(0, (MASK, 101, 102)), (3, (102, MASK, 104)), (5, (103, 104, MASK))],
)
def test_of_a_long_text_the_stretch_around_the_token_is_read(
    token: int, text: tuple[int, ...]
) -> None:
    frame = Frame((CLS,), (SEP,), MASK, room=3)
    ((gap, asked),) = gaps(range(100, 106), range(6), [token], frame)
    assert gap.ids == (CLS, *text, SEP)
    assert asked == 100 + token


@given(
    words=st.lists(st.integers(0, 3), min_size=1, max_size=12).map(sorted),
    room=st.integers(1, 14),
    way=st.sampled_from([ORIGINAL, WITHIN_WORD_L2R]),
)
def test_a_gap_hides_its_token_and_what_it_may_and_nothing_else(
    words: list[int], room: int, way: str
) -> None:
    ids = range(100, 100 + len(words))
    found = list(gaps(ids, words, range(len(ids)), Frame((CLS,), (SEP,), MASK, room), way))
    assert [token for _, token in found] == list(ids), "each token is asked for once"
    for gap, token in found:
        text = gap.ids[1:-1]
        assert gap.ids[gap.position] == MASK
        assert len(text) == min(room, len(ids)), "as much is read as there is room for"
        start = token - (gap.position - 1)
        whole = range(start, start + len(text))
        hidden = [each for each, shown in zip(whole, text, strict=True) if shown == MASK]
        assert all(shown in (each, MASK) for each, shown in zip(whole, text, strict=True))
        same = [each for each in whole if each >= token and words[each - 100] == words[token - 100]]
        assert hidden == ([token] if way == ORIGINAL else same)
