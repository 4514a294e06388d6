"""All calls of a level as one variable-length flash call, for CUDA in half precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from zoo.engine.calls import Call
from zoo.engine.flex import Flex
from zoo.engine.kernels import Kernel
from zoo.engine.layout import Layout
from zoo.engine.pieces import merge


def _torch_varlen(
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
    """torch's variable-length flash attention; see `Varlen.call`."""
    from torch.nn.attention.varlen import AuxRequest, varlen_attn

    out, lse = varlen_attn(
        query,
        key,
        value,
        queries,
        keys,
        *longest,
        return_aux=AuxRequest(lse=True),
        scale=scale,
        window_size=(-1, 0) if causal else (-1, -1),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out, lse


@dataclass(frozen=True)
class Varlen:
    """One variable-length flash call for each level of branchings. CUDA, half precision.

    A window that cuts, a softcap or unlike head sizes go to `otherwise`.
    call: (query [q, H, D], key [k, G, D], value [k, G, D], borders of the queries [n + 1], borders
        of the keys [n + 1], (longest query, longest key), causal, scale) -> (out [q, H, D],
        log-sum-exp [q, H]).
    """

    name: str = "varlen"
    otherwise: Kernel = field(default_factory=Flex)
    call: Callable[..., tuple[Tensor, Tensor]] = _torch_varlen

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        layout: Layout,
        *,
        scale: float,
        window: int | None = None,
        softcap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """See `Kernel.attend`."""
        if layout.biting(window) or softcap is not None or query.shape[-1] != value.shape[-1]:
            return self.otherwise.attend(
                query, key, value, layout, scale=scale, window=window, softcap=softcap, sinks=sinks
            )
        queries, keys, values = (x.transpose(0, 1) for x in (query, key, value))
        merged = torch.empty(queries.shape, dtype=torch.float32, device=query.device)
        total = torch.empty(queries.shape[:2], dtype=torch.float32, device=query.device)
        for level in layout.once(("varlen", query.device), lambda: _levels(layout, query.device)):
            out, lse = self.call(
                queries[level.queries].contiguous(),
                keys[level.keys].contiguous(),
                values[level.keys].contiguous(),
                level.query_borders,
                level.key_borders,
                level.longest,
                causal=level.causal,
                scale=scale,
            )
            if level.causal:
                merged[level.queries], total[level.queries] = out.float(), lse.float()
            else:
                part, sums = merged[level.queries], total[level.queries]
                merge(part, sums, out, lse)
                merged[level.queries], total[level.queries] = part, sums
        if sinks is not None:
            merged *= torch.sigmoid(total - sinks.float()[None]).unsqueeze(-1)
        return merged.to(query.dtype)


@dataclass(frozen=True, eq=False)
class _Level:
    """The calls of one level as one variable-length call. queries, keys: [q], [k], positions."""

    queries: Tensor
    keys: Tensor
    query_borders: Tensor
    key_borders: Tensor
    longest: tuple[int, int]
    causal: bool


def _levels(layout: Layout, device: torch.device) -> list[_Level]:
    by_level: dict[int, list[Call]] = {}
    for call in layout.calls(None, 0):
        by_level.setdefault(call.level, []).append(call)
    return [_level(calls, device) for _, calls in sorted(by_level.items())]


def _level(calls: Sequence[Call], device: torch.device) -> _Level:
    calls = sorted(calls, key=lambda call: call.start)
    asking = [(call.start, call.stop) for call in calls]
    held = [(call.first, call.past) for call in calls]

    def positions(ranges: Sequence[tuple[int, int]]) -> Tensor:
        return torch.from_numpy(np.concatenate([np.arange(*r) for r in ranges])).to(device)

    def borders(ranges: Sequence[tuple[int, int]]) -> Tensor:
        sizes = [stop - start for start, stop in ranges]
        return torch.tensor([0, *np.cumsum(sizes).tolist()], dtype=torch.int32, device=device)

    return _Level(
        positions(asking),
        positions(held),
        borders(asking),
        borders(held),
        (max(b - a for a, b in asking), max(b - a for a, b in held)),
        calls[0].causal,
    )
