"""Which folders and repositories a model's files are read from, as its loader is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ModelError
from zoo.evaluation.preflight.code import CODE, TRUST
from zoo.models import Model
from zoo.snapshots import ADAPTER
from zoo.weights import weight_files

Part = Literal["model", "adapter", "tokenizer"]

MARKS: Mapping[Part, str] = {
    "model": "config.json",
    "adapter": "adapter_config.json",
    "tokenizer": "tokenizer_config.json",
}
"""The file without which a folder is none of the kind."""


@dataclass(frozen=True)
class Place:
    """Where one part of a model is read from.

    name: a folder or a Hub id. revision: of the Hub, None for its newest. code: patterns of the
    code that is read. quantised: a file of weights in GGUF, "" for safetensors.
    """

    part: Part
    name: str
    revision: str | None = None
    code: tuple[str, ...] = ()
    quantised: str = ""

    @property
    def mark(self) -> str:
        """The file that it must hold."""
        return MARKS[self.part]

    @property
    def more(self) -> tuple[str, ...]:
        """Patterns of what is read before its weights are, beside small files."""
        return (*self.code, *ADAPTER) if self.part == "adapter" else self.code

    def weights(self, folder: Path) -> list[str]:
        """Names of the files of weights that are read there. folder: with its small files."""
        if self.part == "model":
            return [self.quantised] if self.quantised else weight_files(folder)
        return list(ADAPTER) if self.part == "adapter" else []

    @property
    def local(self) -> Path | None:
        """Its folder, if that is what it names; else it is on the Hub.

        Raises ModelError for a path where no folder is.
        """
        folder = Path(self.name).expanduser()
        if folder.is_dir():
            return folder
        if self.name.startswith((".", "/", "~")) or self.name.count("/") > 1:
            raise ModelError(f"there is no folder {self.name}; check the path")
        return None


def places_of(
    model: Model, reads_files: bool = True, args: Mapping[str, Any] | None = None
) -> dict[Part, Place]:
    """The places of a model by what is read there: its weights (of an adapter, the base's), the
    adapter, a tokenizer that is named apart.

    reads_files: whether its loader reads weights of ours. args: instead of its loader_args.
    """
    args = model.loader_args if args is None else args
    found: dict[Part, Place] = {}
    peft = args.get("peft")
    if reads_files:
        found["model"] = Place(
            "model",
            str(args.get("pretrained", model.id)),
            # an adapter's own revision is not its base's
            args.get("revision", None if peft is not None else model.revision),
            CODE if args.get(TRUST) else (),
            str(args.get("gguf_file") or ""),
        )
        if peft is not None:
            found["adapter"] = Place("adapter", str(peft), model.revision)
    if args.get("tokenizer"):
        found["tokenizer"] = Place("tokenizer", str(args["tokenizer"]))
    return found
