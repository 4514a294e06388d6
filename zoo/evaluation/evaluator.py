"""Evaluates one model's specs: what the store has is read, what it lacks is asked and kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError, ZooError
from zoo.evaluation.environment import hardware, versions
from zoo.evaluation.preparing import Cell, Preparer
from zoo.evaluation.requests import Response, responses_from_columns, responses_to_columns
from zoo.hookspecs import Loader
from zoo.models import Model
from zoo.results import Item, Provenance, Result, RunSpec, Score
from zoo.store import RESPONSES, SCORES, Store
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
    dtype: str
    batch_size: int | str
    loader_args: Mapping[str, Any] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False
    on_event: OnEvent = lambda *_: None
    _asked: set[str] = field(default_factory=set)

    def prepare(self, spec: RunSpec) -> Cell | Result:
        """The spec's cell, or a failed result that says why it has none."""
        try:
            return self.preparer.prepare(spec)
        except ZooError as problem:
            return Result(spec, "failed", error=str(problem))

    def finished(self, cell: Cell) -> Result | None:
        """The result the store has for a cell, or None."""
        if self._stale(cell):
            return None
        if (found := self.store.get_or_set_aside(SCORES, cell.score_key)) is None:
            return None
        return result_of(cell.spec, found, reused=True)

    def evaluate(self, cells: Sequence[Cell]) -> Iterator[Result]:
        """Results of one model's cells, one by one. A cell that fails costs only itself."""
        lm: LM | None = None
        refusal: ModelError | None = None
        for cell in cells:
            self.on_event("cell", {"name": cell.spec.name, "requests": len(cell.requests)})
            started = time.monotonic()
            try:
                if (done := self.finished(cell)) is not None:  # the other protocol asked the same
                    yield done
                    continue
                responses = self._answered(cell)
                if responses is None:
                    if refusal is not None:
                        raise refusal
                    lm = lm or self._load(cell.spec.model)
                    responses = self._ask(lm, cell)
                yield self._score(cell, responses, lm, time.monotonic() - started)
            except ZooError as problem:
                # a model that cannot be loaded once is not tried again for each of its cells
                refusal = problem if isinstance(problem, ModelError) else refusal
                yield Result(cell.spec, "failed", error=str(problem))
            except Exception as problem:
                logger.debug("%s failed", cell.spec.name, exc_info=True)
                reason = (str(problem).strip().splitlines() or ["no message"])[0]
                yield Result(cell.spec, "failed", error=f"{type(problem).__name__}: {reason}")

    def _stale(self, cell: Cell) -> bool:
        """Whether what the store has is to be made again: `fresh`, and not yet asked this time."""
        return self.fresh and cell.response_key not in self._asked

    def _load(self, model: Model) -> LM:
        self.on_event("loading", {"model": model.id})
        return self.loader_of(model).load(
            model,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            **self.loader_args,
        )

    def _answered(self, cell: Cell) -> list[list[Response]] | None:
        """Raw answers the store has. Every other protocol, metric or filter may have left them."""
        if self._stale(cell):
            return None
        found = self.store.get_or_set_aside(RESPONSES, cell.response_key)
        return None if found is None else responses_from_columns(found[0])

    def _ask(self, lm: LM, cell: Cell) -> list[list[Response]]:
        from zoo.evaluation.answering import answer

        responses = answer(
            lm,
            cell.requests,
            repeats=cell.spec.benchmark.repeats,
            seed=cell.spec.seed,
            on_request=lambda n: self.on_event("requests", {"done": n}),
        )
        summary = {"requests": len(cell.requests), "identity": asdict(cell.checkpoint.identity)}
        if self.fresh:
            self.store.set_aside(RESPONSES, cell.response_key)
            self.store.set_aside(SCORES, cell.score_key)
        self._asked.add(cell.response_key)
        self.store.put(RESPONSES, cell.response_key, responses_to_columns(responses), summary)
        return responses

    def _score(
        self, cell: Cell, responses: Sequence[Sequence[Response]], lm: LM | None, seconds: float
    ) -> Result:
        from zoo.evaluation.scoring import score

        scored = score(
            cell.loaded,
            cell.spec.benchmark,
            cell.requests,
            responses,
            think_end_token=cell.spec.prompting.think_end_token,
            stops=cell.stops,
        )
        provenance = self._provenance(cell, lm, seconds)
        columns = {
            name: [getattr(item, name) for item in scored.items]
            for name in Item.__dataclass_fields__
        }
        summary = {"scores": plain(scored.scores), "provenance": plain(provenance)}
        self.store.put(SCORES, cell.score_key, columns, summary)
        return result_of(cell.spec, (columns, summary))

    def _provenance(self, cell: Cell, lm: LM | None, seconds: float) -> Provenance:
        loader = self.loader_of(cell.spec.model)
        return Provenance(
            response_key=cell.response_key,
            score_key=cell.score_key,
            weights=cell.checkpoint.identity.weights,
            tokenizer=cell.checkpoint.identity.tokenizer,
            chat_template=cell.checkpoint.identity.chat_template,
            loader=loader.name,
            engine=loader.numerics,
            dtype=self.dtype,
            device=self.device,
            batch_size=str(getattr(lm, "batch_size", self.batch_size)),
            hardware=hardware(self.device),
            seconds=round(seconds, 3),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=versions(),
            plugins=dict(self.plugins),
        )


def result_of(
    spec: RunSpec,
    found: tuple[Mapping[str, Sequence[Any]], Mapping[str, Any]],
    *,
    reused: bool = False,
) -> Result:
    """A stored cell as the result of a spec. The chance is the spec's to say, not the store's."""
    columns, summary = found
    names = tuple(Item.__dataclass_fields__)
    items = [Item(*row) for row in zip(*(columns[name] for name in names), strict=True)]
    if spec.benchmark.chance is not None:
        items = [replace(item, chance=spec.benchmark.chance) for item in items]
    return Result(
        spec,
        "scored",
        read(tuple[Score, ...], summary["scores"], "scores"),
        provenance=read(Provenance, summary["provenance"], "provenance"),
        items=tuple(items),
        reused=reused,
    )
