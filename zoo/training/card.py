"""The card of a stage whose recipe wrote none."""

from __future__ import annotations

from typing import Any

import yaml

from zoo.manifests import Manifest
from zoo.models import address_of
from zoo.publishing.local import is_local, shareable
from zoo.publishing.names import is_hub_id
from zoo.reporting.markdown import escape, grid


def card_of(manifest: Manifest) -> str:
    """Markdown with front matter; an option with a path of this machine is left out."""
    parent, data = manifest.parent, manifest.data
    root = address_of(parent.id)[0] if parent else ""
    front: dict[str, Any] = {
        "tags": ["stagezoo", manifest.regime, manifest.of],
        "library_name": "peft" if manifest.adapter else "transformers",
    }
    if parent and is_hub_id(root) and not is_local(parent.id, {root}):
        front["base_model"] = parent.id
    if data is not None and data.revision:
        front["datasets"] = [address_of(data.source.partition(":")[0])[0]]
    spelt = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    rows = [
        [escape(name), escape(value)]
        for name, value in (
            ("recipe", manifest.recipe),
            *([("way of training", manifest.of)] if manifest.of != manifest.recipe else []),
            *shareable(manifest.options, {root}).items(),
            *([("steps", manifest.steps)] if manifest.steps is not None else []),
            ("seed", manifest.seed),
            *([("rows", data.rows), ("SHA-256 of the rows", data.sha256)] if data else []),
            ("seconds", round(manifest.seconds)),
            *manifest.packages.items(),
        )
    ]
    table = grid(["setting", "value"], rows, ["left", "left"])
    name = escape(f"{manifest.family}/{manifest.stage}")
    made = f"A {escape(manifest.regime)} stage, made with `zoo train` of stagezoo"
    of = f" from {escape(front['base_model'])}" if "base_model" in front else ""
    return f"---\n{spelt}---\n\n# {name}\n\n{made}{of}.\n\n{table}\n"
