"""Something a check found that is to be known before a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One sentence with what is wrong, the numbers, and what to do.

    model: whose it is, "" where it is the run's. refuses: what it is about is not tried: the
    model's cells fail with this sentence, or the run is not begun.
    """

    text: str
    model: str = ""
    refuses: bool = False


def size(count: float) -> str:
    """Bytes for people, in powers of ten.

    >>> size(2_640_000_000), size(950_000), size(12)
    ('2.6 GB', '950 kB', '12 B')
    """
    for unit, power in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= power:
            value = count / power
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{count:.0f} B"
