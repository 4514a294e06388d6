"""What an analysis may add to a trade-off; nothing where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.contrasts import Tradeoff


def added(tradeoff: Tradeoff, name: str) -> Sequence[Any]:
    """Rows of an optional field of the trade-off."""
    return getattr(tradeoff, name, ()) or ()


def probed(tradeoff: Tradeoff, probe: str, kind: str | None = None) -> list[Mapping[str, Any]]:
    """Rows that a probe measured, of one kind or of all."""
    return [
        row
        for row in added(tradeoff, "probes")
        if row.get("probe") == probe and kind in (None, row.get("kind"))
    ]
