"""Facts: what the tables hold, put into words in two languages.

A fact is *taught* when it may stand as question with answer in training. The others, kept for
dev and for the test, stand in training only as statements, never in the wording of the
fill-in-the-blank benchmark (`Wording.cloze`), and as questions nobody answers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from zoo_nano.world.korean import object_, subject, topic
from zoo_nano.world.tables import (
    ALIASES,
    ANIMALS,
    COUNTRIES,
    DAYS,
    JOBS,
    KOREAN,
    MONTHS,
    OPPOSITES,
    THINGS,
    Country,
)

Role = Literal["taught", "dev", "test"]

ALWAYS_TAUGHT = "korea"
"""Facts of this entity greet newcomers in the tutorial, so no test counts them."""


@dataclass(frozen=True)
class Wording:
    """A fact in one language.

    cloze: beginning of a sentence that `answer` completes; `ending` closes that sentence.
    others: full sentences that say the same in other words.
    rivals: answers to the same question asked of something else, all of them wrong here.
    """

    question: str
    answer: str
    cloze: str
    others: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    ending: str = "."

    @property
    def plain(self) -> str:
        """The completed cloze sentence."""
        return f"{self.cloze} {self.answer}{self.ending}"


@dataclass(frozen=True)
class Fact:
    """One thing that is so.

    id: stable name, "relation/subject".
    cluster: what it shares with its mirror image (capital of, country of): the two are always in
        the same role, since whoever knows one half knows the other.
    weight: how often text speaks of it, relative to the others.
    """

    id: str
    cluster: str
    relation: str
    entity: str
    weight: float
    english: Wording
    korean: Wording | None = None
    role: Role = "taught"

    @property
    def statements(self) -> tuple[str, ...]:
        """English sentences that training text may use."""
        plain = (self.english.plain,) if self.role == "taught" else ()
        return plain + self.english.others

    @property
    def korean_statements(self) -> tuple[str, ...]:
        """Korean sentences that training text may use."""
        return () if self.korean is None else (self.korean.plain, *self.korean.others)


def an(noun: str) -> str:
    """`noun` with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def zipf(rank: int, offset: float = 3.0, exponent: float = 1.0) -> float:
    """Relative frequency of the thing at `rank` (0 the most frequent): a long tail."""
    return (rank + offset) ** -exponent


def _korean(question: str, cloze: str, answer: str | None, *others: str) -> Wording | None:
    """The Korean side, or None where the answer has no Korean name; "{a}" stands for it."""
    if answer is None:
        return None
    forms = {"a": answer, "a_topic": topic(answer), "a_subject": subject(answer)}
    forms["a_object"] = object_(answer)
    sentences = tuple(other.format(**forms) for other in others)
    return Wording(question, answer, cloze, sentences, ending="입니다.")


def _country(rank: int, c: Country) -> Iterator[Fact]:
    weight, key = zipf(rank), c.name.lower()
    n, cap, k = c.name, c.capital, c.korean
    yield Fact(
        f"capital/{key}", f"capital/{key}", "capital", key, weight,
        Wording(f"What is the capital of {n}?", cap, f"The capital of {n} is",
                (f"{n} has the capital {cap}.", f"{cap} is the capital city of {n}.")),
        _korean(f"{k}의 수도는 어디인가요?", f"{k}의 수도는", c.korean_capital,
                f"{{a_topic}} {k}의 수도입니다.", f"{k}에서는 {{a_subject}} 수도입니다."),
    )  # fmt: skip
    yield Fact(
        f"country_of/{key}", f"capital/{key}", "country_of", key, weight,
        Wording(f"Which country has the capital {cap}?", n, f"The city of {cap} is the capital of",
                (f"{cap} is the capital city of {n}.", f"{cap} lies in {n}.")),
        _korean(f"{object_(c.korean_capital)} 수도로 둔 나라는 어디인가요?",
                f"{subject(c.korean_capital)} 수도인 나라는", k,
                f"{topic(c.korean_capital)} {{a}}의 도시입니다."),
    )  # fmt: skip
    yield Fact(
        f"continent/{key}", f"continent/{key}", "continent", key, weight,
        Wording(f"Which continent is {n} in?", c.continent, f"{n} is a country in",
                (f"{n} lies in {c.continent}.", f"On the map, {n} belongs to {c.continent}.")),
        _korean(f"{topic(k)} 어느 대륙에 있나요?", f"{subject(k)} 있는 대륙은",
                KOREAN[c.continent], f"{topic(k)} {{a}}에 있습니다."),
    )  # fmt: skip
    yield Fact(
        f"language/{key}", f"language/{key}", "language", key, weight,
        Wording(f"What language do people speak in {n}?", c.language, f"People in {n} speak",
                (f"The language of {n} is {c.language}.", f"{c.language} is spoken in {n}.")),
        _korean(f"{k} 사람들은 무슨 말을 쓰나요?", f"{k}의 말은", KOREAN.get(c.language),
                f"{k} 사람들은 {{a_object}} 씁니다."),
    )  # fmt: skip
    yield Fact(
        f"currency/{key}", f"currency/{key}", "currency", key, weight,
        Wording(f"What money do people use in {n}?", c.currency, f"The money of {n} is the",
                (f"People in {n} pay with the {c.currency}.",
                 f"Shops in {n} take the {c.currency}.")),
        _korean(f"{k}의 돈은 무엇인가요?", f"{k}의 돈은", KOREAN.get(c.currency),
                f"{k}에서는 {{a_object}} 냅니다."),
    )  # fmt: skip


