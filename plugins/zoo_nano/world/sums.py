"""Sums of two numbers of two digits, in one line or worked out digit by digit."""

from __future__ import annotations

import random

from zoo_nano.world.splits import Split, split_of

LOW, HIGH = 10, 99


def sum_split(a: int, b: int) -> Split:
    """The part a pair belongs to; a + b and b + a are the same pair."""
    return split_of(f"{min(a, b)}+{max(a, b)}", held=0.2)


def draw_pair(rng: random.Random, split: Split = "train") -> tuple[int, int]:
    """Two numbers whose pair belongs to `split`."""
    while True:
        a, b = rng.randint(LOW, HIGH), rng.randint(LOW, HIGH)
        if sum_split(a, b) == split:
            return a, b


def ask(a: int, b: int) -> str:
    """The sum as a question."""
    return f"What is {a} + {b}?"


def worked(a: int, b: int) -> str:
    """The sum worked out: ones, carry, tens, and the number at the end.

    >>> worked(28, 45)
    '8 + 5 = 13, write 3 carry 1. 2 + 4 + 1 = 7. The sum is 73.'
    """
    ones = a % 10 + b % 10
    carry = ones // 10
    tens = a // 10 + b // 10 + carry
    return (
        f"{a % 10} + {b % 10} = {ones}, write {ones % 10} carry {carry}. "
        f"{a // 10} + {b // 10} + {carry} = {tens}. The sum is {a + b}."
    )
