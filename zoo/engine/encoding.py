"""Text to tokens, exactly as lm-eval's HFLM encodes it, each distinct text once.

The rules are those of `TemplateLM._encode_pair`, `TemplateLM.loglikelihood` and
`HFLM.tok_encode` of lm-eval 0.4.13; the speed comes from encoding distinct texts in one batch,
and from encoding what they share once, where a cut is proven to change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.engine.boundaries import allows_cuts, last_cut
from zoo.engine.shared_text import shared_pieces
from zoo.errors import CellError

PROBES = ("a", "The word", "  7 ,")
"""Texts that show which special tokens a tokenizer lays around each text."""

MOST_KNOWN = 32 * 1024**2
"""Tokens, of four bytes, that an encoder remembers."""

Ids = list[int]

Tokens = NDArray[np.int32]
Pair = tuple[Tokens, Tokens]
"""Tokens of a context and of its continuation."""


@dataclass(frozen=True)
class _Encoded:
    """A text's tokens in parts; texts that begin alike have parts in common."""

    parts: Sequence[Ids]

    def joined(self) -> Ids:
        """All of them."""
        return list(chain.from_iterable(self.parts))

    def after(self, start: int) -> Ids:
        """All from place `start` on; none where there are fewer."""
        rest: list[Ids] = []
        missing = sum(map(len, self.parts)) - start
        for part in reversed(self.parts):
            if missing <= 0:
                break
            rest.append(part[-missing:])
            missing -= len(part)
        return list(chain.from_iterable(reversed(rest)))


