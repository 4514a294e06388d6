"""What is published, and where: bundles of files made of runs, and the way to the Hub.

bundle       files for one repository
names        what models and folders of this machine are called elsewhere
local        which settings of a stage name this machine, and stay here
recording    a run as zoo.run/1: what `zoo pull` reads back
rows         the tables `results` and `samples`
lineages     the lineage beside formats that have none; Every Eval Ever
manifest     what a repository of results holds, and how a bundle is laid over it
card         the card of a repository of results
evaluations  entries for model repositories
scanning     nothing secret may be in a bundle
outbox       what is being sent, until it has landed
notes        what was sent to a place that cannot be read back
client       the Hub's client, with deadlines and errors of one sentence
sending      one commit, once, whatever happens on the way
bundles      runs of the store as bundles
space        the leaderboard as a page
publication  what goes where, and what came of it
hub          the publisher `hub`: the one place that takes a token to write with
"""

from __future__ import annotations

from zoo.publishing.bundle import Bundle
from zoo.publishing.notes import Notes

__all__ = ["Bundle", "Notes"]
