"""Agreement of a verb with its subject, across phrases that may mislead.

Whole noun-verb pairs are kept from training: an owl never swims there, in either number.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from zoo_nano.world.splits import Split, split_of
from zoo_nano.world.tables import ANIMALS, Animal

VERBS = "sleeps runs jumps stands plays hides drinks waits swims climbs sings rests".split()
ADJECTIVES = "small big happy sad old young quiet hungry brown white black".split()
PLACES = "tree river lake hill house garden bridge road wall gate".split()
PREPOSITIONS = ("near", "behind", "under")
SINGULAR = ("The", "The", "This", "Every", "One")
PLURAL = ("The", "The", "These", "Many", "Some")


class Sentence(NamedTuple):
    """Subject with its phrase, the verb that agrees, and the verb that does not."""

    subject: str
    verb: str
    wrong_verb: str


def bare(verb: str) -> str:
    """The form of the verb that goes with a plural."""
    return verb.removesuffix("s")


def pair_split(animal: Animal, verb: str) -> Split:
    """The part a noun-verb pair belongs to."""
    return split_of(f"{animal.name} {verb}", held=0.2)


def draw_pair(rng: random.Random, split: Split = "train") -> tuple[Animal, str]:
    """An animal and a verb whose pair belongs to `split`."""
    while True:
        animal, verb = rng.choice(ANIMALS), rng.choice(VERBS)
        if pair_split(animal, verb) == split:
            return animal, verb


def draw_sentence(rng: random.Random, split: Split = "train") -> Sentence:
    """A sentence up to its verb.

    In training, none or one phrase stands between noun and verb, and the first word may give the
    number away. Dev and the test have two phrases and "The": only the noun tells.
    """
    animal, verb = draw_pair(rng, split)
    plural = rng.random() < 0.5
    first = rng.choice(PLURAL if plural else SINGULAR) if split == "train" else "The"
    phrases = rng.choice((0, 1)) if split == "train" else 2
    subject = f"{first} {rng.choice(ADJECTIVES)} {animal.plural if plural else animal.name}"
    for preposition in rng.sample(PREPOSITIONS, phrases):
        subject += f" {preposition} the {rng.choice(PLACES)}{rng.choice(('', 's'))}"
    forms = (bare(verb), verb) if plural else (verb, bare(verb))
    return Sentence(subject, *forms)
