"""lm-eval's HFLM for encoder-decoders, with the two things of generation that it has for others.

What the encoder reads takes no room in the decoder, so neither an answer's budget nor the place
where its stops are sought may depend on it: in HFLM an answer may be as much longer as the longest
prompt of its batch, and no stop is seen before that. And padding goes to the right: where positions
are counted from the left, as in BART, a prompt would be read at other positions as soon as a longer
one is in its batch.
"""

from __future__ import annotations

from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils_hf import stop_sequences_criteria

START = 1
"""Tokens a decoder begins with, before its answer."""


class Seq2SeqLM(HFLM):
    """An encoder-decoder: the context is what the encoder reads, the continuation what is scored.

    A text's own likelihood (rolling) is that of an answer to an empty prompt, as lm-eval has it.
    """

    def __init__(self, **options: Any) -> None:
        """options: HFLM's."""
        super().__init__(**{**options, "backend": "seq2seq", "logits_cache": False})

    def tok_batch_encode(
        self,
        strings: list[str],
        padding_side: str = "right",  # noqa: ARG002 - HFLM's, which names the left for all
        left_truncate_len: int | None = None,
        truncation: bool = False,  # noqa: ARG002 - each is cut to left_truncate_len
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, [batch, longest]; of a prompt that is too long the end is kept."""
        ids = [self.tok_encode(text, left_truncate_len=left_truncate_len) for text in strings]
        found = self.tokenizer.pad({"input_ids": ids}, padding_side="right", return_tensors="pt")
        return found["input_ids"], found["attention_mask"]

    def _model_generate(
        self, context: torch.Tensor, max_length: int, stop: list[str], **wishes: Any
    ) -> torch.Tensor:
        """max_length: as HFLM counts it, the prompts' tokens among them."""
        if not wishes.get("do_sample") and not wishes.get("temperature"):
            wishes = {**wishes, "do_sample": False}
            wishes.pop("temperature", None)
        return self.model.generate(
            input_ids=context,
            max_new_tokens=max_length - context.shape[1],
            stopping_criteria=stop_sequences_criteria(
                self.tokenizer, stop, START, context.shape[0]
            ),
            pad_token_id=self.tokenizer.pad_token_id,
            use_cache=True,
            **wishes,
        )
