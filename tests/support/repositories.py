"""Checkpoints whose classes are Python files of their own: honest ones, and hostile ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

COMMIT = "a" * 40

HONEST = {
    "configuration.py": """
from transformers import LlamaConfig

class OwnConfig(LlamaConfig):
    model_type = "own"
""",
    "modeling.py": """
from transformers import LlamaForCausalLM
from .configuration import OwnConfig

class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
""",
    "tokenization.py": """
from transformers import PreTrainedTokenizerFast

class OwnTokenizer(PreTrainedTokenizerFast):
    pass
""",
}


def change_json(path: Path, **values: Any) -> None:
    """Lays values over a JSON file's object."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def with_code(source: Path, target: Path, *, knows: bool = False) -> Path:
    """A copy of a Llama checkpoint that brings its own classes, which change nothing.

    knows: whether transformers can do without them.
    """
    shutil.copytree(source, target)
    for name, text in HONEST.items():
        (target / name).write_text(text)
    classes = {"AutoConfig": "configuration.OwnConfig", "AutoModelForCausalLM": "modeling.OwnModel"}
    kind = "llama" if knows else "own"
    change_json(target / "config.json", model_type=kind, auto_map=classes)
    change_json(
        target / "tokenizer_config.json",
        auto_map={"AutoTokenizer": ["tokenization.OwnTokenizer", None]},
        tokenizer_class="PreTrainedTokenizerFast" if knows else "OwnTokenizer",
    )
    return target


def hostile(source: Path, target: Path, mark: Path, *, knows: bool = False) -> Path:
    """The same, and whichever of its files is run leaves a mark."""
    with_code(source, target, knows=knows)
    (target / "custom_generate").mkdir()
    for name in (*HONEST, "custom_generate/generate.py"):
        text = HONEST.get(name, "def generate(model, **_): pass\n")
        (target / name).write_text(f"open({str(mark)!r}, 'a').write({name!r})\n{text}")
    return target


def in_cache(hub: Path, name: str, source: Path, commit: str = COMMIT) -> Path:
    """Puts a folder into the Hub's cache as the newest commit of main; returns the snapshot."""
    folder = hub / f"models--org--{name}"
    snapshot = shutil.copytree(source, folder / "snapshots" / commit)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    return snapshot
