"""Attention over a chunk of the stream: one interface, and a kernel for each kind of device.

`Merged` runs the planned calls one by one and merges them by their log-sum-exp in fp32: on a CPU
with torch's flash kernel, elsewhere with plain matrix products. It is the reference. `Varlen` runs
all calls of one level as a single variable-length flash call, and `Flex` compiles the visibility
formula into one FlexAttention kernel; both are for CUDA. Which is used is for a self-test to say.

Stock Hugging Face models reach a kernel through transformers' AttentionInterface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel

from zoo.engine.calls import DENSE, Call, Integers, decompose, within_window

INTERFACE = "zoo_packed"
"""Name under which transformers knows our attention."""

PLAIN_SCORES = 8 * 1024**2
"""Most attention scores that plain matrix products hold at once."""

Made = TypeVar("Made")


class UnsuitedError(Exception):
    """A model asks attention for something that the stream does not carry."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A chunk as kernels see it; what they derive from it is made once and used by every layer.

    path: P, the keys kept from earlier chunks, which come first. until, depth: [P + T], of the
    keys; see `zoo.engine.calls`.
    """

    path: int
    until: Integers
    depth: Integers
    _made: dict[Any, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def size(self) -> int:
        """T, the chunk's own tokens."""
        return len(self.until) - self.path

    def biting(self, window: int | None) -> int | None:
        """The window, or None where no query reaches beyond it."""
        if window is None or window <= 0 or int(self.depth[self.path :].max()) < window:
            return None
        return window

    def calls(self, window: int | None, dense: int) -> list[Call]:
        """The chunk's calls, those of level 0 first."""

        def make() -> list[Call]:
            calls = decompose(self.until, self.path, dense)
            if window is not None:
                calls = within_window(calls, self.depth, self.path, window)
            return sorted(calls, key=lambda call: call.level)

        return self.once(("calls", window, dense), make)

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What `make` gives, made at the first call for `key`."""
        if key not in self._made:
            self._made[key] = make()
        found: Made = self._made[key]
        return found


class Kernel(Protocol):
    """Attention of a chunk's queries over path and chunk."""

    @property
    def name(self) -> str:
        """What logs and results call it."""
        ...

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
        """query: [H, T, D]; key: [G, P + T, D]; value: [G, P + T, V], H a multiple of G.

        scale: of the scores. window: positions a query sees, its own included. softcap: c in
        `c tanh(score / c)`. sinks: [H], a further logit that takes part in the softmax and has no
        value. Returns [T, H, V] in the query's dtype.
        """
        ...


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
        plain = softcap is not None or query.device.type != "cpu"
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
            if plain:
                out, lse = _by_products(asking, *held, call.causal, mask, scale, softcap)
            else:
                out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                    asking, *held, 0.0, call.causal, attn_mask=mask, scale=scale
                )
            if blind is not None:
                lse = lse.masked_fill(blind, -torch.inf)
                out = out.masked_fill(blind[:, None], 0.0)
            part, sums = merged[:, :, call.start : call.stop], total[:, :, call.start : call.stop]
            if call.level == 0:
                part.copy_(out)
                sums.copy_(lse)
            else:
                _merge(part, sums, out, lse)
        if sinks is not None:
            merged *= torch.sigmoid(total - sinks.float().view(*shape, 1)).unsqueeze(-1)
        return merged[..., :values].permute(2, 0, 1, 3).reshape(size, heads, values).to(query.dtype)


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
                _merge(part, sums, out, lse)
                merged[level.queries], total[level.queries] = part, sums
        if sinks is not None:
            merged *= torch.sigmoid(total - sinks.float()[None]).unsqueeze(-1)
        return merged.to(query.dtype)


def kernels_for(device: torch.device, dtype: torch.dtype) -> tuple[Kernel, ...]:
    """The kernels to try on a device, fastest first."""
    if device.type != "cuda":
        return (Merged(),)
    if dtype in (torch.bfloat16, torch.float16):
        return (Varlen(), Flex(), Merged())
    return (Flex(), Merged())


_ACTIVE: ContextVar[tuple[Kernel, Layout] | None] = ContextVar("packed attention", default=None)


@contextmanager
def packed(model: PreTrainedModel) -> Iterator[None]:
    """Within, the model's attention is ours."""
    before = model.config._attn_implementation
    model.set_attn_implementation(INTERFACE)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def attending(kernel: Kernel, layout: Layout) -> Iterator[None]:
    """Within, a forward pass of a `packed` model reads the chunk of this layout."""
    token = _ACTIVE.set((kernel, layout))
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,  # noqa: ARG001 -- part of transformers' interface; models are in eval mode
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """What transformers calls. query: [1, H, T, D]; key, value: [1, G, P + T, D]."""
    active = _ACTIVE.get()
    if active is None:
        raise UnsuitedError("attention was called outside a packed forward pass")
    kernel, layout = active
    if query.shape[0] != 1 or query.shape[2] != layout.size:
        raise UnsuitedError(f"attention is asked for queries of shape {tuple(query.shape)}")
    if key.shape[2] != layout.path + layout.size:
        raise UnsuitedError(f"a layer keeps {key.shape[2]} keys of {layout.path + layout.size}")
    if kwargs.get("position_bias") is not None or attention_mask is not None:
        raise UnsuitedError("the model adds a bias of its own to attention scores")
    if kwargs.get("is_causal", getattr(module, "is_causal", True)) is False:
        raise UnsuitedError("the model's attention is not causal")
    out = kernel.attend(
        query[0],
        key[0],
        value[0],
        layout,
        scale=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        window=kwargs.get("sliding_window"),
        softcap=kwargs.get("softcap"),
        sinks=kwargs.get("s_aux"),
    )
    return out[None], None


AttentionInterface.register(INTERFACE, _attention)


def _merge(part: Tensor, sums: Tensor, out: Tensor, lse: Tensor) -> None:
    """Adds a call's output to what is merged so far, both normalised by their own sum of exps."""
    lse = lse.to(sums.dtype)
    part.lerp_(out.to(part.dtype), torch.sigmoid(lse - sums).unsqueeze(-1))
    torch.logaddexp(sums, lse, out=sums)


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
