"""Reads the items that lm-eval logged: one JSON object an item and filter, each a line of a file
beside the results, or all of them in the results where what `simple_evaluate` returned was dumped.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.scoring import UNPARSED, chosen, cluster_of, prompt_hash
from zoo.evaluation.tasks import numbered, plain_document
from zoo.fingerprints import digest
from zoo.importing.nouns import Logged, Measure, UnpairableError
from zoo.questions import Question, writable
from zoo.results import Item

SAME = 1e-6
"""How far the mean of a file's items may lie from the number in its results file."""


@dataclass(frozen=True)
class TaskFacts:
    """What the results file says of a task; n, aggregates: what its items are held against.

    aggregation: by metric, "mean" where a task's number is the mean of its items.
    """

    name: str
    output_type: str
    target_delimiter: str
    n: int | None
    aggregation: Mapping[str, str]
    aggregates: Mapping[Measure, float]


def read_items(
    path: Path, task: TaskFacts, measure: Measure, cluster: str | None, inside: Any = None
) -> Logged:
    """The items of one measure, in the order of their documents.

    inside: the items where they lie in the results file itself, `path` then; else they are the
    lines of `path`. Raises CellError where they are not whole or not of their results file, and
    UnpairableError where the metric has no value for a single item.
    """
    metric, filter = measure
    found = _rows(path) if inside is None else _within(path, inside)
    rows = [row for row in found if row.get("filter", filter) == filter]
    _check(path, task, rows)
    rows.sort(key=lambda row: int(row["doc_id"]))
    ids = list(numbered(_document(path, row) for row in rows))
    items, questions = [], {}
    for item_id, row in zip(ids, rows, strict=True):
        item, question = _item(path, task, metric, cluster, item_id, row)
        items.append(item)
        questions[item.prompt_hash] = question
    mean = math.fsum(item.score for item in items) / len(items)
    if task.aggregation.get(metric) == "mean" and abs(mean - task.aggregates[measure]) > SAME:
        raise CellError(
            f"{path.name} is not of its results file: its mean {metric} is {mean:.6g}, "
            f"the results file says {task.aggregates[measure]:.6g}"
        )
    return Logged(tuple(items), questions)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every line's object. Raises CellError for a line that is none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line.decode("utf-8"))
                except (ValueError, RecursionError) as problem:
                    raise CellError(f"{path.name}, line {number}, is damaged: {problem}") from None
                if not isinstance(row, dict) or not isinstance(row.get("doc_id"), int):
                    raise CellError(f"{path.name}, line {number}, is no item: it has no doc_id")
                yield row
    except OSError as problem:
        raise CellError(f"{path.name} cannot be read: {problem.strerror}") from None


def _within(path: Path, items: Any) -> Iterator[dict[str, Any]]:
    """The items of a task that lie in its results file. Raises CellError for one that is none."""
    for number, row in enumerate(items if isinstance(items, list) else [items]):
        if not isinstance(row, dict) or not isinstance(row.get("doc_id"), int):
            raise CellError(f"{path.name}, sample {number}, is no item: it has no doc_id")
        yield row


