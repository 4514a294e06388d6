"""Which attention calls cover a chunk of the stream: planned once, used by every layer.

A chunk has T queries. Its keys are the P tokens of the path that leads to it, kept from earlier
chunks, and then its own T tokens. `until[k]`, in chunk coordinates and at most T, is the end of
key k's subtree: query q sees key k exactly when k is on the path or k <= q, and `q < until[k]`.

A *chain* (tokens of equal `until`) attends to itself causally; every other query of its subtree
sees all of it, so that one unmasked call serves the whole subtree. A query's calls are then merged
by their log-sum-exp. Subtrees too small to be worth a call each share one with a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

DENSE = 96
"""Most tokens of a masked block: below, one masked call is cheaper than several plain ones."""


@dataclass(frozen=True, eq=False)
class Call:
    """One attention call: queries [start, stop) over keys [first, past).

    causal: query start + i sees keys first .. first + i. mask: [queries, keys], True where seen.
    level: 0 for calls in which each query meets itself, else how many branchings above it lie; the
        calls of one level share no query, as long as no window cut them.
    """

    start: int
    stop: int
    first: int
    past: int
    causal: bool = False
    mask: NDArray[np.bool_] | None = None
    level: int = 0


def decompose(until: Integers, path: int, dense: int = DENSE) -> list[Call]:
    """The calls of a chunk, so that each visible pair is in exactly one.

    until: [path + T]. dense: see DENSE; 0 gives chains and plain calls alone, without a mask.
    """
    calls: list[Call] = []
    levels = 0
    for first, past in pairwise(_runs(until[:path])):
        levels += 1
        calls.append(Call(0, int(until[first]), first, past, level=levels))
    own = until[path:]
    size = len(own)
    chain_ends = np.array(_runs(own)[1:])
    above: list[int] = []  # ends of the subtrees that hold the present token
    at = 0
    while at < size:
        while above and above[-1] <= at:
            above.pop()
        end = int(own[at])
        if end - at <= dense:
            stop = end
            while stop < size and own[stop] - at <= dense:
                stop = int(own[stop])
            calls.append(_block(own, at, stop, path))
            at = stop
            continue
        stop = int(chain_ends[np.searchsorted(chain_ends, at, side="right")])
        calls.append(Call(at, stop, path + at, path + stop, causal=True))
        if stop < end:
            above.append(end)
            calls.append(Call(stop, end, path + at, path + stop, level=levels + len(above)))
        at = stop
    return calls


def within_window(calls: Sequence[Call], depth: Integers, path: int, window: int) -> list[Call]:
    """The same calls where a query sees only the `window` latest positions, its own included.

    depth: [path + T], of the keys. Keys that no query reaches are dropped, and a mask is made only
    where the window cuts through a call.
    """
    clipped: list[Call] = []
    for call in calls:
        for part in _short_chains(call, path, window):
            asking = depth[path + part.start : path + part.stop]
            reach = depth[part.first : part.past] > asking.min() - window
            if not reach.any():
                continue
            if not part.causal and part.mask is None:  # a chain: what is too far comes first
                part = replace(part, first=part.first + int(reach.argmax()))
            held = depth[part.first : part.past]
            if not part.causal and asking.max() - held.min() >= window:
                near = asking[:, None] - held[None, :] < window
                part = replace(part, mask=near if part.mask is None else part.mask & near)
            clipped.append(part)
    return clipped


def visible(
    until: Integers, depth: Integers, path: int, window: int | None, rows: Integers | None = None
) -> NDArray[np.bool_]:
    """The mask [T, path + T], as the formula says it: what the calls must add up to.

    rows: [r], the queries whose rows of the mask are wanted; None means all.
    """
    queries = (np.arange(len(until) - path) if rows is None else rows)[:, None]
    keys = np.arange(len(until))[None, :] - path
    seen = (keys <= queries) & (queries < until[None, :])
    if window is not None:
        seen &= depth[path + queries] - depth[None, :] < window
    return seen


def _runs(values: Integers) -> list[int]:
    """Borders of the runs of equal values: 0, ..., len; [] of none."""
    if len(values) == 0:
        return []
    return [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]


def _block(own: Integers, start: int, stop: int, path: int) -> Call:
    """Tokens [start, stop), whole subtrees, among themselves."""
    until = own[start:stop] - start
    if (until == stop - start).all():
        return Call(start, stop, path + start, path + stop, causal=True)
    keys = np.arange(stop - start)
    seen = (keys[None, :] <= keys[:, None]) & (keys[:, None] < until[None, :])
    return Call(start, stop, path + start, path + stop, mask=seen)


def _short_chains(call: Call, path: int, window: int) -> list[Call]:
    """A causal call longer than the window as causal calls of its length, each with a call on the
    tokens before it."""
    if not call.causal or call.stop - call.start <= window:
        return [call]
    parts = []
    for start in range(call.start, call.stop, window):
        stop = min(start + window, call.stop)
        parts.append(Call(start, stop, path + start, path + stop, causal=True))
        if start > call.start:
            parts.append(Call(start, stop, path + start - window, path + start, level=1))
    return parts
