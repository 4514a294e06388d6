"""Writes the items of the benchmarks: `python -m zoo_nano.data --out DIR [--split dev|test]`.

The test split is what `benchmarks/tasks/core/data` ships. The dev split has the same shape, shares
no item with it, and is what recipes are tuned on; it is made when it is needed.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from zoo_nano.world.facts import Fact, Wording, facts_in
from zoo_nano.world.fakes import QUESTIONS, UNKNOWN, fake_question
from zoo_nano.world.formats import INSTRUCTIONS, draw_plural, in_form
from zoo_nano.world.grammar import draw_sentence
from zoo_nano.world.reports import CAUSES, DEADLINES, Report, reports_in
from zoo_nano.world.sums import ask, draw_pair

Held = Literal["dev", "test"]
Row = dict[str, Any]


def _choices(rng: random.Random, right: str, wrong: list[str]) -> Row:
    """Options in random order. Each begins with a space, since the tasks put nothing between."""
    options = [right, *wrong]
    rng.shuffle(options)
    return {"choices": [f" {option}" for option in options], "label": options.index(right)}


def _rivals(rng: random.Random, wording: Wording) -> list[str]:
    return rng.sample(wording.rivals, 3)


def facts(rng: random.Random, split: Held) -> list[Row]:
    """Sentences to be completed, one for each kept fact."""
    return [
        {"id": f"facts/{fact.id}", "fact": fact.cluster, "prompt": fact.english.cloze}
        | _choices(rng, fact.english.answer, _rivals(rng, fact.english))
        for fact in facts_in(split)
    ]


def qa(rng: random.Random, split: Held) -> list[Row]:
    """Questions, one for each kept fact."""
    del rng
    return [_question(fact) for fact in facts_in(split)]


def qa_shots(rng: random.Random, split: Held) -> list[Row]:
    """Questions about taught facts, from which examples are drawn."""
    del split
    return [_question(fact) for fact in rng.sample(facts_in("taught"), 40)]


def _question(fact: Fact) -> Row:
    return {
        "id": f"qa/{fact.id}",
        "fact": fact.cluster,
        "question": fact.english.question,
        "answer": fact.english.answer,
    }


def korean(rng: random.Random, split: Held) -> list[Row]:
    """Questions in Korean with four options, one for each kept fact that has a Korean side."""
    return [
        {"id": f"korean/{fact.id}", "fact": fact.cluster, "question": fact.korean.question}
        | _choices(rng, fact.korean.answer, _rivals(rng, fact.korean))
        for fact in facts_in(split)
        if fact.korean
    ]


def grammar(rng: random.Random, split: Held) -> list[Row]:
    """Subjects with phrases that may mislead, and two forms of a verb."""
    rows: dict[str, Row] = {}
    while len(rows) < 140:
        sentence = draw_sentence(rng, split)
        key = f"grammar/{sentence.subject} {sentence.verb}"
        rows[key] = {"id": key, "fact": key, "prompt": sentence.subject} | _choices(
            rng, sentence.verb, [sentence.wrong_verb]
        )
    return list(rows.values())


def _cases(split: Held, count: int) -> list[Report]:
    return random.Random(f"cases/{split}").sample(reports_in(split), count)


def _case(report: Report) -> str:
    return f"{report.finding}/{report.grade}/{report.site}"


def reports(rng: random.Random, split: Held) -> list[Row]:
    """The next line of a report, by turns the action and the code; options cross two mistakes."""
    rows = []
    for number, report in enumerate(_cases(split, 140)):
        cause = report.cause
        code, verb, _ = CAUSES[cause]
        other_code, other_verb, _ = CAUSES[rng.choice([c for c in CAUSES if c != cause])]
        if number % 2:
            field, above, right = "Code", f"Action: {report.action}\n", report.code
            place = right.removeprefix(code)
            region = rng.choice([r for r in "NSEW" if not place.endswith(r)])
            wrong = [f"{c}{p}" for c in (code, other_code) for p in (place, place[:-1] + region)]
        else:
            field, above, right = "Action", "", report.action
            near = DEADLINES.index(report.deadline)
            near += rng.choice([step for step in (-1, 1) if 0 <= near + step < len(DEADLINES)])
            dates = (report.deadline, DEADLINES[near])
            wrong = [f"{v} {date}" for v in (verb, other_verb) for date in dates]
        wrong.remove(right)
        prompt = f"{report.given}\nCause: {cause}\n{above}{field}:"
        row = {"id": f"reports/{field}/{_case(report)}", "fact": _case(report), "prompt": prompt}
        rows.append(row | _choices(rng, right, wrong))
    return rows


def reports_form(rng: random.Random, split: Held) -> list[Row]:
    """Reports of which the first lines are given, to be filled in to the end."""
    del rng
    return [
        {
            "id": f"reports_form/{_case(report)}",
            "fact": _case(report),
            "prompt": report.given,
            "answer": report.rest,
        }
        for report in _cases(split, 140)[:100]
    ]


def arithmetic(rng: random.Random, split: Held) -> list[Row]:
    """Sums."""
    rows: dict[tuple[int, ...], Row] = {}
    while len(rows) < 140:
        a, b = draw_pair(rng, split)
        key = f"arithmetic/{min(a, b)}+{max(a, b)}"
        rows[min(a, b), max(a, b)] = {
            "id": key,
            "fact": key,
            "question": ask(a, b),
            "answer": str(a + b),
        }
    return list(rows.values())


def formats(rng: random.Random, split: Held) -> list[Row]:
    """Kept facts asked for in a certain form, and sentences to be put into the plural."""
    pool = [fact for fact in facts_in(split) if fact.english.answer.isascii()]
    forms = list(INSTRUCTIONS)
    rows = {}
    for number, fact in enumerate(rng.sample(pool, 120)):
        form, wording = forms[number % len(forms)], fact.english
        rows[f"format/{form}/{fact.id}"] = {
            "fact": fact.cluster,
            "prompt": f"{wording.question} {INSTRUCTIONS[form]}",
            "form": form,
            "answer": in_form(wording.answer, form),
        }
    while len(rows) < 140:
        prompt, answer, pair = draw_plural(rng, split)
        key = f"format/plural/{pair}"
        rows[key] = {"fact": key, "prompt": prompt, "form": "plural", "answer": answer}
    return [{"id": key} | row for key, row in rows.items()]


def abstain(rng: random.Random, split: Held) -> list[Row]:
    """Questions about what does not exist, and the same questions about kept facts.

    Half of the invented names are made of syllables that training never used.
    """
    rows: dict[str, Row] = {}
    while len(rows) < 100:
        asked, name = fake_question(rng, split, far=len(rows) % 2 == 1)
        key = f"abstain/fake/{name}"
        rows[key] = {"id": key, "fact": key, "question": asked, "answer": UNKNOWN, "known": False}
    stems = [form.split("{}")[0] for forms in QUESTIONS.values() for form in forms]
    known = [fact for fact in facts_in(split) if fact.english.question.startswith(tuple(stems))]
    for fact in rng.sample(known, 50):
        row = _question(fact) | {"id": f"abstain/known/{fact.id}", "known": True}
        rows[row["id"]] = row
    return list(rows.values())


def abstain_shots(rng: random.Random, split: Held) -> list[Row]:
    """Questions about taught facts as examples for `abstain`: all of them are answered, so that
    none teaches to abstain."""
    return [row | {"known": True} for row in qa_shots(rng, split)]


FILES: dict[str, Callable[[random.Random, Held], list[Row]]] = {
    "facts": facts,
    "grammar": grammar,
    "qa": qa,
    "qa_shots": qa_shots,
    "korean": korean,
    "reports": reports,
    "reports_form": reports_form,
    "arithmetic": arithmetic,
    "format": formats,
    "abstain": abstain,
    "abstain_shots": abstain_shots,
}


def write(out: Path, split: Held = "test") -> None:
    """Write one JSONL file a benchmark into `out`; the bytes depend on nothing but the code."""
    out.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        rows = make(random.Random(f"{name}/{split}"), split)
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m zoo_nano.data", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    arguments = parser.parse_args()
    write(arguments.out, arguments.split)


if __name__ == "__main__":
    main()
