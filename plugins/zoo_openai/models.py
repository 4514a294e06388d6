"""lm-eval's API models, with this package's transport and its checks of what comes back.

lm-eval makes the payloads, encodes, cuts contexts and continuations apart, and reads texts and
log-probabilities. Each request holds one prompt: servers batch by themselves, and lm-eval would
pair the answers of a batch with its prompts unchecked.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.models.openai_completions import (
    LocalChatCompletion,
    LocalCompletionsAPI,
    OpenAIChatCompletion,
)
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from zoo.errors import CellError
from zoo.evaluation.turns import THINK_END, Turns
from zoo_openai.arguments import Arguments
from zoo_openai.replies import Written, cut, text_of, thinking_of, weighed, with_thinking, written
from zoo_openai.transport import Transport

UNBOUNDED = 2**31
"""A length that cuts nothing, where the server's is not known: it says so itself."""

Told = Callable[[str, Any, Any], None]
"""(kind, arguments, answer), told of each answer as it comes."""


class _Sent:
    """What the models here share. It stands before lm-eval's class."""

    tell: Told
    model: str
    base_url: str

    def set_up(self, transport: Transport, tell: Told) -> None:
        """transport: how it is sent."""
        self.transport, self.tell = transport, tell
        self.served: set[str] = set()
        self.answered = 0

    async def _send(
        self, payloads: Sequence[dict[str, Any]], read: Callable[[int, Any], Any]
    ) -> list[Any]:
        def counted(number: int, reply: Any) -> Any:
            answer = read(number, reply)
            self.answered += 1
            if len(self.served) < 5:
                named = (reply.get("model"), reply.get("system_fingerprint"))
                self.served.add(" ".join(str(each)[:80] for each in named if each))
            return answer

        found: list[Any] = await self.transport.ask(self.base_url, payloads, counted)
        return found

    async def get_batched_requests(
        self,
        requests: Sequence[Any],
        cache_keys: Sequence[Any],
        *,
        generate: bool = True,
        ctxlens: Sequence[int] | None = None,
        gen_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> list[list[Any]]:
        """lm-eval's: answers to requests, each in a list of its own."""
        if generate:
            return [[each] for each in await self._write(requests, cache_keys, gen_kwargs or {})]
        return [[each] for each in await self._weigh(requests, cache_keys, ctxlens or ())]

    async def _write(
        self, contexts: Sequence[str], keys: Sequence[Any], gen_kwargs: Mapping[str, Any]
    ) -> list[Written]:
        until = gen_kwargs.get("until") or []
        stops = [until] if isinstance(until, str) else list(until)
        most = gen_kwargs.get("max_gen_toks")
        seeds = _seeds(contexts, gen_kwargs)
        payloads = [
            self.payload(context, gen_kwargs, seed)
            for context, seed in zip(contexts, seeds, strict=True)
        ]

        def read(number: int, reply: Any) -> Written:
            found = written(reply, self._text(reply, stops), most if type(most) is int else None)
            self.tell("generate_until", keys[number], found)
            return found

        return await self._send(payloads, read)

    def payload(
        self, context: str, gen_kwargs: Mapping[str, Any], seed: int | None
    ) -> dict[str, Any]:
        """What is sent for a prompt. seed: None for lm-eval's own."""
        wishes = copy.deepcopy(dict(gen_kwargs))
        if wishes.get("do_sample") and "temperature" not in wishes:
            wishes["temperature"] = 1.0  # lm-eval would ask for 0, which draws nothing
        payload = self._wished(context, wishes, {} if seed is None else {"seed": seed})
        if not payload.get("stop"):
            payload.pop("stop", None)  # some servers take no empty list
        return payload

    def _wished(self, context: str, wishes: dict[str, Any], seed: dict[str, int]) -> dict[str, Any]:
        raise NotImplementedError

    def _text(self, reply: Any, stops: Sequence[str]) -> str:
        raise NotImplementedError

    async def _weigh(
        self, requests: Sequence[list[int]], keys: Sequence[Any], ctxlens: Sequence[int]
    ) -> list[tuple[float, bool]]:
        raise NotImplementedError


class Completions(_Sent, LocalCompletionsAPI):
    """Plain completions, and likelihoods where the server tells those of a prompt."""

    def __init__(self, args: Arguments, transport: Transport, tell: Told) -> None:
        super().__init__(
            base_url=args.address.completions,
            model=args.model,
            tokenizer_backend="huggingface" if args.tokenizer else "None",
            tokenizer=args.tokenizer or None,
            tokenized_requests=False,  # of what it is to continue, the server encodes the text
            add_bos_token=args.add_bos_token,
            max_length=args.max_length or UNBOUNDED,
            num_concurrent=2,  # lm-eval's other way, one by one, has a transport of its own
            revision=None,
        )
        self.weighs_tokens = args.tokenized_requests
        self.set_up(transport, tell)

    def _wished(self, context: str, wishes: dict[str, Any], seed: dict[str, int]) -> dict[str, Any]:
        return dict(self._create_payload(context, generate=True, gen_kwargs=wishes, **seed))

    def _text(self, reply: Any, stops: Sequence[str]) -> str:
        text_of(reply)
        return cut(str(self.parse_generations(reply)[0]), stops)

    async def _weigh(
        self, requests: Sequence[list[int]], keys: Sequence[Any], ctxlens: Sequence[int]
    ) -> list[tuple[float, bool]]:
        payloads = [self.weighing(tokens) for tokens in requests]

        def read(number: int, reply: Any) -> tuple[float, bool]:
            checked = weighed(reply, requests[number])
            (found,) = self.parse_logprobs(checked, ctxlens=[ctxlens[number]])
            if isinstance(key := keys[number], _Whole):
                key.add(found[0], self.tell)
            else:
                self.tell("loglikelihood", key, found)
            return found

        return await self._send(payloads, read)

    def weighing(self, tokens: list[int]) -> dict[str, Any]:
        """The payload that asks how likely these tokens are."""
        prompt = tokens if self.weighs_tokens else self.tokenizer.decode(tokens)
        return dict(self._create_payload(prompt, generate=False))

    def tok_encode(
        self, string: Any, add_special_tokens: bool | None = None, **_: Any
    ) -> list[Any]:
        """Ids as lm-eval's HFLM encodes: no second BOS where the text begins with one."""
        if not isinstance(string, str):
            return [self.tok_encode(each, add_special_tokens) for each in string]
        bos = self.tokenizer.bos_token
        adds = self.add_bos_token if add_special_tokens is None else add_special_tokens
        adds = adds and not (bos and string.startswith(bos))
        return list(self.tokenizer(string, add_special_tokens=bool(adds)).input_ids)

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
        """As lm-eval's, with the windows of all texts asked at once."""
        del disable_tqdm
        wholes: list[_Whole] = []
        windows: list[tuple[_Whole, list[int], list[int]]] = []
        for (text,) in (request.args for request in requests):
            mine = [
                make_disjoint_window(window)
                for window in get_rolling_token_windows(
                    token_list=self.tok_encode(text),
                    prefix_token=self.prefix_token_id,
                    max_seq_len=self.max_length - 1,
                    context_len=1,
                )
            ]
            wholes.append(_Whole(text, len(mine)))
            windows += [(wholes[-1], *window) for window in mine]
        self._loglikelihood_tokens(windows)
        return [each.total for each in wholes]


@dataclass
class _Whole:
    """A text whose windows are weighed one by one. left: windows that are not yet."""

    text: str
    left: int
    total: float = 0.0

    def add(self, likelihood: float, tell: Told) -> None:
        self.total += likelihood
        self.left -= 1
        if not self.left:
            tell("loglikelihood_rolling", (self.text,), self.total)


class _Chat(_Sent):
    """A chat, whose template the server lays. lm-eval has one class for OpenAI's own models and
    one for all others, whose payloads differ."""

    is_openai = False

    def _wished(self, context: str, wishes: dict[str, Any], seed: dict[str, int]) -> dict[str, Any]:
        turns = Turns.of(context)
        if turns is None:
            raise CellError("a chat is asked in turns, and this is plain text")
        messages = [dict(each) for each in turns.messages]
        made: dict[str, Any] = self._create_payload(  # type: ignore[attr-defined]
            messages, generate=True, gen_kwargs=wishes, eos=None, **seed
        )
        if turns.thinking is not None and not self.is_openai:
            made["chat_template_kwargs"] = {"enable_thinking": turns.thinking}
        return made

    def _text(self, reply: Any, stops: Sequence[str]) -> str:
        thought = thinking_of(reply)
        (answer,) = self.parse_generations(reply)  # type: ignore[attr-defined]
        return with_thinking(cut(answer or "", stops, after=THINK_END), thought)


class Chat(_Chat, LocalChatCompletion):
    """The chat of any server."""

    def __init__(self, args: Arguments, transport: Transport, tell: Told) -> None:
        super().__init__(base_url=args.address.chat, model=args.model, num_concurrent=2)
        self.set_up(transport, tell)


class OpenAIChat(_Chat, OpenAIChatCompletion):
    """The chat of OpenAI's own models."""

    is_openai = True

    def __init__(self, args: Arguments, transport: Transport, tell: Told) -> None:
        super().__init__(base_url=args.address.chat, model=args.model, num_concurrent=2)
        self.set_up(transport, tell)


def _seeds(contexts: Sequence[str], gen_kwargs: Mapping[str, Any]) -> list[int | None]:
    """A seed for each request, None for lm-eval's own where nothing is drawn.

    lm-eval gives all the same one, with which a server draws the same sample of a prompt each
    time. Here it hangs on the run's seed, on the prompt and on how often that was asked before.
    """
    temperature = float(gen_kwargs.get("temperature") or 0)
    if not gen_kwargs.get("do_sample") and temperature <= 0:
        return [None] * len(contexts)
    drawn, before = random.getrandbits(32), Counter[str]()
    seeds: list[int | None] = []
    for context in contexts:
        named = json.dumps([drawn, context, before[context]]).encode()
        before[context] += 1
        seeds.append(int.from_bytes(hashlib.sha256(named).digest()[:4]) >> 1)
    return seeds