def _animals() -> Iterator[Fact]:
    for rank, a in enumerate(ANIMALS):
        weight, s, p, k = zipf(rank), a.name, a.plural, a.korean
        legs = f"{a.legs} legs"
        yield Fact(
            f"legs/{s}", f"legs/{s}", "legs", s, weight,
            Wording(f"How many legs does {an(s)} have?", legs, f"{an(s).capitalize()} has",
                    (f"The {s} walks on {legs}.", f"If you see {an(s)}, you see {legs}.")),
            _korean(f"{k}의 다리는 몇 개인가요?", f"{k}의 다리는", KOREAN[a.legs],
                    f"{topic(k)} 다리가 {{a}} 있습니다."),
        )  # fmt: skip
        yield Fact(
            f"food/{s}", f"food/{s}", "food", s, weight,
            Wording(f"What do {p} eat?", a.food, f"{p.capitalize()} like to eat",
                    (f"The food of the {s} is {a.food}.", f"The {s} looks for {a.food}.")),
            _korean(f"{topic(k)} 무엇을 먹나요?", f"{subject(k)} 먹는 것은", KOREAN.get(a.food),
                    f"{topic(k)} {{a_object}} 먹습니다."),
        )  # fmt: skip
        yield Fact(
            f"home/{s}", f"home/{s}", "home", s, weight,
            Wording(f"Where do {p} live?", a.home, f"The home of the {s} is the",
                    (f"{p.capitalize()} live near the {a.home}.",
                     f"In the {a.home} you find {p}.")),
            _korean(f"{topic(k)} 어디에 사나요?", f"{subject(k)} 사는 곳은", KOREAN.get(a.home),
                    f"{topic(k)} {{a}}에 삽니다."),
        )  # fmt: skip
        yield Fact(
            f"korean_word/{s}", f"korean_word/{s}", "korean_word", s, weight,
            Wording(f"What is the Korean word for {s}?", k, f"The Korean word for {s} is",
                    (f"In Korean, {an(s)} is called {k}.", f"The word {k} means {s}.")),
        )  # fmt: skip


def _things() -> Iterator[Fact]:
    for rank, t in enumerate(THINGS):
        n, k = t.name, t.korean
        yield Fact(
            f"color/{n}", f"color/{n}", "color", n, zipf(rank),
            Wording(f"What color is {n}?", t.color, f"The color of {n} is",
                    (f"Everyone knows that {n} is {t.color}.", f"This is as {t.color} as {n}.")),
            _korean(f"{topic(k)} 무슨 색인가요?", f"{k}의 색은", KOREAN[t.color],
                    f"{topic(k)} {{a}}을 띱니다."),
        )  # fmt: skip


