"""Which texts with gaps a masked language model is asked, for the likelihood of some tokens. Pure.

The pseudo-log-likelihood of a text is the sum, over its tokens, of the logarithm of each token's
probability where it is masked and the others are seen (Salazar et al. 2020, "Masked Language Model
Scoring"). There a piece of a long word is betrayed by the rest of its word, and rare words look
likely. By default the later pieces of its word are masked with it, which corrects that (Kauf and
Ivanova 2023, "A Better Way to Do Masked Language Model Scoring": PLL-word-l2r).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WITHIN_WORD_L2R = "within_word_l2r"
ORIGINAL = "original"
WAYS = (WITHIN_WORD_L2R, ORIGINAL)


@dataclass(frozen=True)
class Frame:
    """How a model reads a text. before, after: ids that stand around each text; room: most tokens
    of a text that are read at once, those around it aside."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    mask: int
    room: int


@dataclass(frozen=True)
class Gap:
    """A text with gaps, one of which is asked for. position: 0-based in ids."""

    ids: tuple[int, ...]
    position: int


def gaps(
    ids: Sequence[int],
    words: Sequence[int | None],
    asked: Sequence[int],
    frame: Frame,
    way: str = WITHIN_WORD_L2R,
) -> Iterator[tuple[Gap, int]]:
    """(text with gaps, the token that fills the one asked for), for each token that is asked.

    words: for each token the number of its word; None is a word of its own. asked: positions in
    ids. Of a text longer than the room, a token is asked for in the stretch of that length around
    it, or at the text's end that is near.

    >>> frame = Frame(before=(1,), after=(2,), mask=9, room=8)
    >>> [gap.ids for gap, _ in gaps([50, 51, 60], [0, 0, 1], [0, 1], frame)]
    [(1, 9, 9, 60, 2), (1, 50, 9, 60, 2)]
    """
    for token in asked:
        start = max(0, min(token - frame.room // 2, len(ids) - frame.room))
        stop = min(start + frame.room, len(ids))
        end = token + 1
        if way == WITHIN_WORD_L2R and words[token] is not None:
            while end < stop and words[end] == words[token]:
                end += 1
        masks = (frame.mask,) * (end - token)
        text = (*ids[start:token], *masks, *ids[end:stop])
        position = len(frame.before) + token - start
        yield Gap((*frame.before, *text, *frame.after), position), ids[token]
