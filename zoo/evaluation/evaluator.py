"""Evaluates one model's specs: what the store has is read, what it lacks is asked and kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError, StoreError, ZooError
from zoo.evaluation.environment import hardware, versions
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
        lm: LM | None = None
        refusal: ModelError | None = None
        for cell in cells:
            self.on_event("cell", {"name": cell.spec.name, "requests": cell.size})
            try:
                if (done := self.finished(cell)) is not None:  # the other protocol asked the same
                    yield done
                    continue
                responses = self._kept(RESPONSES, cell.response_key)
                if responses is None:
                    if refusal is not None:
                        raise refusal
                    lm = lm or self._load(cell)
                    responses = self._ask(lm, cell)
                yield self._score(cell, responses)
            except StoreError:
                raise
            except ZooError as problem:
                # a model that cannot be loaded once is not tried again for each of its cells
                refusal = problem if isinstance(problem, ModelError) else refusal
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

    def _ask(self, lm: LM, cell: Cell) -> Stored:
        from zoo.evaluation.answering import Ticker, answer

        started = time.monotonic()
        responses = answer(
            lm,
            cell.requests,
            repeats=cell.loaded.repeats,
            seed=cell.spec.seed,
            hook=Ticker(lambda n: self.on_event("requests", {"done": n})),
        )
        provenance = self._provenance(cell, lm, time.monotonic() - started)
        summary = {"requests": len(cell.requests), "provenance": plain(provenance)}
        columns = responses_to_columns(responses)
        return self._keep(RESPONSES, cell.response_key, columns, summary)

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
        """Of answers that were given just now; seconds: how long they took, without loading."""
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
            seconds=round(seconds, 3),
            finished=_now(),
            versions=versions(),
            plugins=dict(self.plugins),
        )


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
