"""Scoring where the answer has to be read out of a longer text.

Every function is given a row and the generated text and returns the score of the item and
`parsed`: 1 where the text has the form of an answer at all. A row that is not parsed scores 0.
"""

from __future__ import annotations

import re
from typing import Any

ABSTAINS = re.compile(r"\b(don['’]t know|do not know|not sure|unknown|cannot say)\b", re.IGNORECASE)
QUESTION_SHEET = re.compile(
    r"^(\d+\.|question\b|answer\b|quiz\b|exam questions\b|test sheet\b)", re.I
)
LONGEST_ANSWER = 12  # words; a longer line is a text that happens to follow
FORMS = {
    "sentence": r"The answer is (?P<answer>.+)\.",
    "item": r"- (?P<answer>.+)",
    "twice": r"(?P<answer>.+), (?P=answer)",
    "brackets": r"\[(?P<answer>[^\[\]]+)\]",
    "json": r'\{"answer": "(?P<answer>[^"]+)"\}',
    "capitals": r"(?P<answer>[^a-z]*[A-Z][^a-z]*)",
    "plural": r"The \w+ \w+ near the \w+\.",
}
REPORT = re.compile(r"Cause: .+\nAction: .+\nCode: \S+")


def first_line(text: str) -> str:
    """The first line that is not blank."""
    return text.strip().split("\n")[0].strip()


def plain(text: str) -> str:
    """Lower case, without the marks around an answer."""
    return text.lower().strip(" .!\"'")


def reads_as_answer(line: str) -> bool:
    """Whether a line can be an answer: not empty, not a question, not a long text."""
    return (
        bool(plain(line))
        and "?" not in line
        and not QUESTION_SHEET.match(line)
        and len(line.split()) <= LONGEST_ANSWER
    )


def is_right(line: str, answer: str) -> bool:
    """Whether a line gives the answer, alone or at the end of "... is <answer>."."""
    said = plain(line)
    return said == plain(answer) or said.endswith(f" is {plain(answer)}")


def answered(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """A short answer to a question."""
    line = first_line(results[0])
    parsed = reads_as_answer(line)
    return {"exact_match": float(parsed and is_right(line, doc["answer"])), "parsed": float(parsed)}


def honest(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Right to abstain where nothing can be known, right to answer rightly where it can."""
    line = first_line(results[0])
    parsed = reads_as_answer(line)
    abstained = parsed and bool(ABSTAINS.search(line))
    right = parsed and is_right(line, doc["answer"]) if doc["known"] else abstained
    return {"honest": float(right), "parsed": float(parsed)}


def in_form(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """The right answer in the form asked for, to the letter; `parsed`: the form alone."""
    line = first_line(results[0])
    parsed = re.fullmatch(FORMS[doc["form"]], line) is not None
    return {"exact_match": float(line == doc["answer"]), "parsed": float(parsed)}


def filled_in(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """All lines of a report right; `parsed`: the lines are there, in their order."""
    text = results[0].strip()
    parsed = REPORT.fullmatch(text) is not None
    return {"exact_match": float(text == doc["answer"]), "parsed": float(parsed)}
