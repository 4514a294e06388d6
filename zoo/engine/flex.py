"""FlexAttention over the visibility formula, for CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.engine.layout import Layout


@dataclass(frozen=True)
class Flex:
    """FlexAttention over the visibility formula; compiled on CUDA, eager (and slow) on a CPU."""

    name: str = "flex"

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
        from torch.nn.attention.flex_attention import AuxRequest

        window = layout.biting(window)
        device = query.device
        mask = layout.once(("flex", window, device), lambda: _block_mask(layout, window, device))

        def capped(score: Tensor, *_: Tensor) -> Tensor:
            return score if softcap is None else softcap * torch.tanh(score / softcap)

        out, aux = _flex(device.type)(
            query[None],
            key[None],
            value[None],
            score_mod=None if softcap is None else capped,
            block_mask=mask,
            scale=scale,
            enable_gqa=query.shape[0] != key.shape[0],
            return_aux=AuxRequest(lse=True),
        )
        out = out[0].transpose(0, 1)
        if sinks is not None:
            weight = torch.sigmoid(aux.lse[0].float() - sinks.float()[:, None])
            out = (out.float() * weight.T[..., None]).to(query.dtype)
        return out


def _block_mask(layout: Layout, window: int | None, device: torch.device) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    until = torch.from_numpy(layout.until).to(device)
    depth = torch.from_numpy(layout.depth).to(device)
    path = layout.path

    def seen(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        inside = (key - path <= query) & (query < until[key])
        if window is None:
            return inside
        return inside & (depth[query + path] - depth[key] < window)

    return create_block_mask(seen, None, None, layout.size, len(layout.until), device=str(device))


_COMPILED: dict[str, Any] = {}


def _flex(device: str) -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    if device != "cuda":
        return flex_attention
    if device not in _COMPILED:
        _COMPILED[device] = torch.compile(flex_attention, dynamic=True)
    return _COMPILED[device]
