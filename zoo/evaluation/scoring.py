"""Raw answers to items and scores, through lm-eval's own filters and metrics.

The responses may have been given a moment or a year ago: scoring never infers.
"""

from __future__ import annotations

import copy
import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.benchmarks import Benchmark
from zoo.errors import CellError
from zoo.evaluation.requests import Request, Response
from zoo.evaluation.tasks import LoadedTask
from zoo.fingerprints import digest
from zoo.probing import describe
from zoo.results import Item, Score
from zoo.stats import mean_stderr

logger = logging.getLogger("zoo")

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
    items: list[Item] = []
    values: dict[str, list[Any]] = defaultdict(list)
    for sample, answered in enumerate(_rounds(answers, benchmark.repeats)):
        for each in _process(loaded, benchmark, requests, answered):
            for name, value in each.metrics.items():
                values[name].append(value)
            # of a vote the first answer is shown
            raw = [responses[i][sample] for i in each.positions]
            items.append(_item(loaded, benchmark, each, sample, requests, raw))
    return Scored(tuple(items), _scores(loaded, benchmark, values, items))


@dataclass(frozen=True)
class _Processed:
    """A document through filter and metrics; positions: of its requests among all."""

    doc_id: int
    doc: Mapping[str, Any]
    positions: tuple[int, ...]
    filtered: tuple[Any, ...]
    metrics: Mapping[str, Any]


def _visible(response: Response, think_end_token: str | None, stops: Sequence[str]) -> Any:
    """What lm-eval would be given: the text without its thinking, or (likelihood, greedy)."""
    if response.text is None:
        if response.is_greedy is None:
            return response.loglikelihood
        return (response.loglikelihood, response.is_greedy)
    text = response.text
    if think_end_token and think_end_token in text:
        text = text.rsplit(think_end_token, 1)[-1].lstrip()
    for stop in stops:
        if stop:
            text = text.split(stop, 1)[0]
    return text


def _rounds(answers: Sequence[Sequence[Any]], repeats: int) -> list[list[list[Any]]]:
    """One round of scoring for each sample that the benchmark asks for; a task that repeats by
    itself (majority votes) is given all its samples in one round, as lm-eval does."""
    if repeats == 1:
        return [[list(samples) for samples in answers]]
    return [[[samples[k]] for samples in answers] for k in range(repeats)]


def _process(
    loaded: LoadedTask,
    benchmark: Benchmark,
    requests: Sequence[Request],
    answered: Sequence[Sequence[Any]],
) -> list[_Processed]:
    """Every document in order, through the benchmark's filter and the task's metrics."""
    from lm_eval.api.instance import Instance

    task = loaded.task
    ensemble = next((f for f in task._filters if f.name == benchmark.filter), None)
    if ensemble is None:
        names = ", ".join(f.name for f in task._filters)
        raise CellError(f"the task has no filter {benchmark.filter!r}; it has {names}")
    # a task's Python may change the document it is given
    docs = copy.deepcopy(loaded.docs)
    instances = [
        Instance(
            request_type=request.kind,
            doc=docs[request.doc],
            arguments=(request.context, request.continuation or request.gen_kwargs),
            idx=request.index,
            metadata=(loaded.source.name, request.doc, len(resps)),
            resps=list(resps),
        )
        for request, resps in zip(requests, answered, strict=True)
    ]
    ensemble.apply(instances)
    by_doc: dict[int, list[int]] = defaultdict(list)
    for position, instance in enumerate(instances):
        by_doc[instance.doc_id].append(position)
    processed = []
    for doc_id in sorted(by_doc):
        positions = sorted(by_doc[doc_id], key=lambda i: instances[i].idx)
        filtered = [instances[i].filtered_resps[benchmark.filter] for i in positions]
        metrics = task.process_results(docs[doc_id], filtered)
        processed.append(
            _Processed(doc_id, docs[doc_id], tuple(positions), tuple(filtered), metrics)
        )
    return processed


