"""lm-eval's HFMultimodalLM, asked batch by batch: each answer is told with the images it is to.

There an answer is told with its prompt alone, which many items share; a prompt that is too long is
cut though its images stay; and one that begins with BOS, as a chat template writes it, is given
another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import CacheHook
from lm_eval.models.hf_vlms import HFMultimodalLM

from zoo.errors import CellError
from zoo.evaluation.images import SHOWN
from zoo.fingerprints import canonical

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance


class MultimodalLM(HFMultimodalLM):
    """A model that sees. Where `<image>` stands in a prompt, it reads its own word for an image.

    Requests without images are asked as lm-eval's HFLM asks them, likelihoods among them.
    """

    def __init__(self, **options: Any) -> None:
        """options: HFMultimodalLM's."""
        super().__init__(**{**options, "backend": "causal", "logits_cache": False})
        first = self.tokenizer("")["input_ids"][:1]
        self._adds_bos = bool(first) and first[0] == self.tokenizer.bos_token_id

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """What is written to each request, whose third argument is ``{"visual": [...]}``.

        Raises CellError for a prompt that does not fit with its images.
        """
        shown = [number for number, each in enumerate(requests) if _images(each)]
        blind = sorted({*range(len(requests))} - {*shown})
        answers: dict[int, str] = {}
        if blind:
            asked = [replace(requests[i], arguments=requests[i].args[:2]) for i in blind]
            answers |= zip(blind, super().generate_until(asked, disable_tqdm), strict=True)
        for batch in self._batches(requests, shown):
            told, self.cache_hook = self.cache_hook, CacheHook(None)
            try:
                written = super().generate_until([requests[i] for i in batch], disable_tqdm=True)
            finally:
                self.cache_hook = told
            for i, text in zip(batch, written, strict=True):
                answers[i] = text
                self.cache_hook.add_partial("generate_until", requests[i].args, text)
        return [answers[i] for i in range(len(requests))]

    def _batches(self, requests: Sequence[Instance], shown: Sequence[int]) -> Iterator[list[int]]:
        """Positions of requests of equal arguments, the longest prompts first."""
        groups: dict[str, list[int]] = {}
        for i in shown:
            groups.setdefault(canonical(requests[i].args[1]), []).append(i)
        for group in groups.values():
            group.sort(key=lambda i: (-len(self.tok_encode(requests[i].args[0])), i))
            for first in range(0, len(group), self.batch_size):
                yield group[first : first + self.batch_size]

    def tok_batch_multimodal_encode(
        self,
        strings: list[str],
        images: list[list[Any]],
        padding_side: str = "left",
        left_truncate_len: int | None = None,
        truncation: bool = False,
    ) -> Any:
        """Token ids, mask and images of a batch. left_truncate_len: most tokens of a prompt.

        Raises CellError where one has more, its images among them.
        """
        bos = self.tokenizer.bos_token
        if self._adds_bos:
            strings = [each.removeprefix(bos) for each in strings]
        found = super().tok_batch_multimodal_encode(
            strings, images, padding_side=padding_side, truncation=truncation
        )
        longest = found["input_ids"].shape[1]
        if left_truncate_len is not None and longest > left_truncate_len:
            raise CellError(
                f"a prompt takes {longest} tokens with its images, and the context of "
                f"{self.max_length} leaves {left_truncate_len} beside the answer; show smaller "
                "images (loader_args image_max_side) or lower max_gen_toks with --gen-kwargs"
            )
        return found


def _images(request: Instance) -> Sequence[Any]:
    return request.args[2].get(SHOWN) or () if len(request.args) > 2 else ()
