"""Log-likelihoods from padded batches: the way of lm-eval's HFLM without its waste.

Requests whose model input is equal are read once, batches are of sequences of like length, bounded
in tokens, and the head runs on the columns that some row of the batch is scored on. Sequences are
padded on the right and nothing is masked: a causal model's rows do not see what follows, whatever
its layers are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from zoo.engine.memory import free_memory, is_out_of_memory
from zoo.engine.scorer import (
    Answer,
    Budget,
    OnDone,
    keeps_logits,
    log_probabilities,
    vocabulary_of,
)
from zoo.engine.trie import Integers, Pair, model_inputs
from zoo.errors import CellError


@dataclass
class Padded:
    """Scores requests in padded batches; the fields are those of `Packed`."""

    model: PreTrainedModel
    max_length: int
    device: torch.device
    budget: Budget

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair], on_done: OnDone | None = None) -> list[Answer]:
        """The answers, in the order of the pairs of token ids."""
        inputs, continuations = model_inputs(pairs, self.max_length)
        askers: dict[bytes, list[int]] = {}
        for number, sequence in enumerate(inputs):
            askers.setdefault(sequence.tobytes(), []).append(number)
        groups = sorted(askers.values(), key=lambda group: -len(inputs[group[0]]))
        answers: list[Answer] = [(0.0, False)] * len(pairs)
        for batch in self._batches(groups, inputs, continuations):
            for number, answer in self._in_memory(batch, inputs, continuations):
                answers[number] = answer
                if on_done is not None:
                    on_done(number, answer)
        return answers

    def _batches(
        self,
        groups: Sequence[list[int]],
        inputs: Sequence[Integers],
        continuations: Sequence[Integers],
    ) -> Iterator[list[list[int]]]:
        """Groups of equal input, longest first, as many as the budget holds."""
        vocabulary = vocabulary_of(self.model)
        keeps = keeps_logits(self.model)
        batch: list[list[int]] = []
        width = low = 0
        for group in groups:
            length = len(inputs[group[0]])
            first = length - max(len(continuations[number]) for number in group)
            if batch:
                columns = width - min(low, first) if keeps else width
                size = len(batch) + 1
                if size * width > self.budget.tokens or size * columns > self.budget.rows(
                    vocabulary
                ):
                    yield batch
                    batch = []
            if not batch:
                width, low = length, first
            low = min(low, first)
            batch.append(group)
        if batch:
            yield batch

    def _in_memory(
        self,
        batch: Sequence[list[int]],
        inputs: Sequence[Integers],
        continuations: Sequence[Integers],
    ) -> list[tuple[int, Answer]]:
        """The batch's answers; in halves where memory does not suffice for all of it."""
        try:
            return self._batch(batch, inputs, continuations)
        except (MemoryError, RuntimeError) as problem:
            if not is_out_of_memory(problem):
                raise
        if len(batch) == 1:
            raise CellError(
                f"a sequence of {len(inputs[batch[0][0]])} tokens does not fit into memory; "
                "use another device or a smaller dtype"
            )
        free_memory(self.device)
        half = len(batch) // 2
        return [
            answer
            for part in (batch[:half], batch[half:])
            for answer in self._in_memory(part, inputs, continuations)
        ]

    def _batch(
        self,
        batch: Sequence[list[int]],
        inputs: Sequence[Integers],
        continuations: Sequence[Integers],
    ) -> list[tuple[int, Answer]]:
        sequences = [inputs[group[0]] for group in batch]
        width = len(sequences[0])
        ids = np.zeros((len(batch), width), np.int64)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
        first = min(
            len(sequence) - max(len(continuations[number]) for number in group)
            for sequence, group in zip(sequences, batch, strict=True)
        )
        wanted = {"logits_to_keep": width - first} if keeps_logits(self.model) else {}
        logits = self.model(
            input_ids=torch.from_numpy(ids).to(self.device), use_cache=False, **wanted
        ).logits
        first = width - logits.shape[1]
        found = []
        for row, (sequence, group) in enumerate(zip(sequences, batch, strict=True)):
            for number in group:
                targets = continuations[number]
                stop = len(sequence) - first
                values, hits = log_probabilities(
                    logits[row], np.arange(stop - len(targets), stop), targets
                )
                found.append((number, (float(values.sum(dtype=np.float64)), bool(hits.all()))))
        return found
