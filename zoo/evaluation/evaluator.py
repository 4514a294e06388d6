"""Evaluates one model's specs: what the store has is read, what it lacks is asked and kept."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zoo.errors import CellError, ModelError, StoreError, ZooError
from zoo.evaluation.answering import Answers, answer, first_tokens, in_smaller_batches
from zoo.evaluation.environment import hardware, raise_if_device_failed, versions
from zoo.evaluation.journalling import AnswerHook, OpenCell, rounds
from zoo.evaluation.loading import OnDemand, Sessions
from zoo.evaluation.marking import marked
from zoo.evaluation.metering import metered, tokens_in
from zoo.evaluation.outcomes import result_of, unscored
from zoo.evaluation.pooling import POOL, pools
from zoo.evaluation.preparing import Cell, LoaderOf, Preparer
from zoo.evaluation.requests import (
    CellRequests,
    responses_from_columns,
    responses_to_columns,
)
from zoo.probing import describe
from zoo.results import Item, Provenance, Result, RunSpec
from zoo.store import RESPONSES, SCORES, Store, Stored, Unkept
from zoo.structuring import plain, read

if TYPE_CHECKING:
    from lm_eval.api.model import LM

logger = logging.getLogger("zoo")

OnEvent = Callable[[str, Mapping[str, Any]], None]
"""Told what happens, each with its `model`: ("loading", {}), ("cell", {name, requests}),
("requests", {done}), ("waiting", {name}) where another process is at work on cells."""


@dataclass
class Evaluator:
    """Runs specs of one model after another on one device.

    plugins: version by name of the plugins that take part, for provenance.
    fresh: answers are asked again even where the store has them. asks: whether a model may be
    asked at all; otherwise a cell without stored answers fails and says so. counts: whether the
    tokens of prompts are counted.
    """

    store: Store
    preparer: Preparer
    loader_of: LoaderOf
    device: str
    batch_size: int | str
    plugins: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    asks: bool = True
    counts: bool = False
    on_event: OnEvent = lambda *_: None
    _made: set[str] = field(default_factory=set)
    _sessions: Sessions = field(default_factory=Sessions)

    def close(self) -> None:
        """Lets go of what loaders keep between models; the evaluator can still be used."""
        self._sessions.close()

    def prepare(self, spec: RunSpec) -> Cell | Result:
        """The spec's cell, or a result without scores that says why it has none."""
        try:
            return self.preparer.prepare(spec)
        except ZooError as problem:
            return unscored(spec, problem)
        except Exception as problem:
            logger.debug("%s cannot be prepared", spec.name, exc_info=True)
            return unscored(spec, problem)

    def finished(self, cell: Cell) -> Result | None:
        """The result the store has for a cell, or None."""
        found = self._kept(SCORES, cell.score_key)
        return None if found is None else result_of(cell.spec, found, reused=True)

    def evaluate(self, cells: Sequence[Cell], *, together: bool = True) -> Iterator[Result]:
        """Results of one model's cells, one by one. A cell that fails costs only itself.

        together: whether cells may be asked in one call, where their loader is best asked so.
        Raises StoreError where results cannot be kept: to go on would be to infer for nothing; and
        DeviceError where nothing more can be computed in this process.
        """
        model = OnDemand(self.load)
        together = together and bool(cells) and self.loader_of(cells[0].spec.model).pools
        for pool in pools(cells, POOL if together else 0):
            answers = self._answers(model, pool)
            for cell in pool:
                yield self._result(cell, answers.get(cell.response_key))

    def _answers(self, model: OnDemand, pool: Sequence[Cell]) -> dict[str, Stored | Exception]:
        """Answers, or the failure, by response key: from the store, else asked and kept.

        What another process is at work on is waited for.
        """
        lacking = {cell.response_key: cell for cell in pool if self.finished(cell) is None}
        found: dict[str, Stored | Exception] = {}

        def is_finished(key: str) -> bool:
            if key not in found and (kept := self._kept(RESPONSES, key)) is not None:
                found[key] = kept
            return key in found

        asked = [cell.wanted for key, cell in lacking.items() if not is_finished(key)]
        if not self.asks:
            nothing = CellError("the store has no answers for it; `zoo run` asks the model")
            return found | {each.key: nothing for each in asked}
        turns = rounds(
            self.store,
            asked,
            is_finished,
            fresh=self.fresh,
            on_wait=lambda held: self._tell_waiting([lacking[each.key] for each in held]),
        )
        with closing(turns):
            for mine in turns:
                found |= self._bring_to_end(model, [(lacking[each.key], each) for each in mine])
        return found

    def _tell_waiting(self, cells: Sequence[Cell]) -> None:
        first, more = cells[0].spec, len(cells) - 1
        named = f"{first.name} and {more} more" if more else first.name
        self.on_event("waiting", {"model": first.model.id, "name": named})

    def _bring_to_end(
        self, model: OnDemand, cells: Sequence[tuple[Cell, OpenCell]]
    ) -> dict[str, Stored | Exception]:
        """Asks what is left of cells and keeps their answers; for a cell that fails the reason."""
        found: dict[str, Stored | Exception] = {}
        open_cells = []
        for cell, mine in cells:
            if mine.is_complete:  # ended between its last answer and its finishing
                provenance = read(Provenance, mine.attempt.known.abouts[-1], "provenance")
                found |= self._keep(RESPONSES, [_finished(mine, [], provenance)])
            else:
                open_cells.append((cell, mine))
        if not open_cells:
            return found
        try:
            lm = model.loaded(open_cells[0][0])
        except Exception as problem:
            raise_if_device_failed(problem)
            return found | {mine.key: problem for _, mine in open_cells}
        together = []
        for cell, mine in open_cells:
            rest = mine.rest(lm)
            if mine.journalled:
                together.append((cell, mine, rest))
            else:  # drawn for a whole batch at once: nothing else may be in it
                found |= self._ask(lm, [(cell, mine, rest)])
        return found | self._ask(lm, together)

    def _result(self, cell: Cell, answers: Stored | Exception | None) -> Result:
        """A cell's result from its answers, or from the failure that left it without.

        answers: None where the store had the result.
        """
        try:
            if (done := self.finished(cell)) is not None:  # the other protocol asked the same
                return done
            if isinstance(answers, Exception):
                raise answers
            assert answers is not None, "a cell without a result has been asked"
            return self._score(cell, answers)
        except StoreError:
            raise
        except ZooError as problem:
            return unscored(cell.spec, problem)
        except Exception as problem:
            logger.debug("%s failed", cell.spec.name, exc_info=problem)
            return unscored(cell.spec, problem)

    def _kept(self, kind: str, key: str) -> Stored | None:
        """What the store has under a key; with `fresh`, only what was made this time."""
        if self.fresh and key not in self._made:
            return None
        return self.store.get_or_set_aside(kind, key)

    def _keep(self, kind: str, cells: Sequence[Unkept]) -> dict[str, Stored]:
        """Puts cells into the store; returns what stands there now, by key."""
        for key, _, _ in cells:
            if self.fresh:
                self.store.set_aside(kind, key)
            self._made.add(key)
        return self.store.put_all(kind, cells)

    def load(self, cell: Cell) -> LM:
        """A cell's model, loaded. Raises ModelError where it cannot be."""
        model = cell.model
        self.on_event("loading", {"model": model.id})
        loader = self.loader_of(model)
        spread = loader.spread if model.gpus > 1 and self.device.startswith("cuda") else {}
        try:
            return self._sessions.load_of(loader)(
                model, device=self.device, dtype=cell.dtype, batch_size=self.batch_size, **spread
            )
        except ZooError:
            raise
        except Exception as problem:
            raise ModelError(f"{model.id} cannot be loaded: {describe(problem)}") from problem

    def _ask(
        self, lm: LM, cells: Sequence[tuple[Cell, OpenCell, CellRequests]]
    ) -> dict[str, Stored | Exception]:
        """Asks the rest of each cell, all together, and one by one where that fails: a sick one
        fails alone."""
        if not cells:
            return {}
        size = sum(cell.size for cell, _, _ in cells)
        first = cells[0][0]
        named = first.spec.name if len(cells) == 1 else f"{first.model.id} · all"
        whose = {"model": first.model.id}
        self.on_event("cell", {**whose, "name": named, "requests": size})

        def tell(done: int) -> None:
            self.on_event("requests", {**whose, "done": done})

        mine = [each for _, each, _ in cells]
        for cell, each, rest in cells:
            if each.journalled:
                each.attempt.say(plain(self._provenance(cell, lm)))
            if taken_up := cell.size - rest.size:
                self.on_event("requests", {**whose, "done": taken_up, "kept": True})
        started = time.monotonic()
        answered: Mapping[str, Answers | CellError] | None = None
        try:
            with metered(self.device) as meter:
                answered = answer(
                    lm,
                    [rest for _, _, rest in cells],
                    seed=first.spec.seed,
                    hook=AnswerHook(mine, lm, tell),
                )
        except StoreError:
            raise
        except Exception as problem:
            raise_if_device_failed(problem)
            if not in_smaller_batches(lm, problem):
                if len(cells) == 1:
                    return {first.response_key: problem}
                logger.info("cells are asked one by one, since together: %s", describe(problem))
                alone = [self._ask(lm, [each]) for each in cells]
                return {key: found for each in alone for key, found in each.items()}
        if answered is None:  # here, where nothing holds what the failed call held
            gc.collect()
            return self._ask(lm, cells)
        asked = sum(rest.size for _, _, rest in cells)
        per_request = (time.monotonic() - started) / asked
        found: dict[str, Stored | Exception] = {}
        finished = []
        for cell, each, rest in cells:
            answers = answered[each.key]
            if isinstance(answers, CellError):
                found[each.key] = answers
                continue
            # of a cell that was taken up, what the earlier attempts took is not known
            provenance = replace(
                self._provenance(cell, lm),
                seconds=None if each.known else round(per_request * rest.size, 3),
                kwh=None if each.known or meter.kwh is None else meter.kwh * rest.size / asked,
                peak_memory_bytes=meter.peak_memory_bytes,
                tokens_in=tokens_in(lm, cell.requests) if self.counts else None,
                finished=_now(),
            )
            finished.append(_finished(each, answers, provenance))
        return found | self._keep(RESPONSES, finished)

    def _score(self, cell: Cell, responses: Stored) -> Result:
        """Scores answers, given now or long ago: device, versions and time stay those of asking."""
        items, scores = marked(cell, responses_from_columns(responses[0]))
        provenance = replace(
            read(Provenance, responses[1]["provenance"], "provenance"),
            response_key=cell.response_key,
            score_key=cell.score_key,
            finished=_now(),
            plugins=dict(self.plugins),
        )
        columns = {
            name: [getattr(item, name) for item in items] for name in Item.__dataclass_fields__
        }
        summary = {"scores": plain(scores), "provenance": plain(provenance)}
        kept = self._keep(SCORES, [(cell.score_key, columns, summary)])
        return result_of(cell.spec, kept[cell.score_key])

    def _provenance(self, cell: Cell, lm: LM) -> Provenance:
        """Of answers that this model is about to give."""
        loader = self.loader_of(cell.spec.model)
        device = self.device if loader.identity is None else ""  # elsewhere, and not known
        return Provenance(
            response_key=cell.response_key,
            weights=cell.checkpoint.identity.weights,
            tokenizer=cell.checkpoint.identity.tokenizer,
            chat_template=cell.checkpoint.identity.chat_template,
            loader=loader.name,
            engine=loader.numerics,
            dtype=cell.dtype,
            device=device,
            batch_size=str(getattr(lm, "batch_size", self.batch_size)),
            hardware=hardware(device) if device else "",
            first_tokens=first_tokens(lm, cell.requests[0]),
            scoring=str(getattr(lm, "scoring", "")),
            end=str(getattr(getattr(lm, "tokenizer", None), "eos_token", None) or ""),
            versions=versions(),
            plugins=dict(self.plugins),
        )


def _finished(mine: OpenCell, answers: Answers, provenance: Provenance) -> Unkept:
    """A cell's answers as they are to be kept, those that earlier attempts had left among them."""
    columns = responses_to_columns(mine.complete(answers))
    summary = {"requests": len(mine.wanted.requests), "provenance": plain(provenance)}
    return mine.key, columns, {**summary, **mine.account()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
