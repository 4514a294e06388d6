"""Requests to one server: some at once, tried again where that may help, ended by deadlines.

lm-eval's own transport has one time limit for all, waits as it likes, follows redirects and reads
whatever comes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from zoo.errors import CellError
from zoo.redaction import SHORTEST, STRUCK, redact
from zoo_openai.arguments import Address, Patience
from zoo_openai.replies import Unreadable

MOST_BYTES = 64 * 1024**2
"""Of a reply: a long prompt's log-probabilities take a few MiB."""

SHOWN = 200
"""Characters of a server's own words that an error repeats."""

BACKOFF = wait_random_exponential(multiplier=0.5, max=30)
"""Seconds between tries, where the server does not say."""

T = TypeVar("T")


class Refused(CellError):
    """The server understood and will not. words: its own, made harmless."""

    def __init__(self, said: str, status: int, words: str) -> None:
        super().__init__(said)
        self.status, self.words = status, words


class Unanswered(CellError):
    """However often it was tried, nothing came that answers. silent: nor did anything else."""

    def __init__(self, said: str, silent: bool) -> None:
        super().__init__(said)
        self.silent = silent


class Passing(Exception):
    """What may be otherwise at the next try. wait: seconds that the server asks for."""

    def __init__(self, reason: str, wait: float | None = None, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.silent = wait, silent


@dataclass
class Transport:
    """One server, the key for it, and how much patience it is given."""

    address: Address
    patience: Patience
    deadline: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """A cell's time begins."""
        self.deadline = time.monotonic() + self.patience.cell_timeout

    async def ask(
        self, url: str, payloads: Sequence[Mapping[str, Any]], read: Callable[[int, Any], T]
    ) -> list[T]:
        """What `read` makes of the reply to each payload, in order; it is called as they come, and
        once more where it raised Unreadable. Raises CellError as soon as one is lost."""
        found: dict[int, T] = {}
        waiting = iter(enumerate(payloads))
        patience = self.patience

        async def work(session: aiohttp.ClientSession) -> None:
            for number, payload in waiting:
                found[number] = await self._answer(session, url, payload, number, read)

        timeout = aiohttp.ClientTimeout(
            total=patience.request_timeout,
            sock_connect=patience.connect_timeout,
            sock_read=patience.idle_timeout,
        )
        try:
            async with (
                asyncio.timeout(max(0.0, self.deadline - time.monotonic())),
                aiohttp.ClientSession(
                    timeout=timeout,
                    headers={"Authorization": f"Bearer {key}"} if (key := self.address.key) else {},
                    cookie_jar=aiohttp.DummyCookieJar(),
                    connector=aiohttp.TCPConnector(limit=patience.num_concurrent),
                ) as session,
                asyncio.TaskGroup() as group,
            ):
                for _ in range(min(patience.num_concurrent, len(payloads))):
                    group.create_task(work(session))
        except TimeoutError:
            raise Unanswered(
                f"{self.address.host} has answered {len(found)} of {len(payloads)} requests in the "
                f"{patience.cell_timeout:g} s that a cell may take; what it answered is kept: run "
                "again to go on, or raise cell_timeout in loader_args",
                silent=not found,
            ) from None
        except BaseExceptionGroup as group_of:
            raise group_of.exceptions[0] from None
        return [found[number] for number in range(len(payloads))]

    async def _answer(
        self,
        session: aiohttp.ClientSession,
        url: str,
        payload: Mapping[str, Any],
        number: int,
        read: Callable[[int, Any], T],
    ) -> T:
        tries = self.patience.max_retries + 1
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(tries),
                wait=_wait,
                retry=retry_if_exception_type((Passing, Unreadable)),
                reraise=True,
            ):
                with attempt:
                    return read(number, await self._reply(session, url, payload))
        except (Passing, Unreadable) as problem:
            times = "" if tries == 1 else f", {tries} times"
            silent = getattr(problem, "silent", False)
            raise Unanswered(f"{self.address.host} {problem}{times}", silent) from problem
        raise AssertionError("a try ends with an answer or an error")

    async def _reply(
        self, session: aiohttp.ClientSession, url: str, payload: Mapping[str, Any]
    ) -> Any:
        """One reply, as JSON. Raises Passing, or CellError where another try cannot help."""
        try:
            async with session.post(url, json=payload, allow_redirects=False) as response:
                body = await self._body(response)
                status, headers = response.status, response.headers
        except TimeoutError as problem:  # which of them, aiohttp says
            said = f"lets a request wait too long ({problem or 'request_timeout'})"
            raise Passing(said, silent=True) from None
        except aiohttp.ClientError as problem:
            said = f"cannot be reached ({self._harmless(str(problem) or type(problem).__name__)})"
            raise Passing(said, silent=True) from None
        if status != 200:
            raise self._refusal(status, headers, body)
        return self._json(body)

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
        """What a status other than success means."""
        words = self._harmless(body[: 4 * SHOWN].decode("utf-8", "replace"))
        said = f"{self.address.host} says {status}: {words or 'nothing more'}"
        if 300 <= status < 400:
            place = self._harmless(urlsplit(headers.get("Location", "")).netloc)
            return CellError(
                f"{self.address.host} sends requests on to {place or 'nowhere'}, which is not "
                "followed, since the key would go there too; if that is the server you mean, "
                "name it as base_url"
            )
        if status in (401, 403):
            return CellError(
                f"{said}; the key for it is read from {self.address.key_variable} in the "
                f"environment, which is {'set' if self.address.key else 'not set'}"
            )
        if status in (408, 409, 425, 429) or (status >= 500 and status != 501):
            wait = seconds_of(headers.get("Retry-After", ""))
            if wait is not None and time.monotonic() + wait > self.deadline:
                return CellError(
                    f"{said}; it asks to wait {wait:g} s, longer than is left of cell_timeout; run "
                    "again later to go on"
                )
            return Passing(f"says {status}: {words or 'nothing more'}", wait)
        return Refused(said, status, words)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        found = bytearray()
        async for chunk in response.content.iter_chunked(2**16):
            found += chunk
            if len(found) > MOST_BYTES:
                raise CellError(
                    f"{self.address.host} sends more than {MOST_BYTES >> 20} MiB for one prompt"
                )
        return bytes(found)

    def _json(self, body: bytes) -> Any:
        try:
            return self._struck(json.loads(body))
        except (ValueError, RecursionError):
            raise Passing("sends something that is no JSON") from None

    def _struck(self, value: Any) -> Any:
        """The reply without the key, which a server might send back.

        A key that is too short for a secret (EMPTY, x: what local servers are given) is none, and
        answers may hold it. The names of a reply's fields are the protocol's and stay.
        """
        key = self.address.key
        if len(key) < SHORTEST:
            return value
        if isinstance(value, str):
            return value.replace(key, STRUCK)
        if isinstance(value, list):
            return [self._struck(each) for each in value]
        if isinstance(value, dict):
            return {name: self._struck(each) for name, each in value.items()}
        return value

    def _harmless(self, words: str) -> str:
        """A server's words as they may stand in an error: one line, short, without the key."""
        with suppress(ValueError, RecursionError):
            words = said_in(self._struck(json.loads(words)))
        line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
        return redact(self._struck(line))[:SHOWN]


def said_in(reply: Any) -> str:
    """The message of an error, as the servers known put it; else all that was said.

    >>> said_in({"error": {"message": "no such model", "code": 404}}), said_in({"detail": "no"})
    ('no such model', 'no')
    """
    if isinstance(reply, dict):
        for name in ("error", "message", "detail"):
            if reply.get(name):
                return said_in(reply[name])
    return reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)


def seconds_of(retry_after: str) -> float | None:
    """The header Retry-After, a number of seconds or a date (RFC 9110, 10.2.3), as seconds from
    now; None where it is neither.

    >>> seconds_of("2"), seconds_of("soon"), seconds_of("Wed, 21 Oct 2015 07:28:00 GMT")
    (2.0, None, 0.0)
    """
    if retry_after.strip().isdecimal():
        return float(retry_after)
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(retry_after)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return None


def _wait(state: RetryCallState) -> float:
    """Seconds until the next try: what the server asks for, else longer each time."""
    problem = state.outcome.exception() if state.outcome is not None else None
    asked = getattr(problem, "wait", None)
    return float(BACKOFF(state) if asked is None else asked)
