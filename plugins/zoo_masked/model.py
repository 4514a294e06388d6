"""A masked language model as an lm-eval LM: texts with gaps are asked in batches, each once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.api.model import LM

from zoo.errors import CellError, ConfigError, NotApplicableError, did_you_mean
from zoo_masked.gaps import WAYS, WITHIN_WORD_L2R, Gap, gaps
from zoo_masked.loading import Narrowed, frame_of, load_model, load_tokenizer, longest

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

BLOCK = 4096
"""Texts with gaps that are planned together: equal ones of neighbouring requests are asked once."""

BATCH_TOKENS = 65_536
"""Tokens of a batch where the number of its rows is left to us."""

Answer = tuple[float, bool]


@dataclass(frozen=True)
class Text:
    """An encoded text. words: as the tokenizer numbers them; asked: positions of what is scored."""

    ids: Sequence[int]
    words: Sequence[int | None]
    asked: Sequence[int]


class MaskedLM(LM):
    """Pseudo-log-likelihoods of texts, or of what continues a context: see `zoo_masked.gaps`.

    Context and continuation are encoded as one text. A token that reaches into the continuation is
    scored, with the context and the rest of the continuation in sight. `is_greedy` says whether
    each of these tokens is the likeliest where it is asked for.
    """

    def __init__(
        self,
        *,
        pretrained: str,
        revision: str,
        device: str,
        dtype: str,
        batch_size: int | str,
        tokenizer: str | None = None,
        peft: str | None = None,
        max_length: int | None = None,
        pll: str = WITHIN_WORD_L2R,
        trust_remote_code: bool = False,
        **options: Any,
    ) -> None:
        """pll: within_word_l2r or original. max_length: most tokens read at once. options: of
        from_pretrained. Raises ConfigError, and ModelError for a checkpoint of another kind.
        """
        super().__init__()
        if pll not in WAYS:
            raise ConfigError(f"loader_args name the pll {pll!r}" + did_you_mean(str(pll), WAYS))
        self.pll = pll
        source = {"revision": revision, "trust_remote_code": trust_remote_code}
        self.tokenizer = load_tokenizer(tokenizer or pretrained, **source)
        self.model = load_model(pretrained, dtype=dtype, peft=peft, **source, **options)
        self.model.to(device).eval()
        self._device = torch.device(device)
        self._head = Narrowed(self.model)
        length = max_length or longest(self.model, self.tokenizer)
        self.frame = frame_of(self.tokenizer, length)
        rows = max(1, BATCH_TOKENS // length) if batch_size == "auto" else int(batch_size)
        self.batch_size_per_gpu = rows

    @property
    def batch_size(self) -> int:
        """Texts with gaps that are asked at once."""
        return self.batch_size_per_gpu

    @property
    def scoring(self) -> str:
        """How a likelihood is found, for provenance."""
        return f"pseudo-log-likelihood, {self.pll}"

    def loglikelihood(self, requests: Sequence[Instance], **_: Any) -> list[Answer]:
        """(pseudo-log-likelihood in nats, whether each token is the likeliest) of continuations.

        Raises CellError for a continuation of which the tokenizer makes no token.
        """
        found = []
        for request, answer in self._answers(requests, self._continued):
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
            found.append(answer)
        return found

    def loglikelihood_rolling(self, requests: Sequence[Instance], **_: Any) -> list[float]:
        """Pseudo-log-likelihoods of whole texts, in nats."""
        found = []
        for request, (likelihood, _greedy) in self._answers(requests, self._encoded):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, likelihood)
            found.append(likelihood)
        return found

    def generate_until(self, requests: Sequence[Instance], **_: Any) -> list[str]:  # noqa: ARG002
        """Raises NotApplicableError."""
        raise NotApplicableError("a masked language model fills gaps and writes no text")

    def _continued(self, context: str, continuation: str) -> Text:
        # lm-eval counts white space at the end of a context to the continuation
        found = self._encoded(context + continuation, len(context.rstrip()))
        if not found.asked:
            raise CellError(
                f"the tokenizer makes no token of the continuation {continuation!r}, so a masked "
                "language model cannot score it"
            )
        return found

    def _encoded(self, text: str, boundary: int = 0) -> Text:
        """A text whose tokens are asked for that end behind a character; all where that is 0."""
        found = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        ends = [end for _, end in found["offset_mapping"]]
        asked = [place for place, end in enumerate(ends) if end > boundary or not boundary]
        return Text(found["input_ids"], found.word_ids(0), asked)

    def _answers(
        self, requests: Sequence[Instance], encode: Callable[..., Text]
    ) -> Iterator[tuple[Instance, Answer]]:
        """Each request with its answer, block by block."""
        block: list[tuple[Instance, Text]] = []
        size = 0
        for request in requests:
            text = encode(*request.args)
            block.append((request, text))
            size += len(text.asked)
            if size >= BLOCK:
                yield from self._answered(block)
                block, size = [], 0
        yield from self._answered(block)

    def _answered(
        self, block: Sequence[tuple[Instance, Text]]
    ) -> Iterator[tuple[Instance, Answer]]:
        asked = [
            list(gaps(text.ids, text.words, text.asked, self.frame, self.pll)) for _, text in block
        ]
        tokens: dict[Gap, dict[int, None]] = {}
        for pairs in asked:
            for gap, token in pairs:
                tokens.setdefault(gap, {})[token] = None
        filled = self._filled(tokens)
        for (request, _), pairs in zip(block, asked, strict=True):
            found = [filled[pair] for pair in pairs]
            likelihood = math.fsum(each for each, _ in found)
            yield request, (likelihood, all(greedy for _, greedy in found))

    def _filled(self, tokens: Mapping[Gap, Mapping[int, None]]) -> dict[tuple[Gap, int], Answer]:
        """Log-probability of each token in each gap, and whether it is the likeliest there."""
        found: dict[tuple[Gap, int], Answer] = {}
        ordered = sorted(tokens, key=lambda gap: -len(gap.ids))  # so that little is padding
        for first in range(0, len(ordered), self.batch_size):
            batch = ordered[first : first + self.batch_size]
            likely = self._log_probabilities(batch)
            best = likely.argmax(-1).tolist()
            pairs = [(row, token) for row, gap in enumerate(batch) for token in tokens[gap]]
            rows, chosen = torch.tensor(pairs, device=likely.device).T
            for (row, token), value in zip(pairs, likely[rows, chosen].tolist(), strict=True):
                found[batch[row], token] = value, best[row] == token
        return found

    @torch.inference_mode()
    def _log_probabilities(self, batch: Sequence[Gap]) -> torch.Tensor:
        """Of every token in each gap that is asked for, [batch, vocabulary], single precision."""
        width = max(len(gap.ids) for gap in batch)
        padding = self.tokenizer.pad_token_id or 0
        ids = [[*gap.ids, *[padding] * (width - len(gap.ids))] for gap in batch]
        seen = [[1] * len(gap.ids) + [0] * (width - len(gap.ids)) for gap in batch]
        logits = self._head.logits(
            self.model,
            torch.tensor([gap.position for gap in batch], device=self._device),
            input_ids=torch.tensor(ids, device=self._device),
            attention_mask=torch.tensor(seen, device=self._device),
        )
        return logits.float().log_softmax(-1)
