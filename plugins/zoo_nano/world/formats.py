"""Instructions that ask for an answer in a certain form, and sentences to be rewritten."""

from __future__ import annotations

import random

from zoo_nano.world.grammar import PLACES, bare, draw_pair
from zoo_nano.world.splits import Split

INSTRUCTIONS = {
    "sentence": "Answer in a full sentence.",
    "item": "Answer as a list item.",
    "twice": "Say the answer twice.",
    "brackets": "Put the answer in square brackets.",
    "json": "Answer in JSON.",
    "capitals": "Answer in capital letters.",
}
PLURAL = "Make the sentence plural."


def in_form(answer: str, form: str) -> str:
    """`answer` in one of the forms of `INSTRUCTIONS`.

    >>> in_form("Seoul", "json")
    '{"answer": "Seoul"}'
    """
    return {
        "sentence": f"The answer is {answer}.",
        "item": f"- {answer}",
        "twice": f"{answer}, {answer}",
        "brackets": f"[{answer}]",
        "json": f'{{"answer": "{answer}"}}',
        "capitals": answer.upper(),
    }[form]


def draw_plural(rng: random.Random, split: Split = "train") -> tuple[str, str, str]:
    """Instruction with its input, the rewritten sentence, and the noun-verb pair they use."""
    animal, verb = draw_pair(rng, split)
    place = rng.choice(PLACES)
    prompt = f"{PLURAL}\nInput: The {animal.name} {verb} near the {place}."
    answer = f"The {animal.plural} {bare(verb)} near the {place}."
    return prompt, answer, f"{animal.name} {verb}"
