"""The last layer makes of each token a key and a value; the rest is wanted of scored rows alone.

So its attention is asked by these rows only, and they alone go through its feed-forward part, which
every architecture that we know calls `mlp`. Of a model of n layers this spares nearly an n-th. The
other rows are zeros from there on: the head is not asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from zoo.engine.layout import Layout

SPARSE = 4
"""One masked call of the wanted rows is cheaper than all planned ones below 1 row in so many."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """The rows of a pass whose outputs are used. rows: [r], ascending; size: tokens of the pass."""

    rows: Tensor
    size: int

    def narrow(self, x: Any) -> Any:
        """[1, size, ...] -> [1, r, ...]; anything else as it is."""
        if isinstance(x, Tensor) and x.shape[:2] == (1, self.size):
            return x[:, self.rows.to(x.device)]
        return x

    def widen(self, x: Tensor) -> Tensor:
        """[1, r, ...] -> [1, size, ...], zeros between."""
        whole = x.new_zeros(1, self.size, *x.shape[2:])
        whole[:, self.rows.to(x.device)] = x
        return whole

    def layout(self, whole: Layout) -> Layout | None:
        """The chunk with these rows as its queries; None where they are too many to pay."""
        if SPARSE * len(self.rows) > self.size:
            return None
        return whole.once("wanted", lambda: whole.asked_by(self.rows.cpu().numpy()))


@contextmanager
def narrowed(model: PreTrainedModel, wanted: Callable[[], Wanted]) -> Iterator[None]:
    """Within, only the rows wanted of a pass go through the last layer's feed-forward part."""
    mlp = _last_mlp(model)
    if mlp is None:
        yield
        return

    def before(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(wanted().narrow, args))  # some architectures hand the residual on, too

    def after(_: nn.Module, __: tuple[Any, ...], out: Any) -> Any:
        if isinstance(out, tuple):  # a mixture of experts gives its router's scores, too
            return (wanted().widen(out[0]), *out[1:])
        return wanted().widen(out)

    handles = [mlp.register_forward_pre_hook(before), mlp.register_forward_hook(after)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def is_last(attention: nn.Module) -> bool:
    """Whether an attention module of transformers is the last layer's."""
    place = getattr(attention, "layer_idx", None)
    return place is not None and place == _layers(attention.config) - 1


def _last_mlp(model: PreTrainedModel) -> nn.Module | None:
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == _layers(model.config):
            found = getattr(module[-1], "mlp", None)
            return found if isinstance(found, nn.Module) else None
    return None


def _layers(config: Any) -> int:
    return int(config.get_text_config(decoder=True).num_hidden_layers)
