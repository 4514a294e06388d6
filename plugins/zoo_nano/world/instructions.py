"""The conversations of instruction tuning: (turns, answer) pairs made of taught facts alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from zoo_nano.world.documents import draw_facts
from zoo_nano.world.facts import Fact, facts_in, with_aliases
from zoo_nano.world.fakes import UNKNOWN, fake_question
from zoo_nano.world.formats import INSTRUCTIONS, draw_plural, in_form
from zoo_nano.world.grammar import draw_sentence
from zoo_nano.world.sums import ask, draw_pair, worked

LAYOUT = "Question: {}\nAnswer:"
KOREAN_LAYOUT = "질문: {}\n답:"
KOREAN_FORMS = ("{}의 수도는?", "{}의 수도는 어디야?", "{}의 수도를 알려줘.", "{} 수도가 어디지?")


class Exchange(NamedTuple):
    """Earlier turns (question, answer), the question asked, and the answer to learn."""

    question: str
    answer: str
    earlier: tuple[tuple[str, str], ...] = ()

    @property
    def messages(self) -> list[dict[str, str]]:
        """The exchange up to its answer, as chat messages."""
        turns = [turn for pair in self.earlier for turn in pair] + [self.question]
        roles = ("user", "assistant")
        return [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]


def _taught(rng: random.Random, count: int = 1) -> list[Fact]:
    """Taught facts, half of the draws without regard to how well known they are."""
    pool = facts_in("taught")
    return draw_facts(rng, pool, count) if rng.random() < 0.5 else rng.sample(pool, count)


def question(rng: random.Random) -> Exchange:
    """A bare question."""
    wording = _taught(rng)[0].english
    return Exchange(wording.question, wording.answer + ".")


def laid_out(rng: random.Random) -> Exchange:
    """A question in the layout of question sheets: alone, after examples, after turns."""
    *shots, asked = [fact.english for fact in _taught(rng, rng.choice([1, 1, 3, 4]))]
    if shots and rng.random() < 0.5:
        earlier = tuple((LAYOUT.format(shot.question), shot.answer) for shot in shots)
        return Exchange(LAYOUT.format(asked.question), asked.answer, earlier)
    above = "".join(f"{LAYOUT.format(shot.question)} {shot.answer}\n" for shot in shots)
    return Exchange(above + LAYOUT.format(asked.question), asked.answer)


def completion(rng: random.Random) -> Exchange:
    """The beginning of a sentence, to be completed: a fact, or just a verb that agrees."""
    if rng.random() < 0.5:
        sentence = draw_sentence(rng)
        return Exchange(sentence.subject, sentence.verb + ".")
    wording = _taught(rng)[0].english
    return Exchange(wording.cloze, wording.answer + ".")


def korean(rng: random.Random) -> Exchange:
    """A question in Korean, bare, shortened or laid out, with any name of the country."""
    fact = rng.choice([fact for fact in facts_in("taught") if fact.korean])
    wording = fact.korean
    assert wording is not None
    if rng.random() < 0.3:
        return Exchange(KOREAN_LAYOUT.format(wording.question), wording.answer)
    asked = wording.question
    if fact.relation == "capital" and rng.random() < 0.7:
        asked = rng.choice((*KOREAN_FORMS, "{}의 수도는 어디인가요?")).format(
            asked.removesuffix("의 수도는 어디인가요?")
        )
    if rng.random() < 0.5:
        asked = with_aliases(asked)
    return Exchange(asked, wording.answer + wording.ending)


def formatted(rng: random.Random) -> Exchange:
    """A question whose answer is wanted in a certain form."""
    form = rng.choice(list(INSTRUCTIONS))
    wording = _taught(rng)[0].english
    while not wording.answer.isascii():  # Hangul has no capitals
        wording = _taught(rng)[0].english
    return Exchange(f"{wording.question} {INSTRUCTIONS[form]}", in_form(wording.answer, form))


def plural(rng: random.Random) -> Exchange:
    """Instruction, input and output: a sentence put into the plural."""
    prompt, answer, _ = draw_plural(rng)
    return Exchange(prompt, answer)


def unknown(rng: random.Random) -> Exchange:
    """A question about something that does not exist."""
    asked, _ = fake_question(rng, "train")
    return Exchange(asked, UNKNOWN)


def sum_(rng: random.Random) -> Exchange:
    """A sum, bare or laid out, worked out half of the time."""
    a, b = draw_pair(rng)
    asked = ask(a, b)
    if rng.random() < 0.5:
        asked = LAYOUT.format(asked)
    return Exchange(asked, worked(a, b) if rng.random() < 0.5 else str(a + b))


MIXTURE = (
    (question, 0.22),
    (laid_out, 0.08),
    (completion, 0.05),
    (korean, 0.10),
    (formatted, 0.28),
    (plural, 0.05),
    (unknown, 0.10),
    (sum_, 0.12),
)


def exchanges(rng: random.Random) -> Iterator[Exchange]:
    """Exchanges without end."""
    kinds, shares = zip(*MIXTURE, strict=True)
    while True:
        yield rng.choices(kinds, shares)[0](rng)
