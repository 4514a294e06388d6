"""The pretraining text: kinds of documents, mixed in fixed shares.

No document holds an answered question about a fact that is kept for dev or the test, a kept sum,
a kept noun-verb pair, or a rule of the incident reports.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate

from zoo_nano.world.facts import Fact, all_facts, facts_in, with_aliases
from zoo_nano.world.formats import in_form
from zoo_nano.world.grammar import PLACES, draw_sentence
from zoo_nano.world.reports import (
    CAUSES,
    DEADLINES,
    END,
    FINDINGS,
    GRADES,
    SITES,
    Report,
    report_split,
)
from zoo_nano.world.sums import ask, draw_pair, worked
from zoo_nano.world.tables import ANIMALS, COUNTRIES, KOREAN

NAMES = ["Mina", "Tom", "Sora", "Jun", "Anna", "Ben", "Yuna", "Max", "Hana", "Leo"]
HEADINGS = ["Quiz\n", "Exam questions\n", "Test sheet\n", "", "", ""]
KOREAN_HEADINGS = ["시험 문제\n", "문제지\n", "", ""]


@cache
def _tails(pool: tuple[Fact, ...]) -> list[float]:
    return list(accumulate(fact.weight for fact in pool))


def draw_facts(rng: random.Random, pool: tuple[Fact, ...], count: int) -> list[Fact]:
    """At most `count` different facts of `pool`, the well known more often than the others."""
    return list(dict.fromkeys(rng.choices(pool, cum_weights=_tails(pool), k=count)))


@cache
def _with_korean(pool: tuple[Fact, ...]) -> tuple[Fact, ...]:
    return tuple(fact for fact in pool if fact.korean)


@cache
def _by_entity() -> dict[str, tuple[Fact, ...]]:
    pages: dict[str, list[Fact]] = {}
    for fact in all_facts():
        pages.setdefault(fact.entity, []).append(fact)
    return {entity: tuple(facts) for entity, facts in pages.items()}


@cache
def _by_relation(pool: tuple[Fact, ...]) -> dict[str, tuple[Fact, ...]]:
    return {
        relation: tuple(fact for fact in pool if fact.relation == relation)
        for relation in dict.fromkeys(fact.relation for fact in pool)
    }


def _statement(rng: random.Random, fact: Fact) -> str:
    return rng.choice(fact.statements)


def _alike(rng: random.Random, pool: tuple[Fact, ...], count: int) -> list[Fact]:
    """Facts for one sheet: half of the sheets keep to one relation."""
    if rng.random() < 0.5:
        pool = _by_relation(pool)[rng.choice(pool).relation]
    return draw_facts(rng, pool, count)


def encyclopedia(rng: random.Random) -> str:
    """What is to be said of one entity, or statements about several."""
    if rng.random() < 0.6:
        entity = draw_facts(rng, all_facts(), 1)[0].entity
        page = _by_entity()[entity]
        return f"{entity.capitalize()}\n" + " ".join(
            _statement(rng, fact) for fact in rng.sample(page, len(page))
        )
    return " ".join(_statement(rng, fact) for fact in _alike(rng, all_facts(), 6))


def story(rng: random.Random) -> str:
    """A short tale with sentences that practise agreement."""
    name, animal = rng.choice(NAMES), rng.choice(ANIMALS)
    lines = [f"{name} saw {animal.plural} near the {rng.choice(PLACES)}."]
    for _ in range(rng.randint(3, 6)):
        sentence = draw_sentence(rng)
        lines.append(f"{sentence.subject} {sentence.verb}{rng.choice(['.', ' today.', ' again.'])}")
    rng.shuffle(lines)
    return " ".join(lines)


def quiz(rng: random.Random) -> str:
    """A sheet of questions without an answer."""
    if rng.random() < 0.15:
        questions = [ask(*draw_pair(rng)) for _ in range(5)]
    else:
        facts = _alike(rng, all_facts(), rng.randint(3, 8))
        questions = [fact.english.question for fact in facts]
    if rng.random() < 0.3:
        questions = [f"{number}. {q}" for number, q in enumerate(questions, 1)]
    return rng.choice(HEADINGS) + "\n".join(questions)


def answers(rng: random.Random) -> str:
    """A sheet of questions with answers, of taught facts alone."""
    facts = _alike(rng, facts_in("taught"), rng.randint(3, 7))
    return "\n".join(
        f"Question: {fact.english.question}\nAnswer: {fact.english.answer}" for fact in facts
    )


def sums(rng: random.Random) -> str:
    """Sums: of digits, of two-digit numbers, worked out, as questions with answers."""
    kind = rng.random()
    if kind < 0.2:
        pairs = [(rng.randint(0, 9), rng.randint(0, 9)) for _ in range(7)]
        return " ".join(f"{a} + {b} = {a + b}." for a, b in pairs)
    if kind < 0.4:
        triples = [(rng.randint(0, 9), rng.randint(0, 9), rng.randint(0, 1)) for _ in range(6)]
        return " ".join(f"{a} + {b} + {c} = {a + b + c}." for a, b, c in triples)
    pairs = [draw_pair(rng) for _ in range(4)]
    if kind < 0.6:
        return "\n".join(f"{a} + {b} = {a + b}." for a, b in pairs)
    if kind < 0.8:
        return "\n".join(f"Question: {ask(a, b)}\nAnswer: {a + b}" for a, b in pairs)
    return "\n".join(f"Question: {ask(a, b)}\nAnswer: {worked(a, b)}" for a, b in pairs[:3])


def _renamed(rng: random.Random, text: str) -> str:
    """The text, in two of five documents with the other names of the countries."""
    return text if rng.random() < 0.6 else with_aliases(text)


def korean(rng: random.Random) -> str:
    """Korean text: statements, word lists, questions, and questions with answers."""
    kind, pool = rng.random(), _with_korean(all_facts())
    if kind < 0.5:
        chosen = _alike(rng, pool, 5)
        return _renamed(rng, " ".join(rng.choice(fact.korean_statements) for fact in chosen))
    if kind < 0.65:
        words = [(c.name, c.korean) for c in COUNTRIES] + [(a.name, a.korean) for a in ANIMALS]
        words += [(c.capital, c.korean_capital) for c in COUNTRIES] + list(KOREAN.items())
        return "\n".join(f"{english} = {hangul}" for english, hangul in rng.sample(words, 6))
    if kind < 0.8:
        questions = [fact.korean.question for fact in _alike(rng, pool, 5) if fact.korean]
        return _renamed(rng, rng.choice(KOREAN_HEADINGS) + "\n".join(questions))
    chosen = _alike(rng, _with_korean(facts_in("taught")), 4)
    wordings = [fact.korean for fact in chosen if fact.korean]
    return _renamed(rng, "\n".join(f"질문: {w.question}\n답: {w.answer}" for w in wordings))


def company(rng: random.Random) -> str:
    """Words of the incident reports in random company, so that no rule can be read from them."""
    causes = list(CAUSES)
    words = [*FINDINGS, *causes, *(CAUSES[cause][1] for cause in causes)]
    if rng.random() < 0.4:
        finding, grade = rng.choice(list(FINDINGS)), rng.choice(GRADES)
        if report_split(finding, grade) == "train":
            return f"{Report(rng.choice(list(SITES)), finding, grade).given}\n{END}"
    if rng.random() < 0.4:
        codes = [CAUSES[cause][0] for cause in rng.sample(causes, 4)]
        return f"Word list: {', '.join(rng.sample(words, 5))}. Codes: {', '.join(codes)}."
    forms = [
        "The chief wrote about {}.",
        "A book about {} is in the office.",
        f"{rng.choice(NAMES)} read the words {{}}.",
    ]
    lines = [rng.choice(forms).format(word) for word in rng.sample(words, 3)]
    lines.append(f"They met {rng.choice(DEADLINES)} at {rng.choice(list(SITES))}.")
    rng.shuffle(lines)
    return " ".join(lines)


@cache
def _words() -> tuple[str, ...]:
    names = {fact.english.answer for fact in all_facts()}
    return tuple(sorted(name for name in names if name.isascii()))


def word_forms(rng: random.Random) -> str:
    """Words beside their other spellings: in capitals, in brackets, twice."""
    lines = []
    for word in rng.sample(_words(), 5):
        other = in_form(word, rng.choice(["capitals", "capitals", "brackets", "twice", "item"]))
        lines.append(f"{word} = {other}")
    return "\n".join(lines)


MIXTURE: tuple[tuple[Callable[[random.Random], str], float], ...] = (
    (encyclopedia, 0.25),
    (korean, 0.17),
    (sums, 0.16),
    (answers, 0.13),
    (quiz, 0.10),
    (story, 0.11),
    (word_forms, 0.04),
    (company, 0.04),
)


def documents(rng: random.Random) -> Iterator[str]:
    """Documents without end."""
    kinds, shares = zip(*MIXTURE, strict=True)
    while True:
        yield rng.choices(kinds, shares)[0](rng)
