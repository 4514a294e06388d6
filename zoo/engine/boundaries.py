"""Where a text may be cut so that its parts encode to the tokens of the whole.

A cut is made only before a space that follows an ASCII letter, and only with tokenizers whose
every step is known to respect it:

- normalizers that look at one character, or at a base character with its marks, never see across
  a space, which composes with nothing;
- a pre-tokenizer that splits before that space, and that reads forward only, goes on after it as
  it would on the rest alone; those that only cut digits or punctuation out change nothing there;
- the model then encodes each piece by itself.

Everything else (SentencePiece models over the whole text, unknown regular expressions, added
tokens that hold such a place) is encoded whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_GPT2 = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
)
_CL100K = tuple(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
    + digits
    + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    for digits in (r"\p{N}{1,3}", r"\p{N}")
)
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_SHORT}|"
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_SHORT}|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
SPLITTING_PATTERNS = frozenset({*_GPT2, *_CL100K, *_O200K})
"""Regular expressions (GPT-2, Llama 3 and Qwen, o200k) none of whose matches holds a letter and
then a space, that look ahead at most for white space, and never behind."""

DIGIT_PATTERNS = frozenset({r"\p{N}{1,3}", r"\p{N}", r"\d", "[0-9]"})

LOCAL_NORMALIZERS = frozenset(
    {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer"}
)

_LETTER_SPACE = re.compile(r"[A-Za-z]\s")


def last_cut(text: str, end: int) -> int:
    """The last place in text[:end] where a cut is allowed, else 0.

    The space after the cut lies before `end`.
    """
    while (end := text.rfind(" ", 0, end)) > 0:
        letter = text[end - 1]
        if letter.isascii() and letter.isalpha():
            return end
    return 0


def allows_cuts(backend: Any) -> bool:
    """Whether a fast tokenizer's backend is known to encode piece by piece around such cuts."""
    try:
        normalizer, pre_tokenizer = _state(backend.normalizer), _state(backend.pre_tokenizer)
    except Exception:  # written in Python: nothing is known about it
        return False
    steps = list(_steps(pre_tokenizer, "pretokenizers"))
    return (
        all(step.get("type") in LOCAL_NORMALIZERS for step in _steps(normalizer, "normalizers"))
        and all(_splits(step) or _is_local(step) for step in steps)
        and any(_splits(step) for step in steps)
        and _is_certain(backend.model)
        and not any(_is_in_the_way(token) for token in backend.get_added_tokens_decoder().values())
    )


def _state(component: Any) -> Mapping[str, Any] | None:
    return None if component is None else json.loads(component.__getstate__())


def _steps(component: Mapping[str, Any] | None, parts: str) -> Iterable[Mapping[str, Any]]:
    """The steps of a normalizer or pre-tokenizer, in order."""
    if component is None:
        return
    if component.get("type") == "Sequence":
        for part in component[parts]:
            yield from _steps(part, parts)
    else:
        yield component


def _splits(step: Mapping[str, Any]) -> bool:
    """Whether the step always splits between a letter and a space."""
    kind = step.get("type")
    if kind == "ByteLevel":
        # add_prefix_space would put a space before a piece only where it lacks one: ours do not,
        # but it is put before each stretch between added tokens too
        return bool(step.get("use_regex")) and not step.get("add_prefix_space")
    if kind == "Metaspace":
        # a piece that begins with a space is given no other
        return bool(step.get("split")) and step.get("replacement") == "▁"
    if kind == "Split":
        return _is_isolating(step) and _pattern(step) in SPLITTING_PATTERNS
    return kind in {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}


def _is_local(step: Mapping[str, Any]) -> bool:
    """Whether the step neither splits there nor looks across."""
    kind = step.get("type")
    if kind == "ByteLevel":
        return not step.get("use_regex") and not step.get("add_prefix_space")
    if kind == "Split":
        return _is_isolating(step) and _pattern(step) in DIGIT_PATTERNS
    return kind in {"Digits", "Punctuation"}


def _is_isolating(step: Mapping[str, Any]) -> bool:
    return step.get("behavior") == "Isolated" and not step.get("invert")


def _pattern(step: Mapping[str, Any]) -> str | None:
    pattern = step.get("pattern")
    return pattern.get("Regex") if isinstance(pattern, Mapping) else None


def _is_certain(model: Any) -> bool:
    """Whether the model gives the same tokens each time, word by word."""
    name = type(model).__name__
    if name == "BPE":
        return not model.dropout
    return name in {"WordPiece", "WordLevel"}


def _is_in_the_way(token: Any) -> bool:
    """Whether an added token could match across a cut, or depends on what is beyond it."""
    content: str = token.content
    return bool(
        not content
        or _LETTER_SPACE.search(content)
        or content[0].isspace()
        or ((token.rstrip or token.single_word) and content[-1].isalpha())
    )
