"""Leaderboards: what the store holds of a suite, ranked as far as the data can tell.

nouns      what a leaderboard is
claims     cells of the index to claims: one model under one protocol, asked in one way
ranks      how far any one of many means can be ranked, all of them at once
deltas     what a claim changed against its parent
boards     claims to a leaderboard
"""

from __future__ import annotations

from zoo.ranking.boards import Wanted as Wanted
from zoo.ranking.boards import leaderboard_of as leaderboard_of
from zoo.ranking.boards import significant as significant
from zoo.ranking.boards import top as top
from zoo.ranking.claims import Material as Material
from zoo.ranking.claims import choose_suite as choose_suite
from zoo.ranking.claims import read_material as read_material
from zoo.ranking.nouns import Entry as Entry
from zoo.ranking.nouns import Leaderboard as Leaderboard
