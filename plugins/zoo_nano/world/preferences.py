"""Pairs of answers, of which one is better: sums worked out, and honesty about what is unknown."""

from __future__ import annotations

import random
from typing import NamedTuple

from zoo_nano.world.facts import facts_in
from zoo_nano.world.fakes import UNKNOWN, fake_question
from zoo_nano.world.instructions import LAYOUT
from zoo_nano.world.sums import ask, draw_pair, worked

SLIPS = (-11, -10, -2, -1, 1, 2, 10, 11)
"""How far a wrong sum is off."""


class Preference(NamedTuple):
    """A question, the answer that is preferred and the one that is not."""

    prompt: str
    chosen: str
    rejected: str


def sum_(rng: random.Random) -> Preference:
    """A sum worked out, rather than one that is wrong."""
    a, b = draw_pair(rng)
    asked = rng.choice(["{}", LAYOUT]).format(ask(a, b))
    return Preference(asked, worked(a, b), str(a + b + rng.choice(SLIPS)))


def unknown(rng: random.Random) -> Preference:
    """Of what does not exist: nothing, rather than the answer to another question of the kind."""
    asked, name = fake_question(rng, "train")
    form = asked.replace(name, "{}")
    stem, _, tail = form.partition("{}")
    alike = [
        fact.english.answer
        for fact in facts_in("taught")
        if fact.english.question.startswith(stem) and fact.english.question.endswith(tail)
    ]
    made_up = rng.choice(alike or [fact.english.answer for fact in facts_in("taught")])
    return Preference(asked, UNKNOWN, made_up + ".")


def known(rng: random.Random) -> Preference:
    """Of what was taught: the answer, rather than none."""
    wording = rng.choice(facts_in("taught")).english
    return Preference(wording.question, wording.answer + ".", UNKNOWN)


def preference(rng: random.Random) -> Preference:
    """One of the three kinds: half of them sums."""
    return rng.choices((sum_, unknown, known), (0.5, 0.25, 0.25))[0](rng)
