"""What a model is asked and what it answers, as plain values that can be hashed and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.errors import CellError
from zoo.fingerprints import digest

RequestKind = Literal["loglikelihood", "loglikelihood_rolling", "generate_until"]


@dataclass(frozen=True)
class Request:
    """One request to a model, rendered.

    doc: 0-based position of the item in the task. index: position among the item's requests.
    context: the prompt as the model sees it (for rolling likelihood the whole text).
    continuation: what is scored after it, else None. gen_kwargs: of a generation, else None.
    passages: what its model's regime put before the question, in the context; sources: their names.
    images: hashes of those that are shown with it, in order; pixels: the images themselves, which
    are there to be asked with and are kept nowhere.
    """

    doc: int
    index: int
    kind: RequestKind
    context: str
    continuation: str | None = None
    gen_kwargs: Mapping[str, Any] | None = None
    passages: str = ""
    sources: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    pixels: tuple[Any, ...] = field(default=(), repr=False, compare=False)

    @property
    def question(self) -> str:
        """What every stage is asked alike: the context without the passages, images by hash."""
        asked = self.context
        if self.passages:
            before, _, after = asked.rpartition(self.passages)
            asked = before + after
        return "\n".join((asked, *self.images))

    def as_json(self) -> list[Any]:
        """What of it decides the answer, for the response key."""
        asked = [self.kind, self.context, self.continuation, self.gen_kwargs]
        return [*asked, list(self.images)] if self.images else asked


@dataclass(frozen=True)
class CellRequests:
    """What a cell asks. key: its response key; repeats: samples of each request."""

    key: str
    requests: Sequence[Request] = field(repr=False)
    repeats: int = 1

    @property
    def kind(self) -> RequestKind:
        """How it asks. Raises CellError where its requests are of several kinds."""
        kinds = {request.kind for request in self.requests}
        if len(kinds) != 1:
            raise CellError(f"a task asks in one way, this one in {len(kinds)}")
        return kinds.pop()

    @property
    def size(self) -> int:
        """How many answers it takes."""
        return len(self.requests) * self.repeats

    @property
    def sampled(self) -> bool:
        """Whether the answers are drawn, so that asking again gives others."""
        drawn = (
            bool((each.gen_kwargs or {}).get("do_sample"))
            or float((each.gen_kwargs or {}).get("temperature") or 0) > 0
            for each in self.requests
        )
        return self.repeats > 1 or any(drawn)


@dataclass(frozen=True)
class Response:
    """One raw answer.

    text: of a generation, thinking and all. loglikelihood: natural logarithm, summed over the
    continuation's tokens. n_tokens: of the text. truncated: whether the cap cut it.
    """

    text: str | None = None
    loglikelihood: float | None = None
    is_greedy: bool | None = None
    n_tokens: int | None = None
    truncated: bool | None = None


def requests_digest(requests: Sequence[Request]) -> str:
    """Hash of the requests, in order."""
    return digest([request.as_json() for request in requests])


def responses_to_columns(responses: Sequence[Sequence[Response]]) -> dict[str, list[Any]]:
    """Columns for the store. responses: for each request, one or more samples."""
    rows = [
        (number, sample, r.text, r.loglikelihood, r.is_greedy, r.n_tokens, r.truncated)
        for number, samples in enumerate(responses)
        for sample, r in enumerate(samples)
    ]
    names = ("request", "sample", "text", "loglikelihood", "is_greedy", "n_tokens", "truncated")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def responses_from_columns(columns: Mapping[str, Sequence[Any]]) -> list[list[Response]]:
    """The inverse of `responses_to_columns`."""
    found: list[list[Response]] = []
    for i, number in enumerate(columns["request"]):
        if number == len(found):
            found.append([])
        found[number].append(
            Response(
                columns["text"][i],
                columns["loglikelihood"][i],
                columns["is_greedy"][i],
                columns["n_tokens"][i],
                columns["truncated"][i],
            )
        )
    return found
