"""Evaluates one model's specs: what the store has is read, what it lacks is asked and kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zoo.errors import CellError, ModelError, StoreError, ZooError
from zoo.evaluation.answering import Asked, answer
from zoo.evaluation.environment import hardware, raise_if_device_failed, versions
from zoo.evaluation.loading import OnDemand, Sessions
from zoo.evaluation.preparing import Cell, Preparer
from zoo.evaluation.requests import responses_from_columns, responses_to_columns
from zoo.hookspecs import Loader
from zoo.models import Model
from zoo.probing import describe
from zoo.results import Item, Provenance, Result, RunSpec, Score
from zoo.store import RESPONSES, SCORES, Store, Stored
from zoo.structuring import plain, read

if TYPE_CHECKING:
    from lm_eval.api.model import LM

logger = logging.getLogger("zoo")

POOL = 65_536
"""Most requests asked in one call: what they hold in memory is their tokens, some bytes each."""

OnEvent = Callable[[str, Mapping[str, Any]], None]
"""Told what happens: ("loading", {model}), ("cell", {name, requests}), ("requests", {done})."""


@dataclass
class Evaluator:
    """Runs specs of one model after another on one device.

    plugins: version by name of the plugins that take part, for provenance.
    fresh: answers are asked again even where the store has them.
    """

    store: Store
    preparer: Preparer
    loader_of: Callable[[Model], Loader]
    device: str
    batch_size: int | str
    plugins: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    on_event: OnEvent = lambda *_: None
    _made: set[str] = field(default_factory=set)
    _sessions: Sessions = field(default_factory=Sessions)

    def close(self) -> None:
        """Lets go of what loaders keep between models; the evaluator can still be used."""
        self._sessions.close()

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

    def evaluate(self, cells: Sequence[Cell], *, together: bool = True) -> Iterator[Result]:
        """Results of one model's cells, one by one. A cell that fails costs only itself.

        together: whether cells may be asked in one call, where their loader is best asked so.
        Raises StoreError where results cannot be kept: to go on would be to infer for nothing; and
        DeviceError where nothing more can be computed in this process.
        """
        model = OnDemand(self._load)
        together = together and bool(cells) and self.loader_of(cells[0].spec.model).pools
        for pool in pools(cells, POOL if together else 0):
            answers = self._answers(model, pool)
            for cell in pool:
                yield self._result(cell, answers.get(cell.response_key))

    def _answers(self, model: OnDemand, pool: Sequence[Cell]) -> dict[str, Stored | Exception]:
        """Answers, or the failure, by response key: from the store, else asked and kept."""
        wanted = {cell.response_key: cell for cell in pool if self.finished(cell) is None}
        found: dict[str, Stored | Exception] = {}
        for key in wanted:
            if (kept := self._kept(RESPONSES, key)) is not None:
                found[key] = kept
        lacking = [cell for key, cell in wanted.items() if key not in found]
        if not lacking:
            return found
        try:
            lm = model.loaded(lacking[0])
        except Exception as problem:
            raise_if_device_failed(problem)
            return found | {cell.response_key: problem for cell in lacking}
        return found | self._ask(lm, lacking)

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
            return Result(cell.spec, "failed", error=str(problem))
        except Exception as problem:
            logger.debug("%s failed", cell.spec.name, exc_info=problem)
            return Result(cell.spec, "failed", error=describe(problem))

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

    def _ask(self, lm: LM, cells: Sequence[Cell]) -> dict[str, Stored | Exception]:
        """Answers by response key, kept; for a cell that fails the reason.

        The cells are asked together, and one by one where that fails: the sick one fails alone.
        """
        named = cells[0].spec.name if len(cells) == 1 else f"{cells[0].model.id} · all"
        self.on_event("cell", {"name": named, "requests": sum(cell.size for cell in cells)})
        started = time.monotonic()
        try:
            answered = answer(
                lm,
                [Asked(cell.response_key, cell.requests, cell.loaded.repeats) for cell in cells],
                seed=cells[0].spec.seed,
                on_request=lambda n: self.on_event("requests", {"done": n}),
            )
        except Exception as problem:
            raise_if_device_failed(problem)
            if len(cells) == 1:
                return {cells[0].response_key: problem}
            logger.info("cells are asked one by one, since together: %s", describe(problem))
            return {key: found for cell in cells for key, found in self._ask(lm, [cell]).items()}
        per_request = (time.monotonic() - started) / sum(cell.size for cell in cells)
        found: dict[str, Stored | Exception] = {}
        for cell in cells:
            responses = answered[cell.response_key]
            if isinstance(responses, CellError):
                found[cell.response_key] = responses
                continue
            provenance = self._provenance(cell, lm, per_request * cell.size)
            summary = {"requests": len(cell.requests), "provenance": plain(provenance)}
            columns = responses_to_columns(responses)
            found[cell.response_key] = self._keep(RESPONSES, cell.response_key, columns, summary)
        return found

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

    def _provenance(self, cell: Cell, lm: LM, seconds: float) -> Provenance:
        """Of answers that were given just now.

        seconds: how long they took, without loading: of cells that were asked together, the share
            of their requests.
        """
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
            scoring=str(getattr(lm, "choice", "")),
            seconds=round(seconds, 3),
            finished=_now(),
            versions=versions(),
            plugins=dict(self.plugins),
        )


def pools(cells: Sequence[Cell], most: int) -> Iterator[list[Cell]]:
    """The cells in order, together as long as they and their seeds allow: at most so many requests,
    or a single cell."""
    pool: list[Cell] = []
    for cell in cells:
        size = sum(each.size for each in pool) + cell.size
        if pool and (size > most or cell.spec.seed != pool[0].spec.seed):
            yield pool
            pool = []
        pool.append(cell)
    if pool:
        yield pool


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
