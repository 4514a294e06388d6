"""When models are loaded: once, when first asked for, within their loader's session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.evaluation.preparing import Cell
from zoo.hookspecs import Loader, LoadModel

if TYPE_CHECKING:
    from lm_eval.api.model import LM


@dataclass
class Sessions:
    """The sessions of loaders that are open."""

    _stack: ExitStack = field(default_factory=ExitStack)
    _loads: dict[str, LoadModel] = field(default_factory=dict)

    def load_of(self, loader: Loader) -> LoadModel:
        """How a loader loads, within its session where it has one."""
        if loader.session is None:
            return loader.load
        if loader.name not in self._loads:
            self._loads[loader.name] = self._stack.enter_context(loader.session())
        return self._loads[loader.name]

    def close(self) -> None:
        """Ends all of them."""
        self._loads.clear()
        self._stack.close()


@dataclass
class OnDemand:
    """A model that is loaded when first asked for. One that cannot be is not tried again."""

    load: Callable[[Cell], LM]
    lm: LM | None = None
    refusal: Exception | None = None

    def loaded(self, cell: Cell) -> LM:
        """The model, loaded as a cell of it says. Raises what loading raised."""
        if self.refusal is not None:
            raise self.refusal
        if self.lm is None:
            try:
                self.lm = self.load(cell)
            except Exception as problem:
                self.refusal = problem
                raise
        return self.lm
