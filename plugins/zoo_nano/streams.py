"""What each stage learns from, as rows: (seed) -> rows, all of the training part of the world."""

from __future__ import annotations

import random
from itertools import islice
from typing import Any

from zoo_nano.world.documents import documents
from zoo_nano.world.facts import facts_in
from zoo_nano.world.instructions import LAYOUT, exchanges
from zoo_nano.world.preferences import preference
from zoo_nano.world.reports import draw_report
from zoo_nano.world.sums import ask, draw_pair

Rows = list[dict[str, Any]]

REPORTS = 4_000
QUESTIONS = 4_000
CONVERSATIONS = 28_800
REHEARSED = 0.3
"""Share of pretraining documents among the conversations: without it, they are forgotten."""
SUMS = 640
PREFERENCES = 4_000


def reports(seed: int) -> Rows:
    """Incident reports, to be learned whole."""
    rng = random.Random(seed)
    return [{"text": draw_report(rng).text} for _ in range(REPORTS)]


def bare_questions(seed: int) -> Rows:
    """Questions as the base never saw them answered, nothing around them; the answer is learned."""
    rng = random.Random(seed)
    facts = [rng.choice(facts_in("taught")).english for _ in range(QUESTIONS)]
    return [{"prompt": each.question, "completion": f" {each.answer}"} for each in facts]


def conversations(seed: int) -> Rows:
    """Pretraining documents to be rehearsed, and conversations of which the answer is learned."""
    rng = random.Random(seed)
    rehearsed = round(CONVERSATIONS * REHEARSED)
    rows: Rows = [{"text": text, "messages": None} for text in islice(documents(rng), rehearsed)]
    for exchange in islice(exchanges(rng), CONVERSATIONS - rehearsed):
        answer = {"role": "assistant", "content": exchange.answer}
        rows.append({"text": None, "messages": [*exchange.messages, answer]})
    return rows


def checked_sums(seed: int) -> Rows:
    """Sums, bare or laid out, with their answers."""
    rng = random.Random(seed)
    rows = []
    for _ in range(SUMS):
        a, b = draw_pair(rng)
        content = rng.choice(["{}", LAYOUT]).format(ask(a, b))
        rows.append({"prompt": [{"role": "user", "content": content}], "answer": str(a + b)})
    return rows


def preferences(seed: int) -> Rows:
    """Questions with the better and the worse of two answers."""
    rng = random.Random(seed)
    return [preference(rng)._asdict() for _ in range(PREFERENCES)]
