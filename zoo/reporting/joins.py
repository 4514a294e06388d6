"""Which contrast belongs to which score."""

from __future__ import annotations

from zoo.contrasts import Contrast, StageScore, Tradeoff
from zoo.results import Protocol

RowKey = tuple[str, str, str, int | None]


def row_key(score: StageScore) -> RowKey:
    """What makes two scores of two stages comparable: benchmark, metric, filter, shots."""
    return score.benchmark, score.metric, score.filter, score.num_fewshot


class Joins:
    """Scores by stage, contrasts by edge.

    rows: what the family was asked, in the order of its first stage. A contrast does not say its
    shots: where a task was asked twice, its contrasts belong, in order, to the rows that both ends
    have scored.
    """

    def __init__(self, tradeoff: Tradeoff) -> None:
        self.scores: dict[tuple[str, Protocol, RowKey], StageScore] = {
            (stage.model, score.protocol, row_key(score)): score
            for stage in tradeoff.stages
            for score in stage.scores
        }
        self.rows: list[RowKey] = list(dict.fromkeys(key for _, _, key in self.scores))
        self._contrasts: dict[tuple[str, ...], list[Contrast]] = {}
        for edge in tradeoff.edges:
            cell = (edge.base, edge.other, edge.protocol, edge.benchmark, edge.metric, edge.filter)
            self._contrasts.setdefault(cell, []).append(edge)

    def across(self, protocol: Protocol, key: RowKey) -> list[StageScore]:
        """What the stages scored on one row, in the order of the report."""
        return [
            score for (_, each, row), score in self.scores.items() if (each, row) == (protocol, key)
        ]

    def contrast(self, pair: tuple[str, str], protocol: Protocol, key: RowKey) -> Contrast | None:
        """The change along (base, other) on one row, None where there is none."""
        found = self._contrasts.get((*pair, protocol, *key[:3]), [])
        namesakes = [each for each in self.rows if each[:3] == key[:3]]
        if len(namesakes) > 1:
            namesakes = [each for each in namesakes if self._both_scored(pair, protocol, each)]
        if key not in namesakes or len(found) != len(namesakes):
            return None
        return found[namesakes.index(key)]

    def _both_scored(self, pair: tuple[str, str], protocol: Protocol, key: RowKey) -> bool:
        ends = [self.scores.get((model, protocol, key)) for model in pair]
        return all(score is not None and score.status == "scored" for score in ends)
