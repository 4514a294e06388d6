"""Korean particles, which depend on whether the word before them ends in a consonant."""

from __future__ import annotations

FIRST_SYLLABLE, LAST_SYLLABLE = ord("가"), ord("힣")
FINALS = 28  # finals in a block of Hangul syllables, "none" the first of them


def ends_in_consonant(word: str) -> bool:
    """Whether the last Hangul syllable of `word` has a final consonant.

    >>> ends_in_consonant("한국"), ends_in_consonant("고양이")
    (True, False)
    """
    code = ord(word[-1])
    return FIRST_SYLLABLE <= code <= LAST_SYLLABLE and (code - FIRST_SYLLABLE) % FINALS > 0


def topic(word: str) -> str:
    """`word` as the topic of a sentence: 한국은, 고양이는."""
    return word + ("은" if ends_in_consonant(word) else "는")


def subject(word: str) -> str:
    """`word` as the subject of a sentence: 한국이, 고양이가."""
    return word + ("이" if ends_in_consonant(word) else "가")


def object_(word: str) -> str:
    """`word` as the object of a sentence: 떡을, 고기를."""
    return word + ("을" if ends_in_consonant(word) else "를")
