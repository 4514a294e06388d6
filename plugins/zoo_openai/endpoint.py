"""One model at one server, as the host asks it: chats go one way, plain text the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from lm_eval.api.model import LM

from zoo.errors import CellError, NotApplicableError
from zoo.evaluation.turns import Turns
from zoo_openai.arguments import Arguments
from zoo_openai.models import Chat, Completions, OpenAIChat
from zoo_openai.replies import Unweighed, Written, weighed
from zoo_openai.transport import Refused, Transport, Unanswered

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

T = TypeVar("T")
W = TypeVar("W", bound="Completions | Chat | OpenAIChat")

ABSENT = (404, 405, 501)
"""Statuses of a path that the server does not have."""

PROBE = "One, two, three"
"""What a server is asked once, to see whether it tells the log-probabilities of a prompt."""


class Endpoint(LM):
    """Answers come from a server; of the weights behind it nothing is known but a name.

    What the server cannot be asked raises NotApplicableError, what it does not answer CellError.
    A server that was silent to a whole cell is not asked again.
    """

    def __init__(self, args: Arguments) -> None:
        super().__init__()
        self._args = args
        self._transport = Transport(args.address, args.patience)
        self._ways: list[Completions | Chat | OpenAIChat] = []
        self._weighs: Literal[True] | NotApplicableError | None = None
        self._lost: dict[str, CellError] = {}

    # ------------------------------------------------------------------ what lm-eval asks

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """The text that follows each prompt, up to a stop string or max_gen_toks."""
        del disable_tqdm
        return [each.text for each in self.generate_counted(requests)]

    def generate_counted(self, requests: list[Instance]) -> list[Written]:
        """As `generate_until`, with what the server says of tokens and of what ended it."""
        found: dict[int, Written] = {}
        chats = [number for number, r in enumerate(requests) if Turns.of(r.args[0]) is not None]
        texts = sorted(set(range(len(requests))) - set(chats))
        for numbers in filter(None, (chats, texts)):
            asked = [requests[number] for number in numbers]
            way = self._chat if numbers is chats else self._completions
            found |= zip(numbers, self._call(way, _written(asked)), strict=True)
        return [found[number] for number in range(len(requests))]

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Log-likelihood of each continuation, in nats, and whether it is the greedy one."""
        return self._weighed(lambda way: way.loglikelihood(requests, disable_tqdm=disable_tqdm))

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Log-likelihood of each text, in nats."""
        return self._weighed(
            lambda way: way.loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)
        )

    # ------------------------------------------------------------------ what the host asks

    def draws_by_item(self, requests: Sequence[Instance]) -> bool:
        """A sampled answer hangs on its own request alone."""
        del requests
        return True

    @property
    def tokenizer(self) -> Any:
        """The tokenizer that was named, where plain text can be asked; else None."""
        return self._completions.tokenizer if self._encodes else None

    def tok_encode(self, text: str, add_special_tokens: bool | None = None) -> list[int]:
        """Ids of a text; none of a chat, around which the server lays its own template."""
        if not self._encodes or Turns.of(text) is not None:
            return []
        return list(self._completions.tok_encode(text, add_special_tokens))

    @property
    def prefix_token_id(self) -> int | None:
        """What stands before a text that has nothing before it."""
        return self._completions.prefix_token_id if self._encodes else None

    @property
    def batch_size(self) -> str:
        """Requests at once."""
        return f"{self._args.num_concurrent} at once"

    @property
    def scoring(self) -> str:
        """For provenance: who answered, as far as that is known."""
        served = sorted(set().union(*(way.served for way in self._ways)) - {""})
        says = f", served as {', '.join(served)}" if served else ""
        return f"{self._args.model} at {self._args.base_url}{says}; weights unknown: known by name"

    # ------------------------------------------------------------------ how

    @property
    def _encodes(self) -> bool:
        return bool(self._args.tokenizer and self._args.address.completions)

    @cached_property
    def _completions(self) -> Completions:
        if not self._args.address.completions:
            raise NotApplicableError(
                f"{self._args.base_url} takes chats alone; plain text and log-likelihoods need the "
                "server's plain completions (base_url up to /v1), if it has them"
            )
        self._ways.append(way := Completions(self._args, self._transport, self._tell))
        return way

    @cached_property
    def _chat(self) -> Chat | OpenAIChat:
        if not self._args.address.chat:
            raise NotApplicableError(
                f"{self._args.base_url} takes plain completions alone; a chat needs the server's "
                "chat completions (base_url up to /v1), if it has them"
            )
        kind = OpenAIChat if self._args.address.is_openai else Chat
        self._ways.append(way := kind(self._args, self._transport, self._tell))
        return way

    def _tell(self, kind: str, args: Any, answer: Any) -> None:
        if isinstance(answer, Written) and not getattr(self.cache_hook, "takes_counted", False):
            answer = answer.text  # lm-eval's own hooks keep texts
        self.cache_hook.add_partial(kind, args, answer)

    def _weighed(self, ask: Callable[[Completions], list[T]]) -> list[T]:
        """Likelihoods, after a look whether the server tells any."""
        if not self._args.tokenizer:
            raise NotApplicableError(
                f"log-likelihoods from {self._args.base_url} need the model's tokenizer, to tell "
                "where a prompt ends; name it: --loader-args tokenizer=org/name"
            )

        def probed(way: Completions) -> list[T]:
            if self._weighs is not True:
                self._probe(way)
            return ask(way)

        return self._call(self._completions, probed)

    def _probe(self, way: Completions) -> None:
        """Asks once for what every likelihood needs. Raises NotApplicableError where it lacks."""
        if isinstance(self._weighs, NotApplicableError):
            raise self._weighs
        tokens = way.tok_encode(PROBE)
        payload = way.weighing(tokens)
        try:
            asyncio.run(
                self._transport.ask(
                    way.base_url, [payload], lambda _, reply: weighed(reply, tokens)
                )
            )
        except (Unweighed, Refused) as problem:
            if isinstance(problem, Refused) and self._args.model in problem.words:
                raise  # it knows no model of this name
            self._weighs = NotApplicableError(
                f"{self._args.base_url} cannot be asked how likely a given answer is ({problem})"
            )
            raise self._weighs from None
        self._weighs = True

    def _call(self, way: W, ask: Callable[[W], list[T]]) -> list[T]:
        """Answers of one cell, whose time begins now."""
        if (lost := self._lost.get(way.base_url)) is not None:
            raise lost
        self._transport.begin()
        before = way.answered
        try:
            return _outside_of_loops(lambda: ask(way))
        except Refused as problem:
            if way.answered or problem.status not in ABSENT or self._args.model in problem.words:
                raise
            self._lost[way.base_url] = NotApplicableError(
                f"{self._args.base_url} has no {way.base_url.removeprefix(self._args.address.base)}"
                f" for this model ({problem})"
            )
            raise self._lost[way.base_url] from None
        except Unanswered as problem:
            if problem.silent and way.answered == before:
                self._lost[way.base_url] = problem
            raise


def _written(asked: list[Instance]) -> Callable[[Any], list[Written]]:
    return lambda way: list(way.generate_until(asked, disable_tqdm=True))


def _outside_of_loops(call: Callable[[], T]) -> T:
    """What the call gives. lm-eval runs a loop of its own, which cannot be within another one: in a
    notebook it gets a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()
