"""The stream holds each distinct prefix once, and every request finds its own tokens in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.engine.calls import decompose, visible, within_window
from zoo.engine.trie import Pair, Trie, next_stop, plan, still_open
from zoo.errors import CellError

ids = st.lists(st.integers(0, 3), min_size=1, max_size=24)
pair = st.tuples(ids, st.lists(st.integers(0, 3), min_size=1, max_size=5))
requests = st.lists(pair, min_size=1, max_size=25)


def read(pairs: list[Pair], max_length: int) -> list[tuple[list[int], list[int]]]:
    """(what the model reads, what it must predict) of each request, as lm-eval's HFLM has it."""
    whole = [[*context, *continuation][-(max_length + 1) :] for context, continuation in pairs]
    return [
        (ids[:-1], list(continuation)) for ids, (_, continuation) in zip(whole, pairs, strict=True)
    ]


def seen_from(trie: Trie, row: int) -> list[int]:
    """The tokens that a row sees, in order: what it stands for."""
    keys = np.arange(row + 1)
    return trie.tokens[keys[trie.end[: row + 1] > row]].tolist()


@given(requests, st.integers(5, 30))
def test_each_scored_row_sees_exactly_what_the_plain_model_would_have_read(
    pairs: list[Pair], max_length: int
) -> None:
    trie = plan(pairs, max_length)
    for number, (inputs, continuation) in enumerate(read(pairs, max_length)):
        mine = trie.owners == number
        assert trie.targets[mine].tolist() == continuation
        for place, row in enumerate(trie.rows[mine].tolist()):
            length = len(inputs) - len(continuation) + place + 1
            assert seen_from(trie, row) == inputs[:length]
            assert trie.depth[row] == length - 1
        assert trie.last[number] == trie.rows[mine].max()


@given(requests, st.integers(5, 30))
def test_without_spare_no_prefix_is_read_twice(pairs: list[Pair], max_length: int) -> None:
    trie = plan(pairs, max_length, spare=0)
    prefixes = {
        tuple(inputs[: n + 1]) for inputs, _ in read(pairs, max_length) for n in range(len(inputs))
    }
    assert len(trie) == len(prefixes)


def test_a_short_prefix_under_long_sequences_is_read_again_at_bounded_cost() -> None:
    pairs: list[Pair] = [([0, i, *range(10, 210)], [5]) for i in range(1, 40)]
    shared, spared = plan(pairs, 300, spare=0), plan(pairs, 300)
    assert (spared.depth == 0).sum() == 39 > (shared.depth == 0).sum() == 1
    assert len(spared) <= 1.01 * len(shared)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (([], [1]), "request 1 has an empty context"),
        (([1], []), "request 1 has an empty continuation"),
        (([1], [2] * 11), "request 1 asks for 11 tokens"),
    ],
)
def test_a_request_that_no_model_could_answer_is_named(request_: Pair, said: str) -> None:
    with pytest.raises(CellError, match=said):
        plan([([1], [1]), request_], 10)


@given(requests, st.integers(1, 40), st.integers(1, 12))
def test_chunks_keep_to_their_bounds_and_reach_the_end(
    pairs: list[Pair], tokens: int, rows: int
) -> None:
    trie = plan(pairs, 30)
    start = 0
    while start < len(trie):
        stop = next_stop(trie, start, tokens, rows)
        assert start < stop <= start + tokens
        assert ((trie.needed >= start) & (trie.needed < stop)).sum() <= rows
        start = stop
    assert start == len(trie)


@given(
    requests,
    st.integers(1, 40),
    st.integers(0, 12),
    st.one_of(st.none(), st.integers(1, 12)),
)
def test_the_calls_of_a_chunk_cover_each_visible_pair_once(
    pairs: list[Pair], tokens: int, dense: int, window: int | None
) -> None:
    trie = plan(pairs, 30)
    start, path = 0, np.empty(0, np.int64)
    while start < len(trie):
        stop = next_stop(trie, start, tokens, 1000)
        keys = np.concatenate([path, np.arange(start, stop)])
        until, depth = np.minimum(trie.end[keys], stop) - start, trie.depth[keys]
        calls = decompose(until, len(path), dense)
        if window is not None:
            calls = within_window(calls, depth, len(path), window)
        times = np.zeros((stop - start, len(keys)), np.int64)
        first_met = np.zeros(stop - start, np.int64)
        for call in calls:
            shape = (call.stop - call.start, call.past - call.first)
            seen = np.tri(*shape, dtype=bool) if call.causal else np.ones(shape, bool)
            times[call.start : call.stop, call.first : call.past] += (
                seen if call.mask is None else call.mask
            )
            first_met[call.start : call.stop] += call.level == 0
        assert (times == visible(until, depth, len(path), window)).all()
        assert (first_met == 1).all()
        start, path = stop, keys[still_open(trie, keys, stop)]


@given(requests)
def test_calls_of_one_level_share_no_query(pairs: list[Pair]) -> None:
    trie = plan(pairs, 30)
    asked: dict[int, list[int]] = {}
    for call in decompose(trie.end, 0, 0):
        assert call.mask is None
        asked.setdefault(call.level, []).extend(range(call.start, call.stop))
    for queries in asked.values():
        assert len(queries) == len(set(queries))
    assert sorted(asked[0]) == list(range(len(trie)))
