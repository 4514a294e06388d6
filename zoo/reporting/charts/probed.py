"""Rows that probes measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.contrasts import Tradeoff


def probed(tradeoff: Tradeoff, probe: str, kind: str | None = None) -> list[Mapping[str, Any]]:
    """Rows that a probe measured, of one kind or of all."""
    return [
        row
        for row in tradeoff.probes
        if row.get("probe") == probe and kind in (None, row.get("kind"))
    ]
