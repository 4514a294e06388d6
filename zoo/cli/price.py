"""The price of a run, as `zoo plan` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.evaluation.preflight.memory import Memory
    from zoo.pricing import Price

UNKNOWN = "?"


def lines_of(prices: Sequence[Price], cache_free: int | None, memory: Memory | None) -> list[str]:
    """A table with a row for each model, the sums, and on what the times rest.

    cache_free: bytes free for downloads. memory: of the device, None where it is elsewhere.
    """
    from tabulate import tabulate

    from zoo.evaluation.preflight.findings import size
    from zoo.pricing import downloads_of
    from zoo.reporting.text import clean

    def shown(count: int | None) -> str:
        return UNKNOWN if count is None else size(count)

    rows = [
        [
            clean(price.model),
            price.dtype or UNKNOWN,
            shown(price.download),
            shown(price.weights),
            shown(price.memory),
            UNKNOWN if price.problem else price.answers,
            _count(price.tokens_in),
            _count(price.tokens_out),
            _duration(price.seconds),
        ]
        for price in prices
    ]
    heads = "model,dtype,download,weights,memory,answers,tokens in,tokens out ≤,time ~".split(",")
    table = tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True)
    seconds = [price.seconds for price in prices]
    whole = None if None in seconds else sum(each or 0.0 for each in seconds)
    room = f" ({size(cache_free)} free for it)" if cache_free is not None else ""
    total = f"in all: {shown(downloads_of(prices))} to download{room}, {_duration(whole)} of asking"
    if memory is not None:
        total += f"; {memory.device} has {size(memory.free)} of {size(memory.total)} free"
    found = ["price of what is to be asked (? is not known):", *table.splitlines(), total]
    return found + [f"time {basis}" for basis in dict.fromkeys(p.basis for p in prices) if basis]


def _count(number: int | None) -> str:
    """A count for people.

    >>> _count(1_234_567), _count(950), _count(None)
    ('1.2 M', '950', '?')
    """
    if number is None:
        return UNKNOWN
    for unit, power in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= power:
            return f"{number / power:.1f} {unit}"
    return str(number)


def _duration(seconds: float | None) -> str:
    """Seconds for people.

    >>> _duration(0.4), _duration(90), _duration(7200), _duration(None)
    ('0.4 s', '2 min', '2.0 h', '?')
    """
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds else "0 s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
