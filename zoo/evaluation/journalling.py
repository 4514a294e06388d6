"""Answers are kept while they come: what of some cells is left to ask, and a hook that listens.

for mine in rounds(store, cells, is_finished):     # cells that nobody else is at work on
    asked = [cell.rest(lm) for cell in mine]       # what is left of each
    answers = answer(lm, asked, hook=AnswerHook(mine, lm))
    for cell in mine:
        store.put(RESPONSES, cell.key, columns of cell.complete(answers), cell.account())
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.errors import CellError
from zoo.evaluation.answering import instances, response_of
from zoo.evaluation.images import image_hashes
from zoo.evaluation.requests import CellRequests, Response
from zoo.fingerprints import canonical
from zoo.store import Store
from zoo.store.attempts import Attempt

if TYPE_CHECKING:
    from lm_eval.api.model import LM

POLL = 0.25
"""Seconds between two looks at a cell that another process is at work on."""

SHOWN = 100
"""Most requests that a cell lists as answered in two ways."""


class OpenCell:
    """A cell that this process is to bring to its end, with what earlier attempts have left."""

    def __init__(self, wanted: CellRequests, attempt: Attempt) -> None:
        self.wanted, self.attempt = wanted, attempt
        self.known: dict[int, list[Response]] = {}
        self.journalled = True
        for number, samples in attempt.known.answers.items():
            if set(samples) == set(range(wanted.repeats)):
                self.known[number] = [Response(**samples[k]) for k in range(wanted.repeats)]
        self._differing = [(number, a, b) for number, _, a, b in attempt.known.differing]

    @property
    def key(self) -> str:
        """The response key."""
        return self.wanted.key

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to ask."""
        return len(self.known) == len(self.wanted.requests)

    def left(self, lm: LM) -> list[int]:
        """Positions of the requests to ask this model.

        A sampled cell whose answers are drawn for a whole batch at once (lm-eval's HFLM and others
        that do not say `draws_by_item`) is asked whole or not at all, and is not journalled: its
        second half, drawn without its first, would be other answers.
        """
        requests = self.wanted.requests
        if self.wanted.sampled and not self.is_complete:
            by_item = getattr(lm, "draws_by_item", None)
            self.journalled = by_item is not None and bool(by_item(instances(self.wanted)))
            if not self.journalled:
                self.known.clear()
        return [number for number in range(len(requests)) if number not in self.known]

    def rest(self, lm: LM) -> CellRequests:
        """What is left of it to ask this model."""
        requests = [self.wanted.requests[number] for number in self.left(lm)]
        return replace(self.wanted, requests=requests)

    def complete(self, given: Sequence[Sequence[Response]]) -> list[list[Response]]:
        """All answers in order. given: samples of each request that was left, in order.

        Where another process has answered a request of these too, ours stands and the difference
        goes into the account.
        """
        others = self.attempt.others().answers if self.journalled else {}
        rest = iter(given)
        whole: list[list[Response]] = []
        for number in range(len(self.wanted.requests)):
            if number in self.known:
                whole.append(list(self.known[number]))
                continue
            whole.append(list(next(rest)))
            for sample, response in enumerate(whole[-1]):
                other = others.get(number, {}).get(sample)
                if other is not None and other != _plain(response):
                    self._differing.append((number, other, _plain(response)))
        return whole

    def account(self) -> dict[str, Any]:
        """What is to be kept beside the answers of a cell that was not made in one go.

        taken_up: requests that earlier attempts had answered; attempts: what those said of
        themselves; nondeterministic: requests that were answered in two ways, with the largest
        difference of a log-likelihood (nats), null where a text or a greedy flag differed alone.
        """
        account: dict[str, Any] = {}
        if self.known:
            account["taken_up"] = len(self.known)
            account["attempts"] = [dict(about) for about in self.attempt.known.abouts]
        if self._differing:
            pairs = [[each.get("loglikelihood") for each in (a, b)] for _, a, b in self._differing]
            gaps = [abs(a - b) for a, b in pairs if a != b]
            numbers = sorted({number for number, _, _ in self._differing})
            account["nondeterministic"] = {
                "answers": len(self._differing),
                "requests": numbers[:SHOWN],
                "largest": max(filter(math.isfinite, gaps), default=None),
            }
        return account