def _item(
    loaded: LoadedTask,
    benchmark: Benchmark,
    processed: _Processed,
    sample: int,
    requests: Sequence[Request],
    raw: Sequence[Response],
) -> Item:
    doc, metrics, metric = processed.doc, processed.metrics, benchmark.metric
    if metric not in metrics:
        known = ", ".join(map(str, metrics))
        raise CellError(f"the task gives no metric {metric!r}; it gives {known}")
    item_id = loaded.item_ids[processed.doc_id]
    confidence = parsed = n_tokens = truncated = None
    chance = 0.0
    response = raw[0].text if raw[0].text is not None else repr(raw[0].loglikelihood)
    if loaded.output_type == "multiple_choice":
        choices = list(loaded.task.doc_to_choice(doc))
        response, confidence = chosen(choices, [r.loglikelihood for r in raw], metric)
        chance = _guess(loaded, doc, len(choices))
    elif loaded.output_type == "generate_until":
        n_tokens, truncated = raw[0].n_tokens, raw[0].truncated
        parsed = _parsed(metrics, processed.filtered[0])
    return Item(
        item_id=item_id,
        cluster_id=cluster_of(loaded.docs[processed.doc_id], benchmark.cluster, item_id),
        sample=sample,
        score=_number(loaded, metric, metrics[metric]),
        parsed=parsed,
        n_tokens=n_tokens,
        truncated=truncated,
        chance=chance,
        confidence=confidence,
        response=response,
        prompt_hash=prompt_hash([requests[i].question for i in processed.positions]),
        answer=_answer(processed.filtered) if benchmark.repeats > 1 else "",
        sources="\n".join(requests[processed.positions[0]].sources),
    )


def _answer(filtered: Sequence[Any]) -> str:
    """What the filter left of a document's answer, as a text."""
    first = filtered[0] if filtered else ""
    return str(first[0] if isinstance(first, list) and len(first) == 1 else first)


def prompt_hash(contexts: Sequence[str]) -> str:
    """What tells the prompts of an item from those of another. contexts: of its requests."""
    return digest(list(contexts))[:16]


def chosen(
    choices: Sequence[str], loglikelihoods: Sequence[float | None], metric: str
) -> tuple[str, float]:
    """The option that the metric takes for the model's choice, and its probability among them.

    loglikelihoods: of the choices, and for "acc_mutual_info" then of the choices alone.
    """
    n = len(choices)
    likelihoods = np.array(loglikelihoods, dtype=float)
    given = likelihoods[:n]
    preference = given
    if metric == "acc_norm":
        preference = given / np.array([max(len(choice), 1) for choice in choices])
    elif metric == "acc_bytes":
        preference = given / np.array([max(len(choice.encode()), 1) for choice in choices])
    elif metric == "acc_mutual_info":  # the second n requests ask for the options alone
        preference = given - likelihoods[n : 2 * n]
    best = int(np.argmax(preference))
    weights = np.exp(given - given.max())
    return str(choices[best]), float(weights[best] / weights.sum())


def _guess(loaded: LoadedTask, doc: Mapping[str, Any], n: int) -> float:
    """The chance that a guesser names a right option of n."""
    task = loaded.task
    gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    return (len(set(gold)) if isinstance(gold, list) else 1) / n


def _parsed(metrics: Mapping[str, Any], filtered: Any) -> bool:
    """Whether the task says that it found an answer, or else its filter left one."""
    if "parsed" in metrics:
        return bool(metrics["parsed"])
    found = filtered if isinstance(filtered, list) else [filtered]
    return any(each not in UNPARSED for each in found)


def cluster_of(doc: Mapping[str, Any], name: str | None, item_id: str) -> str:
    """The cluster's name carries its field, so that a fact and a passage of one number differ."""
    if name is None:
        return item_id
    if name not in doc:
        raise CellError(f"a document has no field {name!r} to tell its cluster by")
    return f"{name}:{doc[name]}"


def _number(loaded: LoadedTask, metric: str, value: Any) -> float:
    """A metric's value for one item: a number, the mean of several, or of a text the number that
    lm-eval's aggregation gives for it alone (perplexity and its kin)."""
    if loaded.output_type == "loglikelihood_rolling" or metric == "perplexity":
        number = float(loaded.task.aggregation()[metric]([value]))
    elif isinstance(value, (bool, int, float, np.number, np.bool_)):
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
    first and with a standard error. Another metric that has no finite value is left out."""
    aggregation, better = loaded.task.aggregation(), loaded.task.higher_is_better()
    scores = []
    for name in sorted(values, key=lambda each: each != benchmark.metric):
        aggregate = aggregation.get(name, np.mean)
        try:
            value = float(aggregate(list(values[name])))
            if not math.isfinite(value):
                raise ValueError(f"it is {value}")
        except Exception as problem:
            if name == benchmark.metric:
                raise CellError(f"the metric {name!r} has no value: {describe(problem)}") from None
            logger.debug("the metric %s is left out", name, exc_info=True)
            continue
        stderr = None
        if name == benchmark.metric:
            _, stderr = mean_stderr(
                np.array([item.score for item in items]), [item.cluster_id for item in items]
            )
            stderr = stderr if math.isfinite(stderr) else None
        scores.append(
            Score(name, value, stderr, len(items), bool(better.get(name, True)), benchmark.filter)
        )
    return tuple(scores)
