"""The engine as an lm-eval LM, and the loader `torch` that makes it."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import TemplateLM
from lm_eval.models.huggingface import HFLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from zoo.engine.decoding import BATCH_ROWS, Generated
from zoo.engine.encoders import encoder_for
from zoo.engine.scorer import Answer
from zoo.engine.tiers import Tier, choose
from zoo.engine.trie import Pair
from zoo.engine.until import generate_until, why_left_to_hflm
from zoo.errors import CellError

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

logger = logging.getLogger("zoo")

SEGMENT = 8192
"""Requests that are planned as one stream."""


class TorchLM(TemplateLM):
    """Any Hugging Face causal LM, each unique token read once.

    Answers are those of lm-eval's HFLM with `logits_cache=False`, up to rounding: the same
    encoding, BOS, truncation and windows. `choice` says which way of scoring the model got.

    >>> lm = TorchLM.of(model, tokenizer)            # doctest: +SKIP
    >>> lm_eval.simple_evaluate(lm, tasks=["arc_easy"])  # doctest: +SKIP
    """

    def __init__(
        self, reference: HFLM, *, tier: Tier | None = None, batch_rows: int | None = None
    ) -> None:
        """reference: holds model and tokenizer, and answers what is left to it. tier: the fastest
        way of scoring to try; None means any. batch_rows: answers written at once; None leaves it
        to the engine.

        `way` is what scores, None where that is the reference.
        """
        super().__init__()
        self.reference = reference
        self.batch_rows = batch_rows
        self.tokenizer = reference.tokenizer
        self.backend = reference.backend
        self._device = reference.device
        self.model = _bare(reference.model)
        self.way, self.choice = choose(
            self.model, self.max_length, reference.device, _tier(reference, tier)
        )
        self._encoder = encoder_for(
            self.tokenizer,
            add_bos=reference.add_bos_token,
            max_length=self.max_length,
            prefix_token_id=reference.custom_prefix_token_id,
        )

    @classmethod
    def of(cls, model: Any, tokenizer: Any, *, tier: Tier | None = None, **options: Any) -> TorchLM:
        """Over a model and a tokenizer already in memory. options: HFLM's."""
        options = {"batch_size": 1, **options}
        reference = HFLM(pretrained=model, tokenizer=tokenizer, logits_cache=False, **options)
        return cls(reference, tier=tier)

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text, as HFLM has it."""
        return self.reference.eot_token_id

    @property
    def prefix_token_id(self) -> int:
        """What stands before an empty context, as HFLM has it."""
        return self.reference.prefix_token_id

    @property
    def max_length(self) -> int:
        """Most tokens the model reads at once."""
        return self.reference.max_length

    @property
    def max_gen_toks(self) -> int:
        """Budget of a task that names none."""
        return self.reference.max_gen_toks

    @property
    def batch_size(self) -> int | str:
        """Answers written at once; batches that are scored are bounded in tokens."""
        return self.batch_rows or "auto"

    @property
    def tokenizer_name(self) -> str:
        """For lm-eval's own caches."""
        return self.reference.tokenizer_name

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **kwargs: Any
    ) -> list[int]:
        """Token ids of a text, encoded by HFLM."""
        encoded: list[int] = self.reference.tok_encode(string, add_special_tokens, **kwargs)
        return encoded

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """The rendered chat, as HFLM renders it."""
        return self.reference.apply_chat_template(chat_history, add_generation_prompt)

    @property
    def scoring(self) -> str:
        """How the model is scored, and why; also what had to give way where memory ran out."""
        halved = getattr(self.way, "budget", None)
        if halved is None or not halved.halvings:
            return str(self.choice)
        return f"{self.choice}; chunks of {halved.tokens} tokens since memory ran out"

    def get_model_info(self) -> dict[str, Any]:
        """HFLM's description of the model, with the way of scoring."""
        return {**self.reference.get_model_info(), "engine": self.scoring}

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """(log-likelihood in nats, is greedy) of each (context, continuation)."""
        if self.reference.enable_thinking:
            raise CellError("log-likelihoods cannot be asked with thinking on; set it off")
        if self.way is None:
            self.reference.set_cache_hook(self.cache_hook)
            return list(self.reference.loglikelihood(requests, disable_tqdm=disable_tqdm))
        return self._in_segments([request.args for request in requests])

    def _in_segments(self, texts: Sequence[tuple[str, str]]) -> list[Answer]:
        """Answers to requests; while one segment of them is scored, the next is encoded.

        Sorted, so that requests that begin alike are neighbours and share what they begin with.
        """
        order = sorted(range(len(texts)), key=texts.__getitem__)
        segments = [order[start : start + SEGMENT] for start in range(0, len(order), SEGMENT)]
        parts = [[texts[number] for number in segment] for segment in segments]
        answers: list[Answer] = [(0.0, False)] * len(texts)
        with ThreadPoolExecutor(1, "encoding") as ahead:
            waiting = deque(ahead.submit(self._encoder.pairs, part) for part in parts[:1])
            for number, (segment, part) in enumerate(zip(segments, parts, strict=True)):
                pairs = waiting.popleft().result()
                if number + 1 < len(parts):
                    waiting.append(ahead.submit(self._encoder.pairs, parts[number + 1]))
                for place, found in zip(segment, self._scored(pairs, part), strict=True):
                    answers[place] = found
        return answers

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **kwargs: Any
    ) -> list[tuple[float, bool]]:
        if self.way is None:
            self.reference.set_cache_hook(self.cache_hook)
            return list(self.reference._loglikelihood_tokens(requests, **kwargs))
        return self._scored([(a, b) for _, a, b in requests], [text for text, _, _ in requests])

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Log-likelihood of each whole text, in windows of the model's context, each token once."""
        if self.way is None:
            self.reference.set_cache_hook(self.cache_hook)
            return list(self.reference.loglikelihood_rolling(requests, disable_tqdm=disable_tqdm))
        texts: list[str] = [request.args[0] for request in requests]
        windows: list[Pair] = []
        owners: list[int] = []
        for number, ids in enumerate(self._encoder.texts(texts)):
            for window in get_rolling_token_windows(
                token_list=ids,
                prefix_token=self.prefix_token_id,
                max_seq_len=self.max_length,
                context_len=1,
            ):
                windows.append(make_disjoint_window(window))
                owners.append(number)
        sums = [0.0] * len(texts)
        missing = Counter(owners)

        def tell(window: int, answer: Answer) -> None:
            number = owners[window]
            sums[number] += answer[0]
            missing[number] -= 1
            if not missing[number]:
                self.cache_hook.add_partial("loglikelihood_rolling", (texts[number],), sums[number])

        self.way.score(windows, tell)
        return sums

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """The text that follows each prompt, up to a stop string, EOS or max_gen_toks."""
        return [answer.text for answer in self.generate_counted(requests, disable_tqdm)]

    def draws_by_item(self, requests: Sequence[Instance]) -> bool:
        """Whether an answer to these depends on its own request alone, also where it is sampled:
        then some of them can be asked without the others."""
        return self._left_to_hflm(requests) is None

    def generate_counted(
        self, requests: list[Instance], disable_tqdm: bool = True
    ) -> list[Generated]:
        """As `generate_until`, with the number of tokens and whether the cap cut the answer.

        Where HFLM must answer these are not known.
        """
        ours: list[int] = []
        left: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            reason = self._left_to_hflm([request])
            (ours if reason is None else left.setdefault(reason, [])).append(place)
        answers: list[Generated] = [Generated("")] * len(requests)
        for place, found in zip(ours, self._written([requests[i] for i in ours]), strict=True):
            answers[place] = found
        for reason, places in left.items():
            logger.warning("generation is left to lm-eval's HFLM: %s", reason)
            self.reference.set_cache_hook(self.cache_hook)
            alike = [requests[place] for place in places]
            texts = self.reference.generate_until(alike, disable_tqdm=disable_tqdm)
            for place, text in zip(places, texts, strict=True):
                answers[place] = Generated(text)
        return answers

    def _left_to_hflm(self, requests: Sequence[Instance]) -> str | None:
        """Why HFLM must write the answers to these; None where we do."""
        if self.way is None:
            return self.choice.reason
        return why_left_to_hflm(self.reference, requests)

    def _written(self, requests: Sequence[Instance]) -> list[Generated]:
        # lm-eval's own hooks keep texts; one that says so is told the whole answer
        whole = getattr(self.cache_hook, "takes_counted", False)

        def tell(place: int, answer: Generated) -> None:
            told = answer if whole else answer.text
            self.cache_hook.add_partial("generate_until", requests[place].args, told)

        return generate_until(
            self.reference,
            self.model,
            self._encoder,
            requests,
            batch_rows=self.batch_rows or BATCH_ROWS,
            on_answer=tell,
        )

    def _scored(self, pairs: Sequence[Pair], texts: Sequence[tuple[str, str]]) -> list[Answer]:
        """texts: what the cache hook is told of with each answer."""
        assert self.way is not None

        def tell(number: int, answer: Answer) -> None:
            if texts[number] is not None:
                self.cache_hook.add_partial("loglikelihood", texts[number], answer)

        return self.way.score(pairs, tell)


def _tier(reference: HFLM, wanted: Tier | None) -> Tier | None:
    """HFLM's own way where it was asked for what only it does, or lies on several devices."""
    if reference.backend != "causal" or reference.mixed_precision_dtype is not None:
        return "hflm"
    if len(set((getattr(reference.model, "hf_device_map", None) or {}).values())) > 1:
        return "hflm"
    return wanted


def _bare(model: Any) -> Any:
    """The transformers model: of a PEFT wrapper what it wraps, adapters in place.

    Prompt-learning adapters act outside of it, so that they keep their wrapper.
    """
    config = getattr(model, "active_peft_config", None)
    if config is None or config.is_prompt_learning:
        return model
    return model.get_base_model()
