"""The interface of attention kernels."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from zoo.engine.layout import Layout


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
