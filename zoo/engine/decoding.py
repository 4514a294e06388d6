"""Generation: what prompts share is read once, finished rows leave the batch.

`generate` takes token ids and gives texts. A model whose attention goes through transformers'
interface, and that passes a short comparison with itself, decodes over a `PrefixCache`; any other
through its own `generate`, by `stock`. Both stop, draw and cut alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.engine.batches import Batch, plan_batches
from zoo.engine.memory import free_memory, is_out_of_memory
from zoo.engine.prefix import PrefixReader
from zoo.engine.sampling import Sampling, choose, uniforms
from zoo.engine.stock import decode_stock
from zoo.engine.stops import StopWatch
from zoo.errors import CellError

BATCH_ROWS = 64


@dataclass(frozen=True)
class Generated:
    """One answer. text: cut at the stops, without special tokens. n_tokens: that the model made,
    those of a stop among them, EOS not. truncated: the cap ended it, no stop and no EOS. Both are
    None where another than we wrote it."""

    text: str
    n_tokens: int | None = None
    truncated: bool | None = None


OnDone = Callable[[int, list[Generated]], None]
"""Told of each prompt, by its place, once all its samples are there."""


def generate(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    tokenizer: Any,
    max_new_tokens: int,
    stops: Sequence[str] = (),
    eos_ids: Sequence[int] = (),
    sampling: Sampling | None = None,
    seeds: Sequence[int] | None = None,
    repeats: int = 1,
    batch_rows: int = BATCH_ROWS,
    on_done: OnDone | None = None,
    shares_prefix: bool = True,
) -> list[list[Generated]]:
    """For each prompt its `repeats` answers, in order.

    model: a causal LM of transformers. prompts: token ids, none empty, short enough for the
    model to hold max_new_tokens more. stops: strings that end an answer and are cut off; lm-eval
    names the EOS token's text among them. eos_ids: tokens that end it. sampling: None is greedy.
    seeds: of the items, >= 0 (their places where not given); sample k of an item draws from a
    stream of (seed, k), whatever else is in its batch. batch_rows: answers decoded at once,
    halved while memory does not suffice. shares_prefix: False takes the model's own `generate`.

    Raises CellError where a single row does not fit into memory.
    """
    if not prompts:
        return []
    if any(len(prompt) == 0 for prompt in prompts):
        raise CellError("a prompt without tokens cannot be continued; begin it with BOS")
    # greedy answers to one prompt are all the same
    drawn_repeats = 1 if sampling is None else repeats
    job = _Job(
        prompts=prompts,
        watch=StopWatch(tokenizer, stops),
        most=max_new_tokens,
        eos=frozenset(eos_ids),
        sampling=sampling,
        seeds=range(len(prompts)) if seeds is None else seeds,
    )
    decode = _shared(model, job) if shares_prefix else decode_stock(model, tokenizer, job)
    samples: list[dict[int, Generated]] = [{} for _ in prompts]
    answers: dict[int, list[Generated]] = {}
    waiting = plan_batches(prompts, drawn_repeats, batch_rows)[::-1]
    while waiting:
        batch = waiting.pop()
        try:
            rows = decode(batch)
        except (MemoryError, RuntimeError) as problem:
            if not is_out_of_memory(problem):
                raise
            if len(batch.rows) == 1:
                raise CellError(
                    f"a prompt of {len(prompts[batch.rows[0][0]])} tokens and {max_new_tokens} "
                    "more do not fit into memory; lower max_gen_toks or use a smaller model"
                ) from None
            waiting += batch.halves(prompts)[::-1]
            rows = None
        if rows is None:
            free_memory(model.device)
            continue
        for (item, sample), ids in zip(batch.rows, rows, strict=True):
            samples[item][sample] = job.answer(ids)
            if len(samples[item]) == drawn_repeats:
                whole = [samples[item][each] for each in range(drawn_repeats)]
                answers[item] = whole * (repeats // drawn_repeats)
                if on_done is not None:
                    on_done(item, list(answers[item]))
    return [answers[item] for item in range(len(prompts))]


@dataclass(frozen=True)
class _Job:
    """What all batches of one call have in common."""

    prompts: Sequence[Sequence[int]]
    watch: StopWatch
    most: int
    eos: frozenset[int]
    sampling: Sampling | None
    seeds: Sequence[int]

    def drawn(self, batch: Batch, device: torch.device) -> Tensor | None:
        """The numbers each row draws with, [rows, max_new_tokens]; None for greedy."""
        if self.sampling is None:
            return None
        streams = [(self.seeds[item], sample) for item, sample in batch.rows]
        return torch.from_numpy(uniforms(streams, self.most)).to(device)

    def ended(self, rows: Sequence[Sequence[int]]) -> list[bool]:
        """Whether each row, which just got a token, is done."""
        said = self.watch.just_said(rows)
        return [
            stop or row[-1] in self.eos or len(row) >= self.most
            for stop, row in zip(said, rows, strict=True)
        ]

    def answer(self, ids: Sequence[int]) -> Generated:
        """The answer that a finished row's tokens make."""
        by_eos = bool(ids) and ids[-1] in self.eos
        truncated = not by_eos and len(ids) >= self.most and not self.watch.said([ids])[0]
        return Generated(self.watch.text(ids), len(ids) - by_eos, truncated)


def _shared(model: Any, job: _Job) -> Callable[[Batch], list[list[int]]]:
    """How a batch is decoded over what its rows share: (batch) -> each row's new tokens."""
    reader = PrefixReader(model)

    def decode(batch: Batch) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in batch.rows]
        alive = list(range(len(found)))
        drawn = job.drawn(batch, model.device)
        prompts = [job.prompts[item] for item, _ in batch.rows]
        with torch.inference_mode(), reader.read(prompts, batch.shared, job.most) as rows:
            for step in range(job.most):
                now = None if drawn is None else drawn[alive, step]
                picked = choose(rows.logits(), job.sampling, now)
                for row, token in zip(alive, picked.tolist(), strict=True):
                    found[row].append(token)
                ended = job.ended([found[row] for row in alive])
                if all(ended):
                    break
                kept = rows.append(picked, ended)
                alive = [alive[place] for place in kept]
        return found

    return decode
