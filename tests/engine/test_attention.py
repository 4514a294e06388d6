"""Every kernel computes softmax attention over the pairs that the stream makes visible."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.engine.calls import visible
from zoo.engine.flex import Flex
from zoo.engine.kernels import Kernel
from zoo.engine.layout import Layout
from zoo.engine.merged import Merged
from zoo.engine.trie import Pair, next_stop, plan, still_open
from zoo.engine.varlen import Varlen

warnings.filterwarnings("ignore", message="flex_attention called without torch.compile")


def looped(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    queries: Tensor,
    keys: Tensor,
    longest: tuple[int, int],
    *,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """What torch's variable-length call computes, one segment at a time, on any device."""
    group = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    out, lse = torch.empty_like(query), torch.empty(query.shape[:2])
    for (a, b), (c, d) in zip(
        torch.stack([queries[:-1], queries[1:]], 1).tolist(),
        torch.stack([keys[:-1], keys[1:]], 1).tolist(),
        strict=True,
    ):
        assert b - a <= longest[0]
        assert d - c <= longest[1]
        scores = torch.einsum("qhd,khd->hqk", query[a:b], key[c:d]) * scale
        if causal:
            scores = scores.masked_fill(torch.ones(b - a, d - c).triu(1).bool(), -torch.inf)
        out[a:b] = torch.einsum("hqk,khd->qhd", scores.softmax(-1), value[c:d])
        lse[a:b] = scores.logsumexp(-1).T
    return out, lse


def layouts() -> list[Layout]:
    """Chunks of a tree with siblings, chains within chains, and a path."""
    draw = np.random.default_rng(0)
    trunk = draw.integers(0, 50, 60).tolist()
    pairs: list[Pair] = []
    for i in range(6):
        branch = [*trunk[: 20 + 8 * i], *draw.integers(0, 50, 25).tolist()]
        pairs += [(branch, draw.integers(0, 50, n).tolist()) for n in (1, 4, 7)]
    trie = plan(pairs, 500)
    found, start, path = [], 0, np.empty(0, np.int64)
    while start < len(trie):
        stop = next_stop(trie, start, 120, 1000)
        keys = np.concatenate([path, np.arange(start, stop)])
        found.append(Layout(len(path), np.minimum(trie.end[keys], stop) - start, trie.depth[keys]))
        start, path = stop, keys[still_open(trie, keys, stop)]
    return found


def by_definition(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, **asked: Any
) -> Tensor:
    """softmax(scores) value, with every score written out."""
    group = query.shape[0] // key.shape[0]
    key, value = key.repeat_interleave(group, 0), value.repeat_interleave(group, 0)
    scores = query @ key.transpose(-1, -2) * asked["scale"]
    if (cap := asked.get("softcap")) is not None:
        scores = cap * torch.tanh(scores / cap)
    seen = visible(layout.until, layout.depth, layout.path, asked.get("window"))
    scores = scores.masked_fill(~torch.from_numpy(seen), -torch.inf)
    if (sinks := asked.get("sinks")) is not None:
        scores = torch.cat([scores, sinks[:, None, None].expand(-1, scores.shape[1], 1)], -1)
        return (scores.softmax(-1)[..., :-1] @ value).transpose(0, 1)
    return (scores.softmax(-1) @ value).transpose(0, 1)


KERNELS: list[Kernel] = [
    Merged(),
    Merged(dense=0),
    Merged(dense=10),
    Flex(),
    Varlen(call=looped),
]
ASKED: list[dict[str, Any]] = [
    {},
    {"window": 9},
    {"window": 30},
    {"window": 1},
    {"softcap": 2.0},
    {"sinks": torch.tensor([0.5, -1.0, 2.0, 0.0])},
    {"window": 16, "softcap": 3.0, "sinks": torch.ones(4)},
]


@pytest.mark.parametrize("kernel", KERNELS, ids=["sdpa", "chains", "small", "flex", "varlen"])
@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "+".join(asked) or "plain")
@pytest.mark.parametrize(("heads", "width", "values"), [((4, 2), 8, 8), ((4, 4), 8, 16)])
def test_a_kernel_computes_what_the_formula_says(
    kernel: Kernel, asked: dict[str, Any], heads: tuple[int, int], width: int, values: int
) -> None:
    torch.manual_seed(0)
    chunks = layouts()
    assert any(layout.path for layout in chunks)
    for layout in chunks:
        query = torch.randn(heads[0], layout.size, width)
        key = torch.randn(heads[1], layout.path + layout.size, width)
        value = torch.randn(heads[1], layout.path + layout.size, values)
        found = kernel.attend(query, key, value, layout, scale=0.4, **asked)
        expected = by_definition(query, key, value, layout, scale=0.4, **asked)
        assert found.shape == (layout.size, heads[0], values)
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "+".join(asked) or "plain")
def test_some_rows_ask_for_what_all_of_them_would_get(asked: dict[str, Any]) -> None:
    torch.manual_seed(0)
    for layout in layouts():
        query = torch.randn(4, layout.size, 8)
        key, value = (torch.randn(2, layout.path + layout.size, 8) for _ in "kv")
        rows = np.arange(0, layout.size, 7)
        found = Merged().attend(
            query[:, rows], key, value, layout.asked_by(rows), scale=0.4, **asked
        )
        expected = by_definition(query, key, value, layout, scale=0.4, **asked)[rows]
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