def _check(path: Path, task: TaskFacts, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises CellError unless each item stands once and none is missing."""
    seen: set[int] = set()
    for row in rows:
        if row["doc_id"] in seen:
            raise CellError(f"{path.name} holds the item {row['doc_id']} twice")
        seen.add(row["doc_id"])
    if not rows:
        raise CellError(f"{path.name} holds no items of this filter")
    if task.n is not None and len(rows) != task.n:
        raise CellError(
            f"{path.name} holds {len(rows)} items and its results file counts {task.n}; "
            "part of it is missing"
        )


def _document(path: Path, row: Mapping[str, Any]) -> str:
    """What tells an item's document from others, the same as for items that zoo asks itself.

    Where the logged document is not the one that lm-eval hashed (a task may change it while it
    scores), lm-eval's own hash: such items pair with one another only.
    """
    doc, theirs = row.get("doc"), row.get("doc_hash")
    if isinstance(doc, dict):
        spelled = json.dumps(doc, indent=2, ensure_ascii=False)
        own = hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()
        if theirs in (None, own):
            return digest(plain_document(doc))[:16]
    if isinstance(theirs, str) and theirs:
        return f"lm-eval:{writable(theirs[:16])}"
    raise CellError(f"{path.name}: the item {row['doc_id']} has neither document nor doc_hash")


def _item(
    path: Path,
    task: TaskFacts,
    metric: str,
    cluster: str | None,
    item_id: str,
    row: Mapping[str, Any],
) -> tuple[Item, Question]:
    where = f"{path.name}: the item {row['doc_id']}"
    contexts, continuations = _requests(row.get("arguments"), where)
    confidence = parsed = None
    chance, target = 0.0, _text(row.get("target"))
    options: list[str] = []
    response = _first(row.get("resps"))
    if task.output_type == "multiple_choice":
        options = [each.removeprefix(task.target_delimiter) for each in continuations]
        likelihoods = _likelihoods(row.get("resps"), where)
        n = len(options) // 2 if metric == "acc_mutual_info" else len(options)
        if not n:
            raise CellError(f"{where} has no options to choose from")
        options = options[:n] if len(set(options[:n])) > 1 else contexts[:n]
        response, confidence = chosen(options, likelihoods, metric)
        gold = _gold(target)
        chance = max(len(gold), 1) / len(options)
        target = "\n".join(options[each] for each in gold if 0 <= each < len(options)) or target
    elif task.output_type == "generate_until":
        parsed = _parsed(row)
    hash = prompt_hash(contexts)
    item = Item(
        item_id=item_id,
        cluster_id=cluster_of(row.get("doc") or {}, cluster, item_id),
        sample=0,
        score=_score(row, metric, where),
        parsed=parsed,
        n_tokens=None,
        truncated=None,
        chance=chance,
        confidence=confidence,
        response=writable(response),
        prompt_hash=hash,
    )
    return item, Question(tuple(dict.fromkeys(contexts)), tuple(dict.fromkeys(options)), target)


def _requests(arguments: Any, where: str) -> tuple[list[str], list[str]]:
    """Prompts and continuations of an item's requests, in order."""
    if isinstance(arguments, dict):
        if not all(name.rpartition("_")[2].isdecimal() for name in arguments):
            raise CellError(f"{where} has arguments that are not numbered")
        named = sorted(arguments.items(), key=lambda each: int(each[0].rpartition("_")[2]))
        calls = [list(call.values()) if isinstance(call, dict) else call for _, call in named]
    else:
        calls = arguments if isinstance(arguments, list) else []
    if not calls or not all(isinstance(call, list) and call for call in calls):
        raise CellError(f"{where} does not say what was asked (it has no arguments)")
    return [_text(call[0]) for call in calls], [_text(call[-1]) for call in calls]


def _likelihoods(resps: Any, where: str) -> list[float]:
    """The log-likelihood of each option; lm-eval writes [["-1.5", "True"]] for one."""
    try:
        found = [float(samples[0][0]) for samples in resps]
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        raise CellError(f"{where} has a log-likelihood that is no number") from None
    if any(math.isnan(each) for each in found):
        raise CellError(f"{where} has a log-likelihood that is no number")
    return found


def _score(row: Mapping[str, Any], metric: str, where: str) -> float:
    """The metric's value: a number, or the mean of several that are right or wrong."""
    if metric not in row:
        raise CellError(f"{where} has no {metric}")
    value = row[metric]
    if isinstance(value, list) and value and all(isinstance(each, bool) for each in value):
        return sum(value) / len(value)
    if not isinstance(value, (bool, int, float)):
        raise UnpairableError(f"the metric {metric!r} has no value for a single item")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CellError(f"{where} has a {metric} that is no finite number")
    return number


def _parsed(row: Mapping[str, Any]) -> bool:
    """Whether the task says that it found an answer, or else its filter left one."""
    if isinstance(row.get("parsed"), (bool, int, float)):
        return bool(row["parsed"])
    found = row.get("filtered_resps")
    return any(each not in UNPARSED for each in _flat(found))


def _gold(target: str) -> list[int]:
    """The places of the right options: lm-eval writes "0", or "[0, 2]"."""
    try:
        value = ast.literal_eval(target)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    found = value if isinstance(value, list) else [value]
    return sorted({each for each in found if isinstance(each, int)})


def _first(value: Any) -> str:
    return _text(next(_flat(value), ""))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    elif value is not None:
        yield value


def _text(value: Any) -> str:
    return writable(value if isinstance(value, str) else "" if value is None else str(value))
