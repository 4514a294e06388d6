"""Texts that begin alike, cut into pieces so that what they share is there once (no torch)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

LastCut = Callable[[str, int], int]
"""(text, end) -> the last place in text[:end] where it may be cut, else 0."""

WORTH = 24
"""Characters that two texts must share before a cut pays."""


@dataclass
class _Piece:
    text: str
    halves: tuple[_Piece, _Piece] | None = None

    def leaves(self) -> Iterable[str]:
        if self.halves is None:
            yield self.text
        else:
            for half in self.halves:
                yield from half.leaves()


def shared_pieces(texts: Iterable[str], last_cut: LastCut) -> dict[str, list[str]]:
    """For each text its pieces, in order; joined they are the text.

    The texts are walked in sorted order, where each shares with the one before as much as with
    any; each is cut where it leaves that one, at the last place allowed.
    """
    found: dict[str, list[_Piece]] = {}
    before, path = "", list[_Piece]()
    for text in sorted(set(texts)):
        shared = common_prefix(before, text)
        cut = last_cut(text, shared) if shared >= WORTH else 0
        path = _head(path, cut) if cut >= WORTH else []
        kept = cut if path else 0
        path.append(_Piece(text[kept:]))
        found[text] = list(path)
        before = text
    return {
        text: [leaf for piece in pieces for leaf in piece.leaves()]
        for text, pieces in found.items()
    }


def _head(path: list[_Piece], length: int) -> list[_Piece]:
    """The pieces of the first `length` characters; a piece that goes on beyond is halved."""
    kept: list[_Piece] = []
    for piece in path:
        size = len(piece.text)
        if size > length:
            if length:
                piece.halves = _Piece(piece.text[:length]), _Piece(piece.text[length:])
                kept.append(piece.halves[0])
            break
        kept.append(piece)
        length -= size
    return kept


def common_prefix(one: str, other: str) -> int:
    """Length of the longest common prefix, in characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
