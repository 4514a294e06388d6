"""The reference kernel: the planned calls one by one, on a CPU by torch's flash kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.engine.calls import DENSE, Call
from zoo.engine.layout import Layout
from zoo.engine.pieces import merge, piece


@dataclass(frozen=True)
class Merged:
    """The planned calls one by one, merged in fp32. Any device, dtype and head size."""

    name: str = "sdpa"
    dense: int = DENSE

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
        heads, size, width = query.shape
        groups, values = key.shape[0], value.shape[-1]
        dtype, plain = query.dtype, softcap is not None or query.device.type != "cpu"
        if not plain:  # in half precision each call's output would be rounded before the merge
            query, key, value = query.float(), key.float(), value.float()
        if not plain and width != values:  # the flash kernel wants one head size: zeros add nothing
            most = max(width, values)
            query, key = _widened(query, most), _widened(key, most)
            value = _widened(value, most)
        # heads of a group share keys: a group is a batch of its own, and nothing is repeated
        shape = (groups, heads // groups)
        query = query.reshape(*shape, size, query.shape[-1])
        key, value = (x[:, None].expand(-1, shape[1], -1, -1) for x in (key, value))

        merged = torch.empty(
            size, *shape, value.shape[-1], dtype=torch.float32, device=query.device
        ).permute(1, 2, 0, 3)
        total = torch.empty(*shape, size, dtype=torch.float32, device=query.device)
        window = layout.biting(window)
        for call in layout.calls(window, self.dense):
            asking = query[:, :, call.start : call.stop]
            held = key[:, :, call.first : call.past], value[:, :, call.first : call.past]
            mask, blind = _masks(layout, call, query)
            out, lse = piece(
                asking,
                *held,
                scale=scale,
                causal=call.causal,
                mask=mask,
                blind=blind,
                softcap=softcap,
            )
            part, sums = merged[:, :, call.start : call.stop], total[:, :, call.start : call.stop]
            if call.level == 0:
                part.copy_(out)
                sums.copy_(lse)
            else:
                merge(part, sums, out, lse)
        if sinks is not None:
            merged *= torch.sigmoid(total - sinks.float().view(*shape, 1)).unsqueeze(-1)
        return merged[..., :values].permute(2, 0, 1, 3).reshape(size, heads, values).to(dtype)


def _widened(x: Tensor, width: int) -> Tensor:
    return x if x.shape[-1] == width else F.pad(x, (0, width - x.shape[-1]))


def _masks(layout: Layout, call: Call, like: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """(what is added to the scores [1, 1, q, k], the queries that see nothing [q]), or Nones."""
    if call.mask is None:
        return None, None
    seen = call.mask

    def make() -> tuple[Tensor, Tensor | None]:
        mask = torch.from_numpy(np.where(seen, np.float32(0), np.float32(-np.inf)))
        blind = ~seen.any(1)
        added = mask.to(device=like.device, dtype=like.dtype)[None, None]
        return added, torch.from_numpy(blind).to(like.device) if blind.any() else None

    return layout.once((call, like.device, like.dtype), make)
