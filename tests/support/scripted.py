"""A loader whose models say what a test wrote down: a whole loader, as a plugin would bring it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zoo.hookspecs import Loader


def scripted(
    write: Callable[[str, int], str] = lambda _prompt, _turn: "",
    weigh: Callable[[str, str], tuple[float, bool]] = lambda _context, _option: (-1.0, False),
    *,
    before: Callable[[], None] = lambda: None,
    tokenizer: Any = None,
) -> Loader:
    """A loader of models that write and weigh by these functions.

    write: (prompt, how often this model was asked it before) -> text. weigh: (context, option) ->
    (natural logarithm of its likelihood, greedy). before: called when a model is loaded.
    tokenizer: the models' own, by which their answers are counted.
    """

    def load(_model: Any, **_: Any) -> Any:
        from lm_eval.api.model import LM

        class Scripted(LM):
            def __init__(self) -> None:
                super().__init__()
                self.asked: dict[str, int] = {}
                self.tokenizer = tokenizer

            def generate_until(self, requests: Sequence[Any]) -> list[str]:
                texts = []
                for request in requests:
                    prompt = request.args[0]
                    turn = self.asked[prompt] = self.asked.get(prompt, -1) + 1
                    texts.append(write(prompt, turn))
                    self.cache_hook.add_partial("generate_until", request.args, texts[-1])
                return texts

            def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
                return [weigh(*request.args) for request in requests]

            def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
                return [weigh("", request.args[0])[0] for request in requests]

        before()
        return Scripted()

    return Loader("scripted", load)
