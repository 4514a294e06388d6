"""What the files of a checkpoint say of it, read without loading a weight."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from zoo.evidence import texts
from zoo.fingerprints import chat_template_of, read_json
from zoo.models import Facts


def facts_of_folder(model_id: str, folder: Path) -> Facts:
    """What the files of a checkpoint folder say."""
    return Facts(
        id=model_id,
        card=read_card(folder / "README.md"),
        config=read_json(folder / "config.json"),
        tokenizer_config=read_json(folder / "tokenizer_config.json"),
        adapter_config=read_json(folder / "adapter_config.json"),
        chat_template=chat_template_of(folder),
    )


def read_card(path: Path) -> dict[str, Any]:
    """The front matter of a model card; {} where there is none that can be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if not text.startswith("---"):
        return {}
    try:
        card = yaml.safe_load(text.split("---", 2)[1])
    except Exception:
        # people write cards; whatever stands in one, its model can still be asked
        return {}
    return card if isinstance(card, dict) else {}


def licence_of(card: Mapping[str, Any]) -> str:
    """The licence that a card names, "" where it names none.

    A card that says "other" may give the name that is meant.

    >>> licence_of({"license": "other", "license_name": "llama3.1"}), licence_of({})
    ('llama3.1', '')
    """
    named = texts(card.get("license"))
    if named[:1] in ((), ("other",)):
        named = texts(card.get("license_name")) or named
    return ", ".join(named)


def adapter_of(config: Mapping[str, Any]) -> str:
    """What kind of adapter a configuration of PEFT describes, in words.

    >>> adapter_of({"peft_type": "LORA", "r": 16}), adapter_of({"peft_type": "IA3"}), adapter_of({})
    ('LoRA of rank 16', 'IA3', '')
    """
    kind, rank = config.get("peft_type"), config.get("r")
    tokens = config.get("num_virtual_tokens")
    if not isinstance(kind, str):
        return ""
    name = {"LORA": "DoRA" if config.get("use_dora") else "LoRA"}.get(kind, kind)
    if kind.endswith("_TUNING"):
        name = kind.lower().replace("_", " ")
    if isinstance(rank, int):
        return f"{name} of rank {rank}"
    return f"{name} with {tokens} tokens" if isinstance(tokens, int) else name


def code_of(facts: Facts, commit: str | None) -> str:
    """What to know of a checkpoint that brings Python of its own, "" of one that does not.

    commit: of its repository; None for a folder.
    """
    if not facts.config.get("auto_map") and not facts.tokenizer_config.get("auto_map"):
        return ""
    pin = commit or "the hash that `zoo plan` names"
    return (
        "it brings code (auto_map), which is not run; where it cannot be loaded without, read the "
        f'code, then write loader_args = {{ trust_remote_code = "{pin}" }} in zoo.toml'
    )
