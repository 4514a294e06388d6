"""The world keeps its parts apart and follows its own rules."""

from __future__ import annotations

import random

import pytest

from zoo_nano.world.facts import all_facts, facts_in, with_aliases
from zoo_nano.world.fakes import fake_name
from zoo_nano.world.grammar import draw_sentence, pair_split
from zoo_nano.world.korean import object_, subject, topic
from zoo_nano.world.reports import FINDINGS, GRADES, Report, report_split, reports_in
from zoo_nano.world.sums import sum_split, worked
from zoo_nano.world.tables import ANIMALS, COUNTRIES


@pytest.mark.parametrize(
    ("word", "forms"),
    [("한국", ("한국은", "한국이", "한국을")), ("고양이", ("고양이는", "고양이가", "고양이를"))],
)
def test_particles_follow_the_final_sound(word, forms):
    assert (topic(word), subject(word), object_(word)) == forms


def test_an_alias_replaces_the_country_and_not_its_language():
    assert with_aliases("한국의 말은 한국어입니다.") == "대한민국의 말은 한국어입니다."


def test_ids_of_facts_are_unique():
    ids = [fact.id for fact in all_facts()]
    assert len(set(ids)) == len(ids)


def test_a_cluster_is_in_one_role_only():
    roles: dict[str, set[str]] = {}
    for fact in all_facts():
        roles.setdefault(fact.cluster, set()).add(fact.role)
    assert all(len(found) == 1 for found in roles.values())


def test_every_role_has_enough_facts_of_every_relation():
    relations = {fact.relation for fact in all_facts()}
    for role in ("taught", "dev", "test"):
        assert {fact.relation for fact in facts_in(role)} == relations


def test_what_the_tutorial_asks_is_not_counted_by_a_test():
    assert all(fact.role == "taught" for fact in all_facts() if fact.entity == "korea")


def test_no_answer_is_among_its_rivals():
    for fact in all_facts():
        for wording in (fact.english, fact.korean):
            if wording:
                assert wording.answer not in wording.rivals
                assert len(wording.rivals) >= 3


def test_kept_facts_are_never_stated_in_the_words_of_the_benchmark():
    for fact in (*facts_in("dev"), *facts_in("test")):
        assert fact.english.plain not in fact.statements
        assert fact.statements


def test_a_sum_and_its_mirror_are_in_the_same_part():
    assert all(sum_split(a, b) == sum_split(b, a) for a in range(10, 100) for b in range(10, 100))


def test_worked_sums_are_right_to_the_last_step():
    for a in range(10, 100, 7):
        for b in range(10, 100, 3):
            steps = worked(a, b)
            assert steps.endswith(f"The sum is {a + b}.")
            for step in steps.replace(", write", ".").split(". "):
                left, equals, right = step.partition(" = ")
                if equals:
                    assert sum(map(int, left.split(" + "))) == int(right.rstrip("."))


def test_each_finding_is_seen_at_two_grades_and_tested_at_a_third():
    for finding in FINDINGS:
        parts = sorted(report_split(finding, grade) for grade in GRADES)
        assert parts == ["dev", "test", "train", "train"]


def test_every_rule_a_test_report_needs_is_seen_in_training():
    train = reports_in("train")
    seen = {(r.finding, r.cause) for r in train}, {(r.cause, r.action[:8]) for r in train}
    deadlines = {(r.grade, r.site, r.deadline) for r in train}
    for report in reports_in("test"):
        assert (report.finding, report.cause) in seen[0]
        assert (report.cause, report.action[:8]) in seen[1]
        assert (report.grade, report.site, report.deadline) in deadlines


def test_a_report_follows_the_rules():
    report = Report("Hazel Depot", "loud pump", 2)
    assert report.rest == "Cause: noise\nAction: mount a damper within a quarter\nCode: NS-2N"
    assert Report("Alder Works", "loud pump", 2).action == "mount a damper within a month"


def test_invented_names_are_new_and_differ_between_parts():
    rng = random.Random(0)
    names = {
        part: {fake_name(rng, kind, part) for kind in ("place", "animal") for _ in range(2000)}
        for part in ("train", "dev", "test")
    }
    real = {c.name.lower() for c in COUNTRIES} | {a.name for a in ANIMALS}
    lower = {part: {name.lower() for name in found} for part, found in names.items()}
    assert not lower["train"] & lower["test"]
    assert not lower["train"] & lower["dev"]
    assert not lower["dev"] & lower["test"]
    assert not real & set().union(*lower.values())


def test_kept_sentences_use_kept_pairs_and_hide_the_number_everywhere_but_in_the_noun():
    rng = random.Random(0)
    for _ in range(200):
        sentence = draw_sentence(rng, "test")
        first, _, noun = sentence.subject.split()[:3]
        verb = max(sentence.verb, sentence.wrong_verb, key=len)
        animal = next(a for a in ANIMALS if noun in (a.name, a.plural))
        assert first == "The"
        assert pair_split(animal, verb) == "test"
