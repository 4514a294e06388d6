"""Code that is not ours: of a checkpoint's repository, and what models write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def remote_code(model: str, config: Mapping[str, Any], loader_args: Mapping[str, Any]) -> str:
    """Why a checkpoint cannot be loaded without running its repository's code, or ""."""
    if loader_args.get("trust_remote_code"):
        return (
            f"loader_args of {model} say trust_remote_code, and code of a repository is not run; "
            "take it out, and use a checkpoint that transformers itself knows"
        )
    kind = config.get("model_type")
    brings = config.get("auto_map")
    if isinstance(brings, Mapping) and brings and isinstance(kind, str) and not _known(kind):
        return (
            f"{model} needs code of its repository ({kind}), which is not run; use a version of "
            "it that transformers itself knows"
        )
    return ""


def _known(model_type: str) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return model_type in CONFIG_MAPPING_NAMES
