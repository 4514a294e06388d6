"""Raw answers to items and scores, through lm-eval's own filters and metrics.

The responses may have been given a moment or a year ago: scoring never infers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.errors import CellError
from zoo.evaluation.requests import Request, Response
from zoo.evaluation.tasks import LoadedTask, plain_document
from zoo.fingerprints import digest
from zoo.results import Item, Score
from zoo.stats import mean_stderr

UNPARSED = ("[invalid]", "")
"""What lm-eval's extraction filters leave where they found nothing."""


@dataclass(frozen=True)
class Scored:
    """The items of a cell, and every number the task computes on them under its filter."""

    items: tuple[Item, ...]
    scores: tuple[Score, ...]


def score(
    loaded: LoadedTask,
    benchmark: Benchmark,
    requests: Sequence[Request],
    responses: Sequence[Sequence[Response]],
    *,
    think_end_token: str | None = None,
    stops: Sequence[str] = (),
) -> Scored:
    """Scores a cell.

    responses: for each request, its samples. think_end_token: all of an answer up to and with its
    last one is thinking, stripped here. stops: cut the answer after that.
    Raises CellError where the metric has no value for a single item: such a number cannot be
    compared item by item.
    """
    answers = [[_visible(r, think_end_token, stops) for r in samples] for samples in responses]
    rounds = _rounds(answers, benchmark.repeats)
    ids = _item_ids(loaded.docs)
    items: list[Item] = []
    values: dict[str, list[Any]] = defaultdict(list)
    for sample, answered in enumerate(rounds):
        for doc_id, mine, metrics in _process(loaded, benchmark, requests, answered):
            for name, value in metrics.items():
                values[name].append(value)
            raw = [responses[i][sample if len(rounds) > 1 else 0] for i, _ in mine]
            items.append(
                _item(
                    loaded,
                    benchmark,
                    doc_id=doc_id,
                    item_id=ids[doc_id],
                    sample=sample,
                    requests=[requests[i] for i, _ in mine],
                    raw=raw,
                    filtered=mine[0][1],
                    metrics=metrics,
                )
            )
    return Scored(tuple(items), _scores(loaded, benchmark, values, items))


def _visible(response: Response, think_end_token: str | None, stops: Sequence[str]) -> Any:
    """What lm-eval would be given: the text without its thinking, or (likelihood, greedy)."""
    if response.text is None:
        if response.is_greedy is None:
            return response.loglikelihood
        return (response.loglikelihood, response.is_greedy)
    text = response.text
    if think_end_token and think_end_token in text:
        text = text.rsplit(think_end_token, 1)[1].lstrip()
    for stop in stops:
        if stop:
            text = text.split(stop, 1)[0]
    return text


def _rounds(answers: Sequence[Sequence[Any]], repeats: int) -> list[list[list[Any]]]:
    """One round of scoring for each sample that the benchmark asks for; a task that repeats by
    itself (majority votes) is given all its samples in one round."""
    if repeats == 1:
        return [[list(samples) for samples in answers]]
    return [[[samples[k]] for samples in answers] for k in range(repeats)]


def _process(
    loaded: LoadedTask,
    benchmark: Benchmark,
    requests: Sequence[Request],
    answered: Sequence[Sequence[Any]],
) -> list[tuple[int, list[tuple[int, Any]], Mapping[str, Any]]]:
    """(doc, [(position of request, filtered answer)], metrics) for each document in order."""
    from lm_eval.api.instance import Instance

    task = loaded.task
    instances = [
        Instance(
            request_type=request.kind,
            doc=loaded.docs[request.doc],
            arguments=(request.context, request.continuation or request.gen_kwargs),
            idx=request.index,
            metadata=(loaded.source.name, request.doc, len(resps)),
            resps=list(resps),
        )
        for request, resps in zip(requests, answered, strict=True)
    ]
    ensemble = next((f for f in task._filters if f.name == benchmark.filter), None)
    if ensemble is None:
        names = ", ".join(f.name for f in task._filters)
        raise CellError(f"the task has no filter {benchmark.filter!r}; it has {names}")
    ensemble.apply(instances)
    by_doc: dict[int, list[int]] = defaultdict(list)
    for position, instance in enumerate(instances):
        by_doc[instance.doc_id].append(position)
    processed = []
    for doc_id in sorted(by_doc):
        positions = sorted(by_doc[doc_id], key=lambda i: instances[i].idx)
        filtered = [instances[i].filtered_resps[benchmark.filter] for i in positions]
        metrics = task.process_results(loaded.docs[doc_id], filtered)
        processed.append((doc_id, list(zip(positions, filtered, strict=True)), metrics))
    return processed


