"""One piece of attention: queries over some of their keys, with the log-sum-exp of its scores.

Pieces over different keys are joined by these sums: each output is normalised by its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

PLAIN_SCORES = 8 * 1024**2
"""Most attention scores that plain matrix products hold at once."""


def piece(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
    causal: bool = False,
    mask: Tensor | None = None,
    blind: Tensor | None = None,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """(output [B, H, q, V], log-sum-exp [B, H, q]), on a CPU by torch's flash kernel.

    query: [B, H, q, D]; key: [B, H, k, D]; value: [B, H, k, V]. causal: query i sees keys 0 to i.
    mask: added to the scores, broadcast to them. blind: [q], queries that see nothing, whose output
    is zero and whose sum is -inf. softcap: c in `c tanh(score / c)`.
    """
    plain = softcap is not None or query.device.type != "cpu" or query.dtype != torch.float32
    if plain or query.shape[-1] != value.shape[-1]:  # the flash kernel wants one head size
        out, lse = _by_products(query, key, value, causal, mask, scale, softcap)
    else:
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, causal, attn_mask=mask, scale=scale
        )
    if blind is not None:
        lse = lse.masked_fill(blind, -torch.inf)
        out = out.masked_fill(blind[:, None], 0.0)
    return out, lse


def merge(part: Tensor, sums: Tensor, out: Tensor, lse: Tensor) -> None:
    """Adds a piece's output to what is merged so far, both normalised by their own sum of exps."""
    lse = lse.to(sums.dtype)
    part.lerp_(out.to(part.dtype), torch.sigmoid(lse - sums).unsqueeze(-1))
    torch.logaddexp(sums, lse, out=sums)


def _by_products(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    causal: bool,
    mask: Tensor | None,
    scale: float,
    softcap: float | None,
) -> tuple[Tensor, Tensor]:
    """Attention by plain products in fp32, a slice of queries at a time: (out, log-sum-exp)."""
    heads, length, held = query.shape[0] * query.shape[1], query.shape[2], key.shape[2]
    step = max(1, PLAIN_SCORES // (heads * held))
    keys, values = key.float().transpose(-1, -2), value.float()
    outs, sums = [], []
    for start in range(0, length, step):
        stop = min(start + step, length)
        scores = query[:, :, start:stop].float() @ keys * scale
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        if causal:
            rows = torch.arange(start, stop, device=query.device)[:, None]
            scores.masked_fill_(torch.arange(held, device=query.device) > rows, -torch.inf)
        elif mask is not None:
            scores += mask[:, :, start:stop].float()
        lse = scores.logsumexp(-1)
        outs.append((scores - lse.unsqueeze(-1)).exp() @ values)
        sums.append(lse)
    return torch.cat(outs, 2), torch.cat(sums, 2)
