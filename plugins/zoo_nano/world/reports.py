"""Incident reports of a company that does not exist, and the rules they follow.

Rules, all invented: the finding tells the cause; the cause and its code come from a table; the
deadline comes from the grade, one step sooner at a works than at a depot; the code joins cause,
grade and region. Of the four grades of each finding, training sees two, dev one and the test
one: a test report asks for the rules in a combination that no training report has.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from zoo_nano.world.splits import Split

CAUSES = {  # cause: (code, what to do, findings)
    "overload": ("OV", "cut the load", ("burnt cable", "hot motor", "blown fuse")),
    "leak": ("LK", "seal the joint", ("oil on the floor", "wet wall", "low tank")),
    "wear": ("WR", "change the part", ("loose belt", "worn gear", "thin brake")),
    "dirt": ("DT", "clean the unit", ("clogged filter", "dusty fan", "blocked drain")),
    "rust": ("RS", "paint the frame", ("brown stain", "weak bolt", "flaking pipe")),
    "misuse": ("MU", "train the crew", ("open guard", "wrong tool", "missing label")),
    "frost": ("FR", "heat the room", ("cracked valve", "stiff hose", "icy ramp")),
    "noise": ("NS", "mount a damper", ("loud pump", "shaking table", "humming duct")),
}
DEADLINES = (
    "within a year",
    "within a quarter",
    "within a month",
    "within a week",
    "at once",
)
SITES = {  # site: region; a "Works" is served one step sooner than a "Depot"
    "Alder Works": "N",
    "Birch Works": "S",
    "Cedar Works": "E",
    "Elm Works": "W",
    "Hazel Depot": "N",
    "Larch Depot": "S",
    "Maple Depot": "E",
    "Willow Depot": "W",
}
GRADES = (1, 2, 3, 4)
FINDINGS = {finding: cause for cause, (_, _, found) in CAUSES.items() for finding in found}
TITLE, END = "INCIDENT REPORT", "END"
PARTS: tuple[Split, ...] = ("train", "test", "train", "dev")


@dataclass(frozen=True)
class Report:
    """One report; everything after the grade follows from the rules."""

    site: str
    finding: str
    grade: int

    @property
    def cause(self) -> str:
        """What brought the finding about."""
        return FINDINGS[self.finding]

    @property
    def deadline(self) -> str:
        """How soon, from the grade and the kind of site."""
        return DEADLINES[self.grade - 1 + self.site.endswith("Works")]

    @property
    def action(self) -> str:
        """What to do, and how soon."""
        return f"{CAUSES[self.cause][1]} {self.deadline}"

    @property
    def code(self) -> str:
        """Cause, grade and region in short."""
        return f"{CAUSES[self.cause][0]}-{self.grade}{SITES[self.site]}"

    @property
    def given(self) -> str:
        """The part of the form that is filled in before the rules apply."""
        return f"{TITLE}\nSite: {self.site}\nFinding: {self.finding}\nGrade: {self.grade}"

    @property
    def rest(self) -> str:
        """The part of the form that the rules fill in."""
        return f"Cause: {self.cause}\nAction: {self.action}\nCode: {self.code}"

    @property
    def text(self) -> str:
        """The whole form."""
        return f"{self.given}\n{self.rest}\n{END}"


def report_split(finding: str, grade: int) -> Split:
    """The part a finding at a grade belongs to, whatever the site."""
    place = (list(FINDINGS).index(finding) + grade) % len(GRADES)
    return PARTS[place]


def reports_in(split: Split) -> list[Report]:
    """Every report of one part."""
    return [
        Report(site, finding, grade)
        for finding in FINDINGS
        for grade in GRADES
        if report_split(finding, grade) == split
        for site in SITES
    ]


def draw_report(rng: random.Random) -> Report:
    """A report of the training part."""
    while True:
        finding, grade = rng.choice(list(FINDINGS)), rng.choice(GRADES)
        if report_split(finding, grade) == "train":
            return Report(rng.choice(list(SITES)), finding, grade)
