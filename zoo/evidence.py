"""What a checkpoint says of its training, read word by word, and what the evidence adds up to.

Words are whole parts of a name: "Titan-7B" holds no "it" and "my-article" no "rl". Everything here
is pure and bears any card: text, lists and nonsense where a list of ids should be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from zoo.models import Evidence, Facts

Place = Literal["name", "base", "tag", "dataset"]

_SAID = {
    "name": "its name says",
    "base": "the name of its base model says",
    "tag": "its card is tagged",
    "dataset": "the name of a training dataset says",
}
_CHECKPOINT = re.compile(r"(checkpoint|step|epoch|global_step|iter)[-_]?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Clue:
    """Words that speak for a regime where they are found.

    Words of one clue count once, however many are found: they are synonyms, not independent.

    confidence: 0..1. meaning: what the words tell, for a person to read.
    """

    place: Place
    confidence: float
    words: frozenset[str]
    meaning: str = ""


@dataclass(frozen=True)
class RankedRegime:
    """One regime and all that speaks for it.

    confidence: 1 - prod(1 - confidence of each piece of evidence), 0..1.
    """

    name: str
    confidence: float
    why: tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """Regimes by what speaks for them, the strongest first.

    margin: regimes whose confidence is within it of the strongest are tied.

    >>> rank_regimes([Evidence("pretrained", 0.6, "a"), Evidence("fine-tuned", 0.6, "b")]).tied
    ('fine-tuned', 'pretrained')
    """

    regimes: tuple[RankedRegime, ...]
    margin: float = 0.1

    @property
    def tied(self) -> tuple[str, ...]:
        """The strongest regime and all that cannot be told from it; empty without evidence."""
        if not self.regimes:
            return ()
        floor = self.regimes[0].confidence - self.margin - 1e-9
        return tuple(regime.name for regime in self.regimes if regime.confidence >= floor)

    @property
    def best(self) -> str | None:
        """The strongest regime; None where there is no evidence or where there is a tie."""
        return self.tied[0] if len(self.tied) == 1 else None


def words(name: str) -> frozenset[str]:
    """Parts of a model's or dataset's name, in lower case, with and without a closing number.

    The organisation does not count, and of a training run's folder neither does the checkpoint.

    >>> sorted(words("allenai/OLMo-2-0425-1B-RLVR1") - words("allenai/OLMo-2-0425-1B"))
    ['rlvr', 'rlvr1']
    >>> "sft" in words("./runs/my-sft/checkpoint-1200")
    True
    """
    folders = [folder for folder in re.split(r"[/\\]", name) if folder.strip(". ")] or [""]
    while len(folders) > 1 and _CHECKPOINT.fullmatch(folders[-1]):
        folders.pop()
    parts = [part for part in re.split(r"[\W_]+", folders[-1].lower()) if part]
    return frozenset(parts) | frozenset(filter(None, (part.rstrip("0123456789") for part in parts)))


def base_models(facts: Facts) -> tuple[str, ...]:
    """Ids that the card (or the adapter's own configuration) names as base models."""
    adapted = texts(facts.adapter_config.get("base_model_name_or_path"))
    return texts(facts.card.get("base_model")) or adapted


def relation(facts: Facts) -> str:
    """What the card says it is of its base: finetune, adapter, quantized, merge, or ''."""
    said = texts(facts.card.get("base_model_relation"))
    return said[0].lower() if said else ""


def is_adapter(facts: Facts) -> bool:
    """Whether the checkpoint holds an adapter's weights instead of a model's."""
    return bool(facts.adapter_config) or relation(facts) == "adapter"


def sayings(facts: Facts, place: Place) -> frozenset[str]:
    """The words found in one place."""
    bases = base_models(facts)
    match place:
        case "name":
            # A quantised copy was made by whatever made the original.
            names = (facts.id, *bases) if relation(facts) == "quantized" else (facts.id,)
        case "base":
            names = bases
        case "dataset":
            names = texts(facts.card.get("datasets"))
        case "tag":
            tags = texts(facts.card.get("tags")) + texts(facts.card.get("library_name"))
            return frozenset(tag.lower() for tag in tags)
    return frozenset().union(*map(words, names))


def weigh(facts: Facts, regime: str, clues: Iterable[Clue]) -> list[Evidence]:
    """The evidence for a regime that a table of clues finds."""
    evidence = []
    for clue in clues:
        if found := sorted(sayings(facts, clue.place) & clue.words):
            said = f"{_SAID[clue.place]} {' and '.join(map(repr, found))}"
            meaning = f": {clue.meaning}" if clue.meaning else ""
            evidence.append(Evidence(regime, clue.confidence, said + meaning))
    return evidence


def rank_regimes(evidence: Iterable[Evidence]) -> Ranking:
    """Adds evidence up, regime by regime; evidence of confidence 0 is for reading only."""
    by_regime: dict[str, list[Evidence]] = {}
    for piece in evidence:
        if piece.confidence > 0:
            by_regime.setdefault(piece.regime, []).append(piece)
    regimes = [
        RankedRegime(
            name,
            1 - math.prod(1 - piece.confidence for piece in pieces),
            tuple(piece.why for piece in pieces),
        )
        for name, pieces in by_regime.items()
    ]
    return Ranking(tuple(sorted(regimes, key=lambda regime: (-regime.confidence, regime.name))))


def texts(value: Any) -> tuple[str, ...]:
    """The texts in a field of a card that may hold one, several, or something else.

    >>> texts("org/base"), texts(["org/a", None, "org/b"]), texts(7)
    (('org/base',), ('org/a', 'org/b'), ())
    """
    values = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(text for text in values if isinstance(text, str) and text)
