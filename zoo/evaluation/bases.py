"""Base weights that stay in memory for the next adapter over them.

The adapters of a lineage share a base. It is read once; an adapter is laid over it and taken off
again, and the base is read anew only where that left a trace.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.models.huggingface import HFLM

Trace = Mapping[str, tuple[int, int]]
"""Where each weight of a model lies, and how often it was written to."""


@dataclass
class Bases:
    """At most one base, and the adapter that lies over it now."""

    _key: object = None
    _lm: HFLM | None = None
    _trace: Trace | None = None
    _over: Any = None

    def take(self, key: object) -> HFLM | None:
        """The base of this key, bare, if it is the one that is kept; any other is let go.

        key: all that decides its weights and how they are loaded.
        """
        if self._lm is None or key != self._key or not self._bare():
            self.drop()
        return self._lm

    def keep(self, key: object, lm: HFLM) -> None:
        """Keeps a base that was just loaded, without an adapter."""
        self._key, self._lm, self._trace, self._over = key, lm, _trace_of(lm.model), None

    def adapted(self, lm: HFLM, adapter: str, revision: str | None) -> HFLM:
        """The kept base with an adapter over it, as HFLM lays it."""
        from peft import PeftModel

        self._over = PeftModel.from_pretrained(lm.model, adapter, revision=revision).eval()
        found = copy.copy(lm)
        found._model, found.peft = self._over, adapter
        return found

    def drop(self) -> None:
        """Lets the base go, with whatever lies over it."""
        self._key = self._lm = self._trace = self._over = None

    def _bare(self) -> bool:
        """Takes the adapter off; returns whether the base is what was loaded."""
        assert self._lm is not None
        over, self._over = self._over, None
        if over is not None and not over.active_peft_config.is_prompt_learning:
            if not hasattr(over.base_model, "unload"):
                return False
            over.base_model.unload()
        return _trace_of(self._lm.model) == self._trace


def shareable(lm: HFLM) -> bool:
    """Whether adapters may be laid over a base that stays: HFLM resizes one whose vocabulary is
    not its tokenizer's."""
    config = lm.model.config.get_text_config()
    return bool(config.vocab_size == len(lm.tokenizer))


def _trace_of(model: Any) -> Trace:
    tensors = (*model.named_parameters(), *model.named_buffers())
    return {
        # a tensor made in inference mode counts no writes, and is never one that was loaded
        name: (tensor.data_ptr(), -1 if tensor.is_inference() else tensor._version)
        for name, tensor in tensors
    }
