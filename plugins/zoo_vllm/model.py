"""lm-eval's vLLM backend with `zoo_vllm.grouping`. Importing this imports vLLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.models.vllm_causallms import VLLM
from vllm import SamplingParams

from zoo_vllm.grouping import Answer, Question, answers, questions

GROUPS = hasattr(SamplingParams, "logprob_token_ids")
"""Whether this vLLM tells the log-probabilities of tokens that are named."""

Pair = tuple[Any, list[int], list[int]]
"""What lm-eval asks: (context and continuation as texts, or None for a window), both as ids."""


class ReadsOnce(VLLM):
    """A question with choices of one token is read once; all else is lm-eval's own way."""

    @property
    def scoring(self) -> str:
        """For provenance."""
        if GROUPS:
            return "vllm: choices of one token grouped, the prefix cache read for them"
        return "vllm: lm-eval's own way, since this vLLM tells no log-probabilities of named tokens"

    def _loglikelihood_tokens(
        self, requests: list[Pair], disable_tqdm: bool = False
    ) -> list[Answer]:
        if not GROUPS:
            return list(super()._loglikelihood_tokens(requests, disable_tqdm=True))
        pairs = [(context, continuation) for _, context, continuation in requests]
        asked, rest = questions(pairs, self.max_length - 1)  # lm-eval leaves room for one to write
        found: dict[int, Answer] = {}
        size = max(1, len(asked)) if self.batch_size == "auto" else int(self.batch_size)
        for start in range(0, len(asked), size):
            for place, answer in self._answered(asked[start : start + size]):
                found[place] = answer
                if (texts := requests[place][0]) is not None:  # a window of a longer text has none
                    self.cache_hook.add_partial("loglikelihood", texts, answer)
        if rest:
            others = [requests[place] for place in rest]
            found |= zip(rest, super()._loglikelihood_tokens(others, disable_tqdm), strict=True)
        return [found[place] for place in range(len(requests))]

    def _answered(self, asked: Sequence[Question]) -> list[tuple[int, Answer]]:
        params = [
            SamplingParams(
                temperature=0, max_tokens=1, logprob_token_ids=list(each.places), detokenize=False
            )
            for each in asked
        ]
        prompts = [list(each.prompt) for each in asked]
        outputs = self._model_generate(prompts, generate=True, sampling_params=params)
        found: list[tuple[int, Answer]] = []
        for question, output in zip(asked, outputs, strict=True):
            (written,) = output.outputs
            found += answers(question, written.token_ids[0], written.logprobs[0]).items()
        return found
