"""The model that a stage starts from: read in the precision that it is trained in."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import ModelError
from zoo.models import Model
from zoo.training import Assignment

LONGEST = 1024
"""Tokens of a row where nothing else is said, or the model's context if that is shorter."""


@dataclass(frozen=True)
class Parent:
    """A model with its tokenizer, ready to be trained.

    model, tokenizer: as transformers reads them. place: the folder or Hub id from which the same
    weights can be read again, with revision. dtype: that of its files, in which the finished stage
    is written. name: what an adapter over it calls it. end_of_text: the token that ended a text
    when it was read, None for none.
    """

    model: Any
    tokenizer: Any
    place: str
    revision: str | None
    dtype: Any
    name: str
    end_of_text: int | None

    @property
    def context(self) -> int:
        """Tokens that it can read at once."""
        known = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return int(known) if known else LONGEST

    @property
    def again(self) -> dict[str, Any]:
        """What a trainer must know to read the same weights again by the model's own address, onto
        one device: left to itself, TRL lays them over all GPUs."""
        return {"device_map": None, **({"revision": self.revision} if self.revision else {})}

    def longest(self, wanted: int) -> int:
        """Tokens of a row: what is wanted, 0 leaving it to the model."""
        return min(wanted, self.context) if wanted else min(self.context, LONGEST)


def needs_trl() -> None:
    """Raises ModelError with the remedy where the extra `train` is not installed."""
    missing = [name for name in ("trl", "peft") if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"training needs {' and '.join(missing)}; install it with: "
            "pip install 'stagezoo[train]'"
        )


def read_parent(assignment: Assignment) -> Parent:
    """The parent of an assignment; one that is an adapter is merged with its base, into a folder of
    `out` that goes when the stage is finished.

    Raises ModelError where there is none, it cannot be read, or its adapter cannot be merged.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    parent = assignment.parent
    if parent is None:
        raise ModelError("this recipe starts from a model; name one with --from")
    args = parent.loader_args
    place = str(args.get("pretrained", parent.id))
    folder = Path(place).expanduser()
    place = str(folder.resolve()) if folder.is_dir() else place
    peft = args.get("peft")
    revision = args.get("revision") or (None if peft or folder.is_dir() else parent.revision)
    try:
        config = AutoConfig.from_pretrained(place, revision=revision)
        _check_trainable(parent.id, config)
        if peft:
            place, revision = _merged(assignment.out, parent, place, revision), None
        model = AutoModelForCausalLM.from_pretrained(place, revision=revision, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ModelError(f"{parent.id} cannot be read for training: {said}") from error
    named = place if peft or Path(parent.id).expanduser().is_dir() else parent.id
    dtype = getattr(config, "dtype", None) or torch.float32
    return Parent(model, tokenizer, place, revision, dtype, named, tokenizer.eos_token_id)


def _check_trainable(name: str, config: Any) -> None:
    """Raises ModelError for a kind of model that the recipes do not train."""
    from zoo.evaluation.kinds import is_causal

    found = config.to_dict()
    if not is_causal(found):
        kind = found.get("model_type")
        raise ModelError(f"{name} is no causal language model ({kind}); the recipes train no other")
    if found.get("quantization_config"):
        raise ModelError(
            f"{name} holds quantised weights, which cannot be trained; start from the model that "
            "it was made from"
        )


def reference(parent: Parent) -> Any:
    """The parent's weights once more, to measure the distance from."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        parent.place, revision=parent.revision, dtype=torch.float32
    )


MERGED = "merged-parent"


def _merged(out: Path, parent: Model, place: str, revision: str | None) -> str:
    """The folder of a base with its adapter merged in; made once."""
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = out / MERGED
    if (folder / "tokenizer_config.json").is_file():
        return str(folder)
    adapter = str(parent.loader_args["peft"])
    pinned = {} if Path(adapter).is_dir() else {"revision": parent.revision}
    if PeftConfig.from_pretrained(adapter, **pinned).is_prompt_learning:
        raise ModelError(
            f"{parent.id} is a learned prompt, which cannot be merged into its base; start from "
            "the base"
        )
    base = AutoModelForCausalLM.from_pretrained(place, revision=revision)
    PeftModel.from_pretrained(base, adapter, **pinned).merge_and_unload().save_pretrained(folder)
    # written last: it says that the folder is complete
    AutoTokenizer.from_pretrained(place, revision=revision).save_pretrained(folder)
    return str(folder)
