"""Stop strings, as lm-eval's HFLM means them (no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SLACK = 8
"""Tokens read beyond the longest stop: the first of a window may decode to half a character."""


def cut_at_stops(text: str, stops: Sequence[str]) -> str:
    """The text before each stop in turn, as lm-eval's `postprocess_generated_text` cuts it."""
    for stop in stops:
        if stop:
            text = text.split(stop, 1)[0]
    return text


class StopWatch:
    """Tells which rows have said a stop string, reading only their last tokens.

    A stop of n bytes is said with at most n tokens, since none is shorter than a byte. A row is
    decoded whole, as its answer will be, before it is believed.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stops = [stop for stop in stops if stop]
        self._window = max((len(stop.encode()) for stop in self._stops), default=0) + SLACK
        self._ends = {stop[-1] for stop in self._stops}
        self._may_end: dict[int, bool] = {}

    def just_said(self, rows: Sequence[Sequence[int]]) -> list[bool]:
        """Whether each row's last token completed a stop, where none was said before it.

        Most tokens cannot: they hold no stop's last character. Only rows whose last token may are
        decoded, which takes longer than a tiny model's step.
        """
        asked = [place for place, row in enumerate(rows) if row and self._may_complete(row[-1])]
        found = [False] * len(rows)
        if asked:
            for place, said in zip(asked, self.said([rows[p] for p in asked]), strict=True):
                found[place] = said
        return found

    def _may_complete(self, token: int) -> bool:
        """Whether a stop may end with a token. Alone it may show half a character, or nothing where
        it is a space that a decoder puts between words: then it may."""
        if token not in self._may_end:
            (text,) = self._decode([[token]])
            unclear = not text or "\ufffd" in text or " " in self._ends
            self._may_end[token] = unclear or not self._ends.isdisjoint(text)
        return self._may_end[token]

    def said(self, rows: Sequence[Sequence[int]]) -> list[bool]:
        """Whether each row's text holds a stop. rows: the generated token ids so far."""
        if not self._stops:
            return [False] * len(rows)
        tails = self._decode([row[-self._window :] for row in rows])
        return [
            self._holds(tail) and self._holds(self._decode([row])[0])
            for row, tail in zip(rows, tails, strict=True)
        ]

    def text(self, row: Sequence[int]) -> str:
        """The row's answer: decoded without special tokens, cut at the stops."""
        return cut_at_stops(self._decode([row])[0], self._stops)

    def _decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        texts: list[str] = self._tokenizer.batch_decode(rows, skip_special_tokens=True)
        return texts

    def _holds(self, text: str) -> bool:
        return any(stop in text for stop in self._stops)
