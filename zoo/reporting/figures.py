"""Numbers as tables print them: fractions become points (percent), with a true minus sign."""

from __future__ import annotations

import math
from typing import TypeGuard

UNKNOWN = "—"


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)


def points(value: float | None, *, raw: bool = False) -> str:
    """A score in points, or as it is where it is no share of 1.

    >>> points(0.8123), points(-0.00001), points(None), points(12.345, raw=True)
    ('81.2', '0.0', '—', '12.35')
    """
    if not known(value):
        return UNKNOWN
    text = f"{value:.2f}" if raw else f"{100 * value:.1f}"
    return text.removeprefix("-") if not float(text) else text.replace("-", "−")


def signed(value: float | None, *, raw: bool = False) -> str:
    """A change in points.

    >>> signed(0.041), signed(-0.012), signed(0.0)
    ('+4.1', '−1.2', '0.0')
    """
    text = points(value, raw=raw)
    return f"+{text}" if known(value) and value > 0 and float(text) else text


def tokens(value: float | None) -> str:
    """A number of tokens.

    >>> tokens(14.5), tokens(32768.0), tokens(None)
    ('14.5', '32768', '—')
    """
    return f"{value:.10g}" if known(value) else UNKNOWN


def limits(low: float | None, high: float | None, *, raw: bool = False) -> str:
    """The two ends of an interval of a change.

    >>> limits(-0.012, 0.094), limits(None, 0.1)
    ('[−1.2, +9.4]', '')
    """
    if not (known(low) and known(high)):
        return ""
    return f"[{signed(low, raw=raw)}, {signed(high, raw=raw)}]"


def margin(value: float | None, low: float | None, high: float | None) -> str:
    """The half width of an interval of a score, or both ends where it is visibly lopsided.

    >>> margin(0.8, 0.77, 0.83), margin(0.98, 0.93, 0.99)
    ('±3.0', '[93.0, 99.0]')
    """
    if not (known(value) and known(low) and known(high)):
        return ""
    below, above = 100 * (value - low), 100 * (high - value)
    if abs(below - above) < 0.1:
        return f"±{(below + above) / 2:.1f}"
    return f"[{points(low)}, {points(high)}]"


def count(value: int | None) -> str:
    """A number of items."""
    return UNKNOWN if value is None else str(value)
