"""Weights and tokenizer of a masked language model, and how it reads a text."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from packaging.version import Version

from zoo.errors import ModelError
from zoo_masked.gaps import Frame

_DTYPE = "dtype" if Version(transformers.__version__) >= Version("4.56") else "torch_dtype"
"""What from_pretrained calls the dtype of weights."""


def load_model(pretrained: str, *, dtype: str, peft: str | None, **options: Any) -> Any:
    """The model, with an adapter over it. options: of from_pretrained.

    Raises ModelError where the checkpoint lacks weights of it, which would be drawn at random.
    """
    model, account = transformers.AutoModelForMaskedLM.from_pretrained(
        pretrained,
        **{_DTYPE: dtype if dtype == "auto" else getattr(torch, dtype)},
        output_loading_info=True,
        **options,
    )
    if missing := sorted(account["missing_keys"]):
        raise ModelError(
            f"{pretrained} lacks weights of {type(model).__name__} ({missing[0]} and "
            f"{len(missing) - 1} more), so it cannot be scored as a masked language model; use the "
            "checkpoint it was made from"
        )
    if peft is None:
        return model
    from peft import PeftModel

    return PeftModel.from_pretrained(model, peft)


def load_tokenizer(name: str, **options: Any) -> Any:
    """The tokenizer; ModelError where it has no mask, or does not tell where its tokens lie."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
    if tokenizer.mask_token_id is None:
        raise ModelError(f"the tokenizer of {name} has no mask token")
    if not tokenizer.is_fast:
        raise ModelError(
            f"the tokenizer of {name} does not tell which token is of which word; use a checkpoint "
            "with a tokenizer.json"
        )
    return tokenizer


def longest(model: Any, tokenizer: Any) -> int:
    """Most tokens the model reads at once, those around a text among them.

    RoBERTa and kin count positions from behind that of padding, and have as many fewer.
    """
    most = [int(tokenizer.model_max_length)]
    if isinstance(told := getattr(model.config, "max_position_embeddings", None), int):
        most.append(told)
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            most.append(module.num_embeddings - unused)
    return min(most)


def frame_of(tokenizer: Any, length: int) -> Frame:
    """What the tokenizer puts around a text. length: most tokens read at once.

    Raises ModelError where that leaves no room for a text.
    """
    found = tokenizer("a", return_special_tokens_mask=True)
    ids, special = found["input_ids"], found["special_tokens_mask"]
    if 0 not in special:
        raise ModelError("the tokenizer makes no token of a letter")
    first, last = special.index(0), len(ids) - special[::-1].index(0)
    before, after = tuple(ids[:first]), tuple(ids[last:])
    room = length - len(before) - len(after)
    if room < 1:
        raise ModelError(f"a max_length of {length} leaves no room for a text")
    return Frame(before, after, tokenizer.mask_token_id, room)


class Narrowed:
    """The projection to the vocabulary, done for one position of each row.

    With a large vocabulary it is half of the work, and for all other positions in vain.
    """

    def __init__(self, model: Any) -> None:
        self._positions: torch.Tensor | None = None
        self._projection = model.get_output_embeddings()
        if self._projection is not None:
            self._projection.register_forward_pre_hook(self._narrow)

    def logits(self, model: Any, positions: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """[batch, vocabulary]: what the model says at one position of each row, [batch]."""
        self._positions = positions
        try:
            found = model(**inputs).logits
        finally:
            self._positions = None
        if found.shape[1] == 1:
            return found[:, 0]
        return found[torch.arange(len(positions), device=found.device), positions]

    def _narrow(self, _: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
        hidden = args[0]
        if self._positions is None or hidden.dim() != 3:
            return None
        rows = torch.arange(len(hidden), device=hidden.device)
        return (hidden[rows, self._positions, None], *args[1:])
