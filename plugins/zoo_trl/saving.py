"""The finished stage: what stands at the root of the folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from zoo.training import Assignment
from zoo_trl.fitting import Beside
from zoo_trl.parents import MERGED, Parent


def tokenizer_beside(tokenizer: Any) -> Beside:
    """Writes the tokenizer, with its chat template, as it is now."""
    from copy import deepcopy

    kept = deepcopy(tokenizer)

    def write(folder: Path) -> None:
        kept.save_pretrained(folder)

    return write


def base_named(name: str) -> Beside:
    """Lets an adapter name its base as the lineage does, so that it is found there."""

    def write(folder: Path) -> None:
        path = folder / "adapter_config.json"
        found = json.loads(path.read_text(encoding="utf-8"))
        found["base_model_name_or_path"] = name
        path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        (folder / "README.md").unlink(missing_ok=True)  # a form that nobody has filled in

    return write


def finish(assignment: Assignment, parent: Parent, model: Any, beside: Beside) -> None:
    """Writes the stage in the parent's precision; checkpoints are the host's to clear away, since
    the stage is finished only when its manifest says so."""
    model.to(parent.dtype).save_pretrained(assignment.out)
    beside(assignment.out)
    shutil.rmtree(assignment.out / MERGED, ignore_errors=True)