def rounds(
    store: Store,
    asked: Sequence[CellRequests],
    is_finished: Callable[[str], bool],
    *,
    fresh: bool = False,
    on_wait: Callable[[Sequence[CellRequests]], None] = lambda _: None,
) -> Generator[list[OpenCell], None, None]:
    """The cells to ask, in lists: those at once that nobody holds, the others as they are let go.

    The cells of a list are held until the next one is asked for; close the iterator where that may
    not come (contextlib.closing). A cell comes once, also if its asking failed. Cells that another
    process finishes meanwhile do not come. on_wait: told, once, of cells that others hold.
    Raises StoreError where nothing can be kept.
    """
    told: set[str] = set()
    waiting = list(asked)
    while waiting := [each for each in waiting if not is_finished(each.key)]:
        with ExitStack() as held:
            mine: list[OpenCell] = []
            for each in waiting:
                attempt = store.claim(each.key, each.size, fresh=fresh)
                if attempt is None:
                    continue
                held.enter_context(attempt)
                if not is_finished(each.key):  # it may have been finished since we looked
                    mine.append(OpenCell(each, attempt))
            if mine:
                keys = {cell.key for cell in mine}
                waiting = [each for each in waiting if each.key not in keys]
                yield mine
                continue
        if news := [each for each in waiting if each.key not in told]:
            told.update(each.key for each in news)
            on_wait(news)
        time.sleep(POLL)


class AnswerHook:
    """An lm-eval cache hook that journals the answers to what is left of several cells.

    takes_counted: it may be told a generated answer with its tokens (`zoo.evaluation.answering`).

    A model tells of an answer by the request's arguments alone. Requests of equal arguments are
    served in their order; a sampled answer that could belong to several of them is not journalled.
    """

    takes_counted = True

    def __init__(
        self, cells: Sequence[OpenCell], lm: LM, on_request: Callable[[int], None] = lambda _: None
    ) -> None:
        self._tokenizer = getattr(lm, "tokenizer", None)
        self._on_request = on_request
        self._open: dict[tuple[str, ...], deque[tuple[OpenCell, int, int]]] = defaultdict(deque)
        self._spellings: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
        for cell in cells:
            for number in cell.left(lm):
                request = cell.wanted.requests[number]
                told = request.kind, request.context, request.continuation, request.gen_kwargs
                name = _name(*told, request.images)
                self._spellings[request.kind, request.context].add(name)
                self._open[name].extend(
                    (cell, number, sample) for sample in range(cell.wanted.repeats)
                )
        for places in self._open.values():
            owners = {(cell.key, number) for cell, number, _ in places}
            if not all(cell.journalled for cell, _, _ in places) or (
                len(owners) > 1 and any(cell.wanted.sampled for cell, _, _ in places)
            ):
                places.clear()

    def add_partial(self, kind: str, args: Sequence[Any], value: Any) -> None:
        """Takes one answer. What cannot be told to a request is passed over: it is asked again
        should this run be ended before its end. Raises StoreError where nothing can be kept."""
        self._keep(kind, args, value)
        self._on_request(1)  # who is told may end the run: the answer is kept by then

    def _keep(self, kind: str, args: Sequence[Any], value: Any) -> None:
        places = self._open.get(self._find(kind, args))
        if not places:
            return
        cell, number, sample = places.popleft()
        try:
            response = response_of(cell.wanted.requests[number], value, self._tokenizer)
        except CellError:
            return  # its cell fails when all answers are there
        cell.attempt.add(number, sample, _plain(response))

    def _find(self, kind: str, args: Sequence[Any]) -> tuple[str, ...]:
        """The name of the request of these arguments, () where there is none."""
        if not args or not isinstance(args[0], str):
            return ()
        context, rest = args[0], args[1] if len(args) > 1 else None
        spellings = self._spellings.get((kind, context), set())
        if kind != "generate_until":
            return _name(kind, context, rest, None)
        try:
            name = _name(kind, context, None, rest, image_hashes(args))
        except (TypeError, ValueError):
            name = ()
        # some models write into the arguments that they are given
        return name if name in spellings or len(spellings) != 1 else next(iter(spellings))


def _name(
    kind: str, context: str, continuation: Any, gen_kwargs: Any, images: Sequence[str] = ()
) -> tuple[str, ...]:
    spelled = "" if gen_kwargs is None else canonical(gen_kwargs)
    return (kind, context, spelled if continuation is None else str(continuation), *images)


def _plain(response: Response) -> dict[str, Any]:
    return {name: value for name, value in vars(response).items() if value is not None}
