"""What the tables of one report share: names, joins, and the footnotes they collect."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.contrasts import EdgeTradeoff, Stage, StageScore, Tradeoff
from zoo.reporting.joins import Joins
from zoo.reporting.lineage import pairs, short_names, tree
from zoo.reporting.text import clean, shorten
from zoo.results import PROTOCOLS, Protocol

NOTE_WIDTH = 400


class Draft:
    """A report in the making.

    tree: (stage, depth), parents first. pairs: (base, other) of every edge. protocols: those that
    anything was measured under. notes: footnotes so far, each with its number.
    """

    def __init__(self, tradeoff: Tradeoff) -> None:
        self.tradeoff = tradeoff
        self.tree = tree(tradeoff.stages)
        self.pairs = pairs(tradeoff)
        self.joins = Joins(tradeoff)
        self.notes: dict[str, int] = {}
        self._edges: Mapping[tuple[str, str, Protocol], EdgeTradeoff] = {
            (edge.base, edge.other, edge.protocol): edge for edge in tradeoff.tradeoffs
        }
        self._names = short_names(
            [
                *(stage.model for stage in tradeoff.stages),
                *(end for pair in self.pairs for end in pair),
            ]
        )
        shown = {protocol for _, protocol, _ in self.joins.scores}
        shown |= {edge.protocol for edge in tradeoff.tradeoffs}
        shown |= {edge.protocol for edge in tradeoff.edges}
        self.protocols = [protocol for protocol in PROTOCOLS if protocol in shown]

    def name(self, model: str) -> str:
        """The short name of a stage."""
        return self._names[model]

    def edge(self, pair: tuple[str, str], protocol: Protocol) -> EdgeTradeoff | None:
        """What an edge traded, where that is known."""
        return self._edges.get((*pair, protocol))

    def mixed(self, pair: tuple[str, str], protocol: Protocol) -> tuple[int, ...]:
        """Footnotes on what differs between the ends of an edge besides the model."""
        reasons = (
            contrast.mixed
            for contrast in self.tradeoff.edges
            if (contrast.base, contrast.other, contrast.protocol) == (*pair, protocol)
        )
        return tuple(dict.fromkeys(self.note(f"mixed edge: {each}") for each in reasons if each))

    def imported(self, stage: Stage) -> tuple[int, ...]:
        """The footnote on a stage's scores that were not measured here."""
        formats = sorted({score.imported for score in stage.scores if score.imported})
        if not formats:
            return ()
        return (
            self.note(
                f"imported from {', '.join(formats)}, not measured here: which bytes answered is "
                "not known"
            ),
        )

    def missing(self, model: str, score: StageScore) -> tuple[int, ...]:
        """The footnote on why a stage has no score."""
        why = score.error or "no reason was recorded"
        return (self.note(f"{self.name(model)}: {why}"),)

    def note(self, text: str) -> int:
        """The number of the footnote that says so, the same for the same words."""
        return self.notes.setdefault(shorten(clean(text), NOTE_WIDTH), len(self.notes) + 1)
