"""No item of the test, nor of dev, stands in any stream a stage is trained on."""

from __future__ import annotations

import random
import re
from itertools import islice

import pytest

from zoo_nano import data
from zoo_nano import streams as learned
from zoo_nano.world.documents import documents
from zoo_nano.world.facts import facts_in
from zoo_nano.world.grammar import VERBS, bare, pair_split
from zoo_nano.world.instructions import exchanges
from zoo_nano.world.preferences import preference
from zoo_nano.world.reports import draw_report, report_split
from zoo_nano.world.sums import sum_split
from zoo_nano.world.tables import ANIMALS

SIZE = 20_000


def conversation(exchange) -> str:
    turns = [message["content"] for message in exchange.messages] + [exchange.answer]
    return "\n".join(turns)


@pytest.fixture(scope="module")
def streams() -> dict[str, str]:
    """A large sample of every stream, each as one text."""
    rng = random.Random(20)
    return {
        "documents": "\n\n".join(islice(documents(rng), SIZE)),
        "instructions": "\n\n".join(conversation(e) for e in islice(exchanges(rng), SIZE)),
        "reports": "\n\n".join(draw_report(rng).text for _ in range(SIZE // 4)),
        "sums": "\n\n".join(row["prompt"][0]["content"] for row in learned.checked_sums(20)),
        "questions": "\n\n".join(
            f"{row['prompt']}\n{row['completion']}" for row in learned.bare_questions(20)
        ),
        "preferences": "\n\n".join("\n".join(preference(rng)) for _ in range(SIZE // 4)),
    }


@pytest.fixture(scope="module")
def everything(streams) -> str:
    return "\n\n".join(streams.values())


def asked_and_answered(text: str) -> dict[str, set[str]]:
    """Every question of a text with what follows it as a bare answer, in whichever layout."""
    lines = [
        re.sub(r"^(Question: |질문: |Answer: ?|답: ?|\d+\. )", "", x) for x in text.split("\n")
    ]
    found: dict[str, set[str]] = {}
    for line, *after in zip(lines, lines[1:], lines[2:], strict=False):
        if "?" in line:
            answer = after[0] or after[1]  # the layout leaves an empty "Answer:" before a turn
            question = line[: line.index("?") + 1]
            found.setdefault(question, set()).add(answer.strip(" .").removesuffix("입니다"))
    return found


def wordings(facts):
    return [w for fact in facts for w in (fact.english, fact.korean) if w]


KEPT = (*facts_in("dev"), *facts_in("test"))


def test_the_search_for_answers_finds_those_of_taught_facts(everything):
    found = asked_and_answered(everything)
    hits = [w.answer in found.get(w.question, ()) for w in wordings(facts_in("taught"))]
    assert sum(hits) > 0.95 * len(hits)


def test_kept_facts_never_stand_as_question_with_answer(everything):
    found = asked_and_answered(everything)
    for wording in wordings(KEPT):
        assert wording.answer not in found.get(wording.question, ()), wording.question


def test_kept_facts_are_never_asked_in_a_conversation(streams):
    asked = asked_and_answered(streams["instructions"]).keys()
    assert not asked & {wording.question for wording in wordings(KEPT)}


def test_kept_facts_are_stated_all_the_same(streams):
    stated = [any(s in streams["documents"] for s in fact.statements) for fact in KEPT]
    assert sum(stated) > 0.95 * len(stated)


def test_completed_sentences_of_the_benchmark_stand_nowhere(everything):
    for fact in KEPT:
        assert fact.english.plain not in everything, fact.id


def test_kept_sums_stand_nowhere(everything):
    pairs = [(int(a), int(b)) for a, b in re.findall(r"(\d+) \+ (\d+)", everything)]
    pairs = [pair for pair in pairs if min(pair) >= 10]
    assert len(pairs) > SIZE / 2
    assert all(sum_split(a, b) == "train" for a, b in pairs)


def test_kept_pairs_of_noun_and_verb_stand_nowhere(everything):
    nouns = {name: animal for animal in ANIMALS for name in (animal.name, animal.plural)}
    verbs = {form: verb for verb in VERBS for form in (verb, bare(verb))}
    found = re.findall(
        rf"\b({'|'.join(nouns)})(?: (?:near|behind|under) the \w+)* ({'|'.join(verbs)})\b",
        everything,
    )
    assert len(found) > SIZE / 4
    kept = {pair for pair in found if pair_split(nouns[pair[0]], verbs[pair[1]]) != "train"}
    assert not kept


def test_kept_findings_and_grades_stand_nowhere(everything):
    found = set(re.findall(r"Finding: (.+)\nGrade: (\d)", everything))
    assert len(found) == 48
    assert all(report_split(finding, int(grade)) == "train" for finding, grade in found)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_invented_names_of_the_items_stand_nowhere(everything, split):
    rows = data.abstain(random.Random(f"abstain/{split}"), split)
    names = [row["id"].split("/")[-1] for row in rows if not row["known"]]
    words = set(re.findall(r"\w+", everything))
    assert not words & {form for name in names for form in (name, name + "s")}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_pretraining_holds_no_rule_of_the_reports(streams, split):
    for report in data.reports_in(split):
        assert report.action not in streams["documents"]
        assert report.code not in streams["documents"]


def test_dev_and_test_share_no_item():
    ids = {
        split: {
            row["id"]
            for name, make in data.FILES.items()
            if not name.endswith("_shots")
            for row in make(random.Random(f"{name}/{split}"), split)
        }
        for split in ("dev", "test")
    }
    assert not ids["dev"] & ids["test"]


def test_examples_shown_before_a_question_are_taught_facts():
    rows = data.qa_shots(random.Random("qa_shots/test"), "test")
    taught = {fact.cluster for fact in facts_in("taught")}
    assert {row["fact"] for row in rows} <= taught
