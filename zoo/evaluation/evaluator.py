"""Evaluates one model's specs: what the store has is read, what it lacks is asked and kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zoo.errors import CellError, ModelError, StoreError, ZooError
from zoo.evaluation.environment import hardware, versions
from zoo.evaluation.preparing import Cell, Preparer
from zoo.evaluation.requests import Response, responses_from_columns, responses_to_columns
from zoo.hookspecs import Loader
from zoo.models import Model
from zoo.probing import describe
from zoo.results import Item, Provenance, Result, RunSpec, Score
from zoo.store import RESPONSES, SCORES, Store, Stored
from zoo.structuring import plain, read

if TYPE_CHECKING:
    from lm_eval.api.model import LM

    from zoo.evaluation.journalling import OpenCell

logger = logging.getLogger("zoo")

OnEvent = Callable[[str, Mapping[str, Any]], None]
"""Told what happens: ("loading", {model}), ("cell", {name, requests}), ("requests", {done}),
("waiting", {name}) where another process is at work on a cell."""


@dataclass
class Evaluator:
    """Runs specs of one model after another on one device.

    plugins: version by name of the plugins that take part, for provenance.
    fresh: answers are asked again even where the store has them. asks: whether a model may be
    asked at all; otherwise a cell without stored answers fails and says so.
    """

    store: Store
    preparer: Preparer
    loader_of: Callable[[Model], Loader]
    device: str
    batch_size: int | str
    plugins: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    asks: bool = True
    on_event: OnEvent = lambda *_: None
    _made: set[str] = field(default_factory=set)

    def prepare(self, spec: RunSpec) -> Cell | Result:
        """The spec's cell, or a failed result that says why it has none."""
        try:
            return self.preparer.prepare(spec)
        except ZooError as problem:
            return Result(spec, "failed", error=str(problem))
        except Exception as problem:
            logger.debug("%s cannot be prepared", spec.name, exc_info=True)
            return Result(spec, "failed", error=describe(problem))

    def finished(self, cell: Cell) -> Result | None:
        """The result the store has for a cell, or None."""
        found = self._kept(SCORES, cell.score_key)
        return None if found is None else result_of(cell.spec, found, reused=True)

    def evaluate(self, cells: Sequence[Cell]) -> Iterator[Result]:
        """Results of one model's cells, one by one. A cell that fails costs only itself.

        Raises StoreError where results cannot be kept: to go on would be to infer for nothing.
        """
        model = _OnDemand(self._load)
        for cell in cells:
            self.on_event("cell", {"name": cell.spec.name, "requests": cell.size})
            try:
                if (done := self.finished(cell)) is not None:  # the other protocol asked the same
                    yield done
                    continue
                yield self._score(cell, self._responses(cell, model))
            except StoreError:
                raise
            except ZooError as problem:
                yield Result(cell.spec, "failed", error=str(problem))
            except Exception as problem:
                logger.debug("%s failed", cell.spec.name, exc_info=True)
                yield Result(cell.spec, "failed", error=describe(problem))

    def _kept(self, kind: str, key: str) -> Stored | None:
        """What the store has under a key; with `fresh`, only what was made this time."""
        if self.fresh and key not in self._made:
            return None
        return self.store.get_or_set_aside(kind, key)

    def _keep(
        self, kind: str, key: str, columns: Mapping[str, Sequence[Any]], summary: Mapping[str, Any]
    ) -> Stored:
        """Puts a cell into the store; returns what stands there now."""
        if self.fresh:
            self.store.set_aside(kind, key)
        self._made.add(key)
        return self.store.put(kind, key, columns, summary)

    def _load(self, cell: Cell) -> LM:
        model = cell.model
        self.on_event("loading", {"model": model.id})
        try:
            return self.loader_of(model).load(
                model, device=self.device, dtype=cell.dtype, batch_size=self.batch_size
            )
        except ZooError:
            raise
        except Exception as problem:
            raise ModelError(f"{model.id} cannot be loaded: {describe(problem)}") from problem

    def _responses(self, cell: Cell, model: _OnDemand) -> Stored:
        """A cell's answers: those kept, those another process is about to keep, or new ones."""
        from zoo.evaluation.journalling import Questions, rounds

        def is_finished(key: str) -> bool:
            return self._kept(RESPONSES, key) is not None

        asked = [Questions(cell.response_key, cell.requests, cell.loaded.repeats)]
        while (found := self._kept(RESPONSES, cell.response_key)) is None:
            if not self.asks:
                raise CellError("the store has no answers for it; `zoo run` asks the model")
            turns = rounds(
                self.store,
                asked,
                is_finished,
                fresh=self.fresh,
                on_wait=lambda _: self.on_event("waiting", {"name": cell.spec.name}),
            )
            with closing(turns):
                for (mine,) in turns:
                    return self._ask(model, cell, mine)
        return found

    def _ask(self, model: _OnDemand, cell: Cell, mine: OpenCell) -> Stored:
        """Asks what is left of a cell and finishes it."""
        from zoo.evaluation.answering import answer
        from zoo.evaluation.journalling import AnswerHook

        def tell(done: int) -> None:
            self.on_event("requests", {"done": done})

        given: dict[int, list[Response]] = {}
        if mine.is_complete:  # ended between its last answer and its finishing
            provenance = read(Provenance, mine.attempt.known.abouts[-1], "provenance")
        else:
            lm = model(cell)
            started = time.monotonic()
            hook = AnswerHook([mine], lm, tell)
            left = mine.left(lm)
            provenance = self._provenance(cell, lm)
            if mine.journalled:
                mine.attempt.say(plain(provenance))
            if mine.known:
                tell(len(mine.known) * cell.loaded.repeats)
            requests = [cell.requests[number] for number in left]
            answers = answer(
                lm, requests, repeats=cell.loaded.repeats, seed=cell.spec.seed, hook=hook
            )
            given = dict(zip(left, answers, strict=True))
            seconds = None if mine.known else round(time.monotonic() - started, 3)
            provenance = replace(provenance, seconds=seconds, finished=_now())
        columns = responses_to_columns(mine.complete(given))
        summary = {"requests": len(cell.requests), "provenance": plain(provenance)}
        return self._keep(RESPONSES, cell.response_key, columns, {**summary, **mine.account()})

    def _score(self, cell: Cell, responses: Stored) -> Result:
        """Scores answers, given now or long ago: device, versions and time stay those of asking."""
        from zoo.evaluation.scoring import score

        scored = score(
            cell.loaded,
            cell.spec.benchmark,
            cell.requests,
            responses_from_columns(responses[0]),
            think_end_token=cell.spec.prompting.think_end_token,
            stops=cell.stops,
        )
        provenance = replace(
            read(Provenance, responses[1]["provenance"], "provenance"),
            response_key=cell.response_key,
            score_key=cell.score_key,
            finished=_now(),
            plugins=dict(self.plugins),
        )
        columns = {
            name: [getattr(item, name) for item in scored.items]
            for name in Item.__dataclass_fields__
        }
        summary = {"scores": plain(scored.scores), "provenance": plain(provenance)}
        return result_of(cell.spec, self._keep(SCORES, cell.score_key, columns, summary))

    def _provenance(self, cell: Cell, lm: LM) -> Provenance:
        """Of answers that this model is about to give."""
        loader = self.loader_of(cell.spec.model)
        return Provenance(
            response_key=cell.response_key,
            weights=cell.checkpoint.identity.weights,
            tokenizer=cell.checkpoint.identity.tokenizer,
            chat_template=cell.checkpoint.identity.chat_template,
            loader=loader.name,
            engine=loader.numerics,
            dtype=cell.dtype,
            device=self.device,
            batch_size=str(getattr(lm, "batch_size", self.batch_size)),
            hardware=hardware(self.device),
            versions=versions(),
            plugins=dict(self.plugins),
        )


@dataclass
class _OnDemand:
    """The cells' model, loaded when the first of them needs it. One that cannot be loaded once is
    not tried again for each of its cells."""

    load: Callable[[Cell], LM]
    _lm: LM | None = None
    _refusal: ModelError | None = None

    def __call__(self, cell: Cell) -> LM:
        if self._refusal is not None:
            raise self._refusal
        if self._lm is None:
            try:
                self._lm = self.load(cell)
            except ModelError as problem:
                self._refusal = problem
                raise
        return self._lm


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def result_of(spec: RunSpec, found: Stored, *, reused: bool = False) -> Result:
    """A stored cell as the result of a spec. The chance is the spec's to say, not the store's."""
    columns, summary = found
    names = tuple(Item.__dataclass_fields__)
    if (chance := spec.benchmark.chance) is not None:
        columns = {**columns, "chance": [chance] * len(columns["chance"])}
    items = [Item(*row) for row in zip(*(columns[name] for name in names), strict=True)]
    return Result(
        spec,
        "scored",
        read(tuple[Score, ...], summary["scores"], "scores"),
        provenance=read(Provenance, summary["provenance"], "provenance"),
        items=tuple(items),
        reused=reused,
    )