class Encoder:
    """Encodes with one tokenizer as lm-eval's HFLM does.

    add_bos: HFLM's `add_bos_token`; None leaves it to the tokenizer. max_length: the model's
    context, in tokens. prefix_token_id: stands before a continuation that has no context; None
    means BOS, else EOS, as HFLM chooses.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        add_bos: bool | None,
        max_length: int,
        prefix_token_id: int | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._add_special = True if add_bos is None else add_bos
        self.max_length = max_length
        self.prefix_token_id = _first(
            prefix_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id
        )
        self._prefix = (
            None if self.prefix_token_id is None else tokenizer.decode(self.prefix_token_id)
        )
        self._backend: Any = plain_backend(tokenizer)
        self._known: dict[tuple[str, str], Pair] = {}
        self._held = 0
        self._around: dict[bool, tuple[Ids, Ids]] | None = None
        if self._backend is not None and allows_cuts(self._backend):
            self._around = self._surroundings()

    def pairs(self, requests: Sequence[tuple[str, str]]) -> list[Pair]:
        """Tokens of each (context, continuation), the context cut on the left to fit.

        Together they have at most max_length + 1 tokens: the last one is only predicted. Equal
        contexts are one array: change none. Raises CellError where nothing is left to score, or
        more than the model can hold.
        """
        lacking = [each for each in dict.fromkeys(requests) if each not in self._known]
        encoded = dict(zip(lacking, self._encoded_pairs(lacking), strict=True))
        found = [encoded.get(each) or self._known[each] for each in requests]
        self._remember(encoded)
        return found

    def _encoded_pairs(self, requests: Sequence[tuple[str, str]]) -> list[Pair]:
        moved = [_spaces_moved(context, continuation) for context, continuation in requests]
        bare = self._encode(
            {end for (context, _), (_, end) in zip(requests, moved, strict=True) if not context},
            special=False,
        )
        contexts = {context for context, _ in moved}
        wholes = {context + continuation for context, continuation in moved}
        encoded = self._tok_encode(contexts | wholes)
        heads = {context: _array(encoded[context].joined()) for context in contexts}
        found = []
        for number, ((original, _), (context, continuation)) in enumerate(
            zip(requests, moved, strict=True)
        ):
            if original:
                head = heads[context]
                tail = _array(encoded[context + continuation].after(len(head)))
            else:
                head, tail = self._after_nothing(_array(bare[continuation].joined()))
            found.append(self._fitted(number, head, tail))
        return found

    def _remember(self, encoded: Mapping[tuple[str, str], Pair]) -> None:
        """Keeps what was encoded for the next model, or, where that is too much, only this."""
        contexts = {id(context): len(context) for context, _ in encoded.values()}
        size = sum(contexts.values()) + sum(len(tail) for _, tail in encoded.values())
        if self._held + size > MOST_KNOWN:
            self._known, self._held = {}, 0
        if size <= MOST_KNOWN:
            self._known.update(encoded)
            self._held += size

    def texts(self, texts: Sequence[str]) -> list[Ids]:
        """Tokens of each text, of any length (HFLM's `tok_encode`)."""
        encoded = self._tok_encode(set(texts))
        return [encoded[text].joined() for text in texts]

    def prompts(self, texts: Sequence[str], *, max_new_tokens: int) -> list[Ids]:
        """Tokens of each prompt of a generation, cut on the left so that max_new_tokens fit.

        HFLM's `tok_batch_encode` with one prompt a batch: with more, its first prompt decides
        about BOS for all. An empty prompt is the prefix token. Raises CellError where the
        answer alone fills the context.
        """
        room = self.max_length - max_new_tokens
        if room <= 0:
            raise CellError(
                f"max_gen_toks {max_new_tokens} leaves no room for a prompt: the context of this "
                f"model is {self.max_length} tokens; lower it with --gen-kwargs"
            )
        bos = getattr(self._tokenizer, "bos_token", None)
        with_bos = {text for text in texts if bos is not None and text.startswith(bos)}
        encoded = self._encode(with_bos, special=False)
        encoded |= self._encode(set(texts) - with_bos, special=self._add_special)
        nothing = [] if self.prefix_token_id is None else [self.prefix_token_id]
        return [(encoded[text].joined() or nothing)[-room:] for text in texts]

    def _after_nothing(self, continuation: Tokens) -> Pair:
        """A continuation without context: the prefix token stands for it, unless it is there."""
        if self.prefix_token_id is None:
            raise CellError(
                "a text without context needs a BOS or EOS token; this tokenizer has none"
            )
        if len(continuation) and continuation[0] == self.prefix_token_id:
            return continuation[:1], continuation[1:]
        return _array([self.prefix_token_id]), continuation

    def _fitted(self, number: int, context: Tokens, continuation: Tokens) -> Pair:
        if len(context) == 0 or len(continuation) == 0:
            part = "continuation" if len(context) else "context"
            raise CellError(f"request {number} cannot be scored: its {part} is no token")
        if len(continuation) > self.max_length:
            raise CellError(
                f"request {number} cannot be scored: its continuation is {len(continuation)} "
                f"tokens, the context of this model {self.max_length}"
            )
        room = self.max_length + 1 - len(continuation)
        return (context if len(context) <= room else context[-room:]), continuation

    def _tok_encode(self, texts: set[str]) -> dict[str, _Encoded]:
        """HFLM's `tok_encode`: a text that begins with the prefix token is given no other."""
        prefix = self._prefix
        begun = {text for text in texts if prefix is not None and text.startswith(prefix)}
        encoded = self._encode(begun, special=False)
        return encoded | self._encode(texts - begun, special=self._add_special)

    def _encode(self, texts: set[str], *, special: bool) -> dict[str, _Encoded]:
        """Tokens of distinct texts, with or without the tokenizer's special tokens."""
        if self._backend is None:
            encode = self._tokenizer.encode
            return {text: _Encoded([encode(text, add_special_tokens=special)]) for text in texts}
        self._prepare()
        if self._around is None:
            whole = self._batch(texts, special=special)
            return {text: _Encoded([ids]) for text, ids in whole.items()}
        pieces = shared_pieces(texts, last_cut)
        ids = self._batch({piece for each in pieces.values() for piece in each}, special=False)
        before, after = self._around[special]
        return {
            text: _Encoded([before, *(ids[piece] for piece in each), after])
            for text, each in pieces.items()
        }

    def _batch(self, texts: Iterable[str], *, special: bool) -> dict[str, Ids]:
        ordered = list(texts)
        encodings = self._backend.encode_batch_fast(ordered, add_special_tokens=special)
        return {text: each.ids for text, each in zip(ordered, encodings, strict=True)}

    def _prepare(self) -> None:
        """Sets the backend as `tokenizer.encode` sets it before each text."""
        self._backend.no_truncation()
        self._backend.no_padding()
        self._backend.encode_special_tokens = self._tokenizer.split_special_tokens

    def _surroundings(self) -> dict[bool, tuple[Ids, Ids]] | None:
        """The special tokens before and after any text; None where they depend on the text."""
        self._prepare()
        bare, full = self._batch(PROBES, special=False), self._batch(PROBES, special=True)
        around = {_around(full[text], bare[text]) for text in PROBES}
        if len(around) != 1 or (found := around.pop()) is None:
            return None
        return {False: ([], []), True: (list(found[0]), list(found[1]))}


def _array(ids: Ids) -> Tokens:
    return np.asarray(ids, np.int32)


def _first(*ids: int | None) -> int | None:
    return next((each for each in ids if each is not None), None)


def plain_backend(tokenizer: Any) -> Any | None:
    """The Rust tokenizer inside, where `tokenizer.encode` adds nothing of its own to it."""
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

    kind = type(tokenizer)
    plain = (
        isinstance(tokenizer, PreTrainedTokenizerFast)
        and kind.encode is PreTrainedTokenizerBase.encode
        and kind._encode_plus is PreTrainedTokenizerFast._encode_plus
    )
    return tokenizer.backend_tokenizer if plain else None


def _spaces_moved(context: str, continuation: str) -> tuple[str, str]:
    """Trailing white space belongs to the continuation."""
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation


def _around(full: Ids, bare: Ids) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """What stands before and after `bare` in `full`."""
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return tuple(full[:start]), tuple(full[start + len(bare) :])
    return None
