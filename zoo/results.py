"""What is asked, what came of it, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.benchmarks import Benchmark
from zoo.models import Model, Prompting

Protocol = Literal["uniform", "native"]
Status = Literal["scored", "failed", "not_applicable"]
PROTOCOLS: tuple[Protocol, ...] = ("uniform", "native")

LIKELIHOOD = "loglikelihood"
"""Metric of a cell that asks how likely written answers are: nats, summed over an answer's tokens.
"""


@dataclass(frozen=True)
class RunSpec:
    """One cell of the plan: this model, this benchmark, asked this way.

    rules: (setting, who decided it) pairs, for `zoo plan --explain`.
    purpose: what a cell is asked for that no benchmark of the suite asks: the samples of probes,
        say. "" for the suite's own cells; others stand in no table of scores.
    likelihood_of: response key of written answers; the likelihood that the model gives to each of
        them, after the prompt it was written to, is asked instead of the task's own requests.
    """

    model: Model
    benchmark: Benchmark
    protocol: Protocol
    prompting: Prompting
    seed: int = 1234
    limit: int | None = None
    rules: tuple[tuple[str, str], ...] = ()
    purpose: str = ""
    likelihood_of: str = ""

    @property
    def name(self) -> str:
        """What progress lines and error messages call it."""
        own = f"{self.model.id} · {self.benchmark.name} · {self.protocol}"
        return f"{own} · {self.purpose}" if self.purpose else own

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells the specs of one run apart."""
        return self.model.id, self.benchmark.key, self.protocol, self.purpose, self.likelihood_of


@dataclass(frozen=True)
class Item:
    """One item of a cell: what was answered and how it scored.

    item_id: hash of the document, the same for every model, so that items pair.
    cluster_id: items of one cluster stand or fall together (also across benchmarks).
    sample: 0-based number of the answer where several are drawn.
    score: value of the benchmark's metric for this item, nan where the answer is invalid.
    parsed: whether the answer had a form that can be scored; None where that is no question.
    n_tokens: tokens of the answer; truncated: whether it was cut at the cap.
    chance: score of a guesser on this item, 0..1.
    confidence: probability of the chosen option (multiple choice), else None.
    response: the raw answer, thinking and all; for multiple choice the chosen option's text; of a
        likelihood a hash of the tokens it was taken over.
    answer: what the benchmark's filter makes of the response, where several are drawn; else "".
    sources: names of the passages that were put before the question, one a line.
    thinking_tokens: those of n_tokens that were thinking, the end of it among them; thinking_cut:
        whether the cap came before that end. None where nobody thinks, or it is not known.
    """

    item_id: str
    cluster_id: str
    sample: int
    score: float
    parsed: bool | None
    n_tokens: int | None
    truncated: bool | None
    chance: float
    confidence: float | None
    response: str
    prompt_hash: str
    answer: str = ""
    sources: str = ""
    thinking_tokens: int | None = None
    thinking_cut: bool | None = None


@dataclass(frozen=True)
class Score:
    """One number of a cell.

    value: mean over the items; stderr: its standard error, clustered where items share a cluster.
    """

    metric: str
    value: float
    stderr: float | None
    n: int
    higher_is_better: bool = True
    filter: str = "none"


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from. Recorded and shown, never a reason to infer again.

    The hashes and keys identify; all else describes. scoring: how the loader found its numbers,
    where it has a choice: the engine's tier and kernel, and why. first_tokens: ids with which the
    first request begins as the model reads it, so that a BOS that is missing or doubled shows;
    empty where the loader does not say. imported: what the files of an imported cell say of
    themselves; empty for a cell that was measured here. end: the text of the token that ends an
    answer. tokens_in, peak_memory_bytes, kwh: prompts and continuations, most memory while the cell
    was asked, energy; None where they were not measured.
    """

    response_key: str = ""
    score_key: str = ""
    weights: str = ""
    tokenizer: str = ""
    chat_template: str = ""
    loader: str = ""
    engine: str = ""
    scoring: str = ""
    dtype: str = ""
    device: str = ""
    batch_size: str = ""
    hardware: str = ""
    first_tokens: tuple[int, ...] = ()
    seconds: float | None = None
    end: str = ""
    tokens_in: int | None = None
    peak_memory_bytes: int | None = None
    kwh: float | None = None
    finished: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    imported: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of one RunSpec.

    status: scored, failed (error says why) or not_applicable (error says what is missing).
    reused: whether the store had it already and nothing was inferred.
    rows: what a probe that asks the model itself has measured.
    """

    spec: RunSpec
    status: Status
    scores: tuple[Score, ...] = ()
    error: str = ""
    provenance: Provenance = Provenance()
    items: tuple[Item, ...] = ()
    reused: bool = False
    rows: tuple[Mapping[str, Any], ...] = ()

    @property
    def score(self) -> Score | None:
        """The score that the benchmark names, or None where the cell has none."""
        wanted = (self.spec.benchmark.metric, self.spec.benchmark.filter)
        return next((s for s in self.scores if (s.metric, s.filter) == wanted), None)


@dataclass(frozen=True)
class RecordedCell:
    """One line of a run record: the plan's cell and the keys it was found under.

    questions: where the store keeps what was asked, for people to read; "" where it does not.
    summary: scores and provenance of a cell that has no items, which stands nowhere else; empty for
        one that the store has under its score key.
    """

    spec: RunSpec
    status: Status
    response_key: str = ""
    score_key: str = ""
    error: str = ""
    reused: bool = False
    questions: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)


def source_of(settings: Mapping[str, Any]) -> str:
    """Where a run came from, as its settings say: "" for one that was made here."""
    return str(settings.get("source") or ("imported" if settings.get("imported") else ""))


@dataclass(frozen=True)
class RunRecord:
    """What one `zoo run` asked for and where the answers lie.

    A report reads it and so chooses among limits, dtypes and versions without computing keys.

    settings: device, dtype, loader, batch size, seed, limit as the run resolved them; source: the
        repository and commit that it was pulled from, nothing for a run that was made here.
    """

    id: str
    family: str
    suite: Mapping[str, Any]
    started: str
    settings: Mapping[str, Any]
    cells: tuple[RecordedCell, ...]