def _item(
    loaded: LoadedTask,
    benchmark: Benchmark,
    *,
    doc_id: int,
    item_id: str,
    sample: int,
    requests: Sequence[Request],
    raw: Sequence[Response],
    filtered: Any,
    metrics: Mapping[str, Any],
) -> Item:
    doc = loaded.docs[doc_id]
    if benchmark.metric not in metrics:
        known = ", ".join(map(str, metrics))
        raise CellError(f"the task gives no metric {benchmark.metric!r}; it gives {known}")
    choices = None
    if loaded.output_type == "multiple_choice":
        choices = list(loaded.task.doc_to_choice(doc))
        chosen, confidence = _choice(choices, raw, by_length=benchmark.metric == "acc_norm")
        response, n_tokens, truncated, parsed = chosen, None, None, None
    else:
        confidence = None
        response = raw[0].text if raw[0].text is not None else repr(raw[0].loglikelihood)
        n_tokens, truncated = raw[0].n_tokens, raw[0].truncated
        parsed = None
        if loaded.output_type == "generate_until":
            parsed = bool(metrics["parsed"]) if "parsed" in metrics else filtered not in UNPARSED
    return Item(
        item_id=item_id,
        cluster_id=_cluster(doc, benchmark.cluster, item_id),
        sample=sample,
        score=_number(metrics[benchmark.metric], benchmark.metric),
        parsed=parsed,
        n_tokens=n_tokens,
        truncated=truncated,
        chance=1 / len(choices) if choices else 0.0,
        confidence=confidence,
        response=response,
        prompt_hash=digest([request.context for request in requests])[:16],
    )


def _choice(
    choices: Sequence[str], raw: Sequence[Response], *, by_length: bool
) -> tuple[str, float]:
    """The option the model prefers and its probability among the options."""
    likelihoods = np.array([r.loglikelihood for r in raw[: len(choices)]], dtype=float)
    if by_length:
        best = int(np.argmax(likelihoods / np.array([max(len(c), 1) for c in choices])))
    else:
        best = int(np.argmax(likelihoods))
    weights = np.exp(likelihoods - likelihoods.max())
    return str(choices[best % len(choices)]), float(weights[best] / weights.sum())


def _cluster(doc: Mapping[str, Any], name: str | None, item_id: str) -> str:
    """The cluster's name carries its field, so that a fact and a passage of one number differ."""
    if name is None:
        return item_id
    if name not in doc:
        raise CellError(f"a document has no field {name!r} to tell its cluster by")
    return f"{name}:{doc[name]}"


def _number(value: Any, metric: str) -> float:
    """A metric's value for one item: a number, or the mean of several."""
    if isinstance(value, (bool, int, float, np.number, np.bool_)):
        number = float(value)
    elif isinstance(value, list) and value:
        number = float(np.mean([float(each) for each in value]))
    else:
        raise CellError(
            f"the metric {metric!r} has no value for a single item ({type(value).__name__}), so "
            "stages cannot be compared on it item by item; name another metric"
        )
    if not math.isfinite(number):
        raise CellError(f"the metric {metric!r} is {number} for an item")
    return number


def _scores(
    loaded: LoadedTask, benchmark: Benchmark, values: Mapping[str, Sequence[Any]], items: list[Item]
) -> tuple[Score, ...]:
    """Every metric under the benchmark's filter, aggregated as lm-eval does; the benchmark's own
    first and with a standard error."""
    aggregation, better = loaded.task.aggregation(), loaded.task.higher_is_better()
    scores = []
    for name, column in values.items():
        aggregate = aggregation.get(name)
        try:
            value = float(np.mean(column) if aggregate is None else aggregate(list(column)))
        except (TypeError, ValueError):
            continue
        stderr = None
        if name == benchmark.metric:
            _, stderr = mean_stderr(
                np.array([item.score for item in items]), [item.cluster_id for item in items]
            )
        scores.append(
            Score(name, value, stderr, len(items), bool(better.get(name, True)), benchmark.filter)
        )
    return tuple(sorted(scores, key=lambda each: each.metric != benchmark.metric))


def _item_ids(docs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Hashes of the documents; a document that stands twice is numbered."""
    seen: dict[str, int] = defaultdict(int)
    ids = []
    for doc in docs:
        mark = digest(plain_document(doc))
        ids.append(mark[:16] if not seen[mark] else f"{mark[:16]}#{seen[mark]}")
        seen[mark] += 1
    return ids