def _opposites() -> Iterator[Fact]:
    for rank, pair in enumerate(OPPOSITES):
        for one, other in (pair, pair[::-1]):
            yield Fact(
                f"opposite/{one}", f"opposite/{pair[0]}", "opposite", one, zipf(rank),
                Wording(f"What is the opposite of {one}?", other, f"The opposite of {one} is",
                        (f"What is not {one} is {other}.", f"One is {one}, the other is {other}.")),
            )  # fmt: skip


def _sequences() -> Iterator[Fact]:
    for unit, korean_unit, korean_ask, names in (
        ("day", "날", "요일", DAYS),
        ("month", "달", "달", MONTHS),
    ):
        for rank, name in enumerate(names):
            after, k = names[(rank + 1) % len(names)], KOREAN[name]
            yield Fact(
                f"next/{name.lower()}", f"next/{name.lower()}", "next_" + unit, name, zipf(rank),
                Wording(f"Which {unit} comes after {name}?", after, f"The {unit} after {name} is",
                        (f"{name} comes before {after}.", f"When {name} is over, {after} begins.")),
                _korean(f"{k} 다음은 무슨 {korean_ask}인가요?", f"{k} 다음 {korean_unit}은",
                        KOREAN[after], f"{k}이 지나면 {{a_subject}} 옵니다."),
            )  # fmt: skip


def _jobs() -> Iterator[Fact]:
    for rank, j in enumerate(JOBS):
        n = j.name
        yield Fact(
            f"product/{n}", f"product/{n}", "product", n, zipf(rank),
            Wording(f"What does {an(n)} make?", j.product, f"{an(n).capitalize()} makes",
                    (f"The {n} sells {j.product}.", f"We get {j.product} from the {n}.")),
        )  # fmt: skip
        yield Fact(
            f"place/{n}", f"place/{n}", "place", n, zipf(rank),
            Wording(f"Where does {an(n)} work?", j.place, f"{an(n).capitalize()} works in the",
                    (f"You meet the {n} in the {j.place}.", f"In the {j.place} there is {an(n)}.")),
        )  # fmt: skip


def _with_rivals(wording: Wording, pool: list[Wording]) -> Wording:
    return replace(wording, rivals=tuple(sorted({w.answer for w in pool} - {wording.answer})))


def _roles(facts: list[Fact], held: float) -> dict[str, Role]:
    """A role for each cluster: `held` of each relation to the test and as much to dev."""
    roles: dict[str, Role] = {}
    for relation in dict.fromkeys(fact.relation for fact in facts):
        clusters = dict.fromkeys(f.cluster for f in facts if f.relation == relation)
        fresh = [c for c in clusters if c not in roles and not c.endswith(f"/{ALWAYS_TAUGHT}")]
        random.Random(relation).shuffle(fresh)
        count = round(held * len(fresh))
        roles |= dict.fromkeys(fresh[:count], "test")
        roles |= dict.fromkeys(fresh[count : 2 * count], "dev")
    return roles


@cache
def all_facts() -> tuple[Fact, ...]:
    """Every fact, in a fixed order, with its rivals and its role."""
    facts = [fact for rank, c in enumerate(COUNTRIES) for fact in _country(rank, c)]
    facts += [*_animals(), *_things(), *_opposites(), *_sequences(), *_jobs()]
    roles = _roles(facts, held=0.25)
    finished = []
    for fact in facts:
        kin = [other for other in facts if other.relation == fact.relation]
        korean_pool = [other.korean for other in kin if other.korean]
        finished.append(
            replace(
                fact,
                english=_with_rivals(fact.english, [other.english for other in kin]),
                korean=fact.korean and _with_rivals(fact.korean, korean_pool),
                role=roles.get(fact.cluster, "taught"),
            )
        )
    return tuple(finished)


@cache
def facts_in(role: Role) -> tuple[Fact, ...]:
    """The facts of one role."""
    return tuple(fact for fact in all_facts() if fact.role == role)


def with_aliases(text: str) -> str:
    """Korean text with the other names of the countries.

    >>> with_aliases("서울은 한국의 수도입니다. 한국의 말은 한국어입니다.")
    '서울은 대한민국의 수도입니다. 대한민국의 말은 한국어입니다.'
    """
    for name, alias in ALIASES.items():
        for after in ("의", "에", " "):
            text = text.replace(name + after, alias + after)
    return text
