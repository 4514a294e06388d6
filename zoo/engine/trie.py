"""The plan of a scoring run: every token that differs, once, in an order a model can read.

The token sequences of all requests are sorted and walked as a trie in depth-first order; its nodes,
laid out in that order, are one *stream* of unique tokens. Two numbers describe a token's place:

- `depth[k]`, its position in every sequence that holds it, which is its position id;
- `end[k]`, the end of its subtree in the stream: key k is visible to query q exactly when
  `k <= q < end[k]`.

Nothing here knows of a model: the plan is integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import CellError

Integers = NDArray[np.int64]
Ids = Sequence[int] | NDArray[np.int32]
Pair = tuple[Ids, Ids]
"""Token ids of a context and of the continuation that is scored after it."""

SPARE = 0.01
"""Share of tokens that may be read twice to be rid of prefixes too short to be worth sharing."""


@dataclass(frozen=True)
class Trie:
    """The stream of n unique tokens, and what is asked of it.

    tokens, depth, end: [n], see the module. starts: where a sequence's own tokens begin, ascending.
    rows, targets, owners: [r], for each scored token, ascending by row: the stream position whose
        output predicts it, its id, and the request it belongs to.
    last: [requests], the row with which each request is complete.
    needed: the distinct rows, ascending.
    """

    tokens: Integers
    depth: Integers
    end: Integers
    starts: Integers
    rows: Integers
    targets: Integers
    owners: Integers
    last: Integers
    needed: Integers

    def __len__(self) -> int:
        return len(self.tokens)


def plan(pairs: Sequence[Pair], max_length: int, *, spare: float = SPARE) -> Trie:
    """The trie of the requests, truncated from the left as lm-eval's HFLM truncates.

    max_length: most tokens the model reads at once. spare: see SPARE.
    Raises CellError for a request that no model could answer.
    """
    inputs, continuations = model_inputs(pairs, max_length)
    askers: dict[bytes, list[int]] = {}
    for number, sequence in enumerate(inputs):
        askers.setdefault(sequence.astype(">u4").tobytes(), []).append(number)  # bytes sort as ids
    groups = [askers[key] for key in sorted(askers)]
    sequences = [inputs[group[0]] for group in groups]
    return _lay_out(sequences, groups, _shared(sequences, spare), continuations)


def next_stop(trie: Trie, start: int, tokens: int, rows: int) -> int:
    """Where the chunk that begins at `start` ends: at most so many tokens and scored rows.

    It ends between two sequences where there is such a place in its last quarter, and among those
    where the fewest tokens stay on the path.
    """
    stop = min(start + tokens, len(trie))
    first = int(np.searchsorted(trie.needed, start))
    if first + rows < len(trie.needed):
        stop = min(stop, int(trie.needed[first + rows]))
    if stop == len(trie):
        return stop
    low = start + max(1, 3 * (stop - start) // 4)
    begin, finish = np.searchsorted(trie.starts, [low, stop + 1])
    places = trie.starts[begin:finish]
    if len(places) == 0:
        return stop
    depths = trie.depth[places]
    return int(places[np.flatnonzero(depths == depths.min())[-1]])


def still_open(trie: Trie, keys: Integers, stop: int) -> NDArray[np.bool_]:
    """Which of the keys some token from `stop` on still sees."""
    return trie.end[keys] > stop


def model_inputs(pairs: Sequence[Pair], max_length: int) -> tuple[list[Integers], list[Integers]]:
    """What the model reads for each request (all but the last token), and what it must predict."""
    arrays: dict[int, Integers] = {}  # contexts of equal text are one object: converted once

    def array(ids: Ids) -> Integers:
        if id(ids) not in arrays:
            arrays[id(ids)] = np.asarray(ids, np.int64)
        return arrays[id(ids)]

    inputs, continuations = [], []
    for number, (context, continuation) in enumerate(pairs):
        if len(context) == 0 or len(continuation) == 0:
            empty = "context" if len(context) == 0 else "continuation"
            raise CellError(f"request {number} has an empty {empty}: nothing can be scored")
        if len(continuation) > max_length:
            raise CellError(
                f"request {number} asks for {len(continuation)} tokens, "
                f"and the model reads {max_length} at most; give a larger max_length"
            )
        wanted = np.asarray(continuation, np.int64)
        inputs.append(np.concatenate([array(context), wanted])[-(max_length + 1) :][:-1])
        continuations.append(wanted)
    return inputs, continuations


def _shared(sequences: Sequence[Integers], spare: float) -> list[int]:
    """For each sequence, how many leading tokens it shares with the one before.

    A prefix of a few tokens (BOS, a common first word) under many sequences would cost an attention
    call over all of them at each layer: such prefixes are read again instead, shortest first,
    while that costs no more than the share `spare` of all tokens.
    """
    shared = [0] * len(sequences)
    for i in range(1, len(sequences)):
        a, b = sequences[i - 1], sequences[i]
        n = min(len(a), len(b))
        differs = a[:n] != b[:n]
        at = int(differs.argmax()) if n else 0
        shared[i] = at if n and differs[at] else n
    total = sum(len(s) for s in sequences) - sum(shared)
    lengths, counts = np.unique(np.array(shared, np.int64), return_counts=True)
    affordable = lengths[np.cumsum(lengths * counts) <= spare * total]
    bound = int(affordable[-1]) if len(affordable) else 0
    return [0 if length <= bound else length for length in shared]


def _lay_out(
    sequences: Sequence[Integers],
    groups: Sequence[Sequence[int]],
    shared: Sequence[int],
    continuations: Sequence[Integers],
) -> Trie:
    """Walks the sorted sequences. groups: the requests that ask each of them."""
    total = sum(len(s) for s in sequences) - sum(shared)
    tokens, depth, end = (np.empty(total, np.int64) for _ in range(3))
    starts = np.empty(len(sequences), np.int64)
    path = np.empty(max((len(s) for s in sequences), default=0), np.int64)
    rows: list[Integers] = []
    owners: list[int] = []
    last = np.empty(len(continuations), np.int64)
    position = open_length = 0
    for i, (sequence, group, common) in enumerate(zip(sequences, groups, shared, strict=True)):
        length, stop = len(sequence), position + len(sequence) - common
        end[path[common:open_length]] = position
        starts[i] = position
        tokens[position:stop] = sequence[common:]
        depth[position:stop] = np.arange(common, length)
        path[common:length] = np.arange(position, stop)
        position, open_length = stop, length
        for number in group:
            rows.append(path[length - len(continuations[number]) : length].copy())
            owners.append(number)
            last[number] = path[length - 1]
    end[path[:open_length]] = position

    sizes = [len(row) for row in rows]
    flat = _joined(rows)
    order = np.argsort(flat, kind="stable")
    return Trie(
        tokens=tokens,
        depth=depth,
        end=end,
        starts=starts,
        rows=flat[order],
        targets=_joined([continuations[number] for number in owners])[order],
        owners=np.repeat(np.array(owners, np.int64), sizes)[order],
        last=last,
        needed=np.unique(flat),
    )


def _joined(parts: Sequence[NDArray[Any]]) -> Integers:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
