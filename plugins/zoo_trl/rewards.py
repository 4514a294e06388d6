"""Rewards that are computed, not learned: (completion, answer) -> a number, by name.

Some say whether an answer is right. `length` and `equations` are proxies that never look at the
answer: they are there to show what a model does to a measure that it is paid for.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from zoo.errors import UnknownNameError

Reward = Callable[[str, str], float]

LONG = 50
"""Words beyond which `length` pays no more."""

MANY = 4
"""Equations beyond which `equations` pays no more."""


def exact(completion: str, answer: str) -> float:
    """1 where the completion is the answer, spaces around them aside.

    >>> exact(" 73 ", "73"), exact("73.", "73")
    (1.0, 0.0)
    """
    return float(completion.strip() == answer.strip())


def contains(completion: str, answer: str) -> float:
    """1 where the answer stands in the completion as words of its own, in any case of letters.

    >>> contains("It is seoul.", "Seoul"), contains("It is 173.", "73")
    (1.0, 0.0)
    """
    words = rf"(?<!\w){re.escape(answer.strip())}(?!\w)"
    return float(bool(answer.strip()) and bool(re.search(words, completion, re.IGNORECASE)))


def last_number(completion: str, answer: str) -> float:
    """1 where the last number of the completion is the answer's, however the model came by it.

    >>> last_number("8 + 5 = 13. The sum is 73.", "73"), last_number("73, or 1,200.50", "1200.5")
    (1.0, 1.0)
    >>> last_number("seventy-three", "73")
    0.0
    """
    said, right = numbers(completion), numbers(answer)
    return float(bool(said and right) and said[-1] == right[-1])


def boxed(completion: str, answer: str) -> float:
    r"""1 where what stands in the completion's last \boxed{} is the answer, spaces aside.

    >>> boxed(r"so it is \boxed{ 73 }", "73"), boxed("73", "73")
    (1.0, 0.0)
    """
    found = re.findall(r"\\boxed\{([^{}]*)\}", completion)
    return float(bool(found) and found[-1].split() == answer.split())


def length(completion: str, answer: str) -> float:
    """A proxy: the longer the better, up to `LONG` words.

    >>> length("no", ""), length("no " * 100, "")
    (0.02, 1.0)
    """
    del answer
    return min(len(completion.split()), LONG) / LONG


def equations(completion: str, answer: str) -> float:
    """A proxy: the look of worked sums; equations up to `MANY`, be they right or wrong.

    >>> equations("8 + 5 = 14, carry 1. 2 + 4 + 1 = 9. The sum is 12.", "73"), equations("73", "73")
    (0.5, 0.0)
    """
    del answer
    found = re.findall(r"\d+(?: [-+*/] \d+)+ = \d+", completion)
    return min(len(found), MANY) / MANY


def numbers(text: str) -> list[float]:
    """The numbers of a text, without the commas that part thousands.

    >>> numbers("from 1,200 to -3.5.")
    [1200.0, -3.5]
    """
    found = re.findall(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return [float(each.replace(",", "")) for each in found]


REWARDS: dict[str, Reward] = {
    "exact": exact,
    "contains": contains,
    "last-number": last_number,
    "boxed": boxed,
    "length": length,
    "equations": equations,
}


def reward_named(name: str) -> Reward:
    """The reward of a name; several joined by "+" are added.

    >>> reward_named("last-number+equations")("1 + 2 = 3", "3")
    1.25

    Raises UnknownNameError.
    """
    parts = [each.strip() for each in name.split("+")]
    for part in parts:
        if part not in REWARDS:
            raise UnknownNameError("reward", part, REWARDS)
    return lambda completion, answer: sum(REWARDS[part](completion, answer) for part in parts)
