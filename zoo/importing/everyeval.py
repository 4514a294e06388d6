"""Reads Every Eval Ever's records: one JSON file a run, with its items as <file>_samples.jsonl.

Written for version 0.3.0 of the schema; 0.2 differs in nothing that is read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.scoring import prompt_hash
from zoo.evaluation.tasks import numbered
from zoo.fingerprints import digest, file_digest
from zoo.importing.files import FormatError, Source
from zoo.importing.nouns import Aggregate, Logged, Measure, Results, TaskResults, UnpairableError
from zoo.importing.samples import SAME
from zoo.importing.values import (
    SEED,
    arguments,
    count,
    dtype,
    moment,
    number,
    said,
    spelled,
    table,
    text,
    texts,
    whole,
)  # fmt: skip
from zoo.models import Prompting
from zoo.questions import Question, writable
from zoo.results import Item

SAMPLES = "_samples.jsonl"

LM_EVAL = re.compile(r"(?P<metric>\S+)(?: \(filter: (?P<filter>.+)\))?")
"""How the format's own converter describes a metric of lm-eval."""


def knows(content: Any) -> bool:
    """Whether it is a record of Every Eval Ever."""
    return isinstance(content, dict) and {"evaluation_results", "model_info"} <= content.keys()


def results_of_items(path: Path) -> Path | None:
    """The record that a file of items belongs to, None where it is not beside it."""
    found = path.with_name(path.name.removesuffix(SAMPLES) + ".json")
    return found if path.name.endswith(SAMPLES) and found.is_file() else None


def read_results(source: Source) -> Iterator[Results]:
    """One record. Raises FormatError where it cannot be one."""
    content = table(source.content)
    model = table(content.get("model_info"))
    name = text(model.get("id")) or text(model.get("name"))
    if not name:
        raise FormatError("it does not say which model it is of (no model_info.id)")
    if not isinstance(content["evaluation_results"], list):
        raise FormatError("its 'evaluation_results' is no list")
    more = table(model.get("additional_details"))
    given = arguments(more.get("model_args"))
    library = table(content.get("eval_library"))
    by = " ".join(filter(None, (text(library.get("name")), text(library.get("version")))))
    version = text(content.get("schema_version"))
    sha = text(more.get("sha")) or text(more.get("revision"))
    precision = dtype(more.get("dtype") or more.get("precision"))
    date = moment(content.get("evaluation_timestamp"))
    published = table(content.get("source_metadata"))
    told = {"revision": sha, "dtype": precision, "date": date}
    yield Results(
        path=source.path,
        sha256=source.sha256,
        format=f"Every Eval Ever {version}".strip(),
        model=name,
        asked=Prompting(),
        seed=SEED,
        engine=by or "unknown",
        dtype=precision,
        device="",
        batch_size="",
        revision=sha or None,
        date=date or moment(content.get("retrieved_timestamp")),
        versions=said([(text(library.get("name")), text(library.get("version")))]),
        tasks=tuple(_tasks(source, content["evaluation_results"])),
        facts=said(
            (
                ("model_args", spelled(given)),
                ("source", text(published.get("source_name"))),
                ("organisation", text(published.get("source_organization_name"))),
                ("evaluator", text(published.get("evaluator_relationship"))),
            )
        ),
        card=said((("base_model", text(more.get("base_model"))),)),
        parameters=_parameters(more),
        unsaid=(*(each for each, value in told.items() if not value), "seed", "chat template"),
    )


def _tasks(source: Source, listed: list[Any]) -> Iterator[TaskResults]:
    """Results by their evaluation: several metrics of one are one task's."""
    items = _items_of(source)
    sha256 = file_digest(items) if items else ""
    named = [text(table(each).get("evaluation_name")) for each in listed]
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, each in zip(named, map(table, listed), strict=True):
        groups.setdefault(_task(name, each), []).append(each)
    for name, found in groups.items():
        if not name:
            continue
        aggregates: dict[Measure, Aggregate] = {}
        ids: dict[Measure, Mapping[str, Any]] = {}
        counts = []
        for each in found:
            measure = _measure(each)
            if (aggregate := _aggregate(each)) is not None and measure not in aggregates:
                aggregates[measure], ids[measure] = aggregate, each
            counts.append(count(_uncertainty(each).get("num_samples")))
        told = table(table(found[0].get("generation_config")).get("additional_details"))
        shots = text(told.get("num_fewshot"))
        yield TaskResults(
            name=name,
            version="",
            num_fewshot=whole(shots),
            n=counts[0],
            limit=None,
            aggregates=aggregates,
            items=partial(_read_items, items, named, ids, aggregates) if items else None,
            sha256=sha256,
            broken="" if aggregates else f"{source.path} has no number for {name}",
        )


def _task(name: str, result: Mapping[str, Any]) -> str:
    """The name without the filter that the converter of lm-eval's files puts behind it."""
    return name.removesuffix(f"/{_measure(result)[1]}")


def _measure(result: Mapping[str, Any]) -> Measure:
    config = table(result.get("metric_config"))
    for key in ("metric_id", "metric_name", "metric_kind"):
        if found := text(config.get(key)):
            return found, "none"
    described = LM_EVAL.fullmatch(text(config.get("evaluation_description")))
    return (described["metric"], described["filter"] or "none") if described else ("score", "none")


def _aggregate(result: Mapping[str, Any]) -> Aggregate | None:
    """The score as a fraction where its bounds or its unit make it one of a hundred."""
    config = table(result.get("metric_config"))
    value = number(table(result.get("score_details")).get("score"))
    if value is None:
        return None
    scale = _scale(config)
    stderr = number(table(_uncertainty(result).get("standard_error")).get("value"))
    return Aggregate(
        value / scale,
        None if stderr is None else stderr / scale,
        config.get("lower_is_better") is not True,
    )


def _scale(config: Mapping[str, Any]) -> float:
    bounds = number(config.get("min_score")), number(config.get("max_score"))
    percent = text(config.get("metric_unit")).lower() in {"percent", "percentage", "%"}
    return 100.0 if percent or bounds == (0.0, 100.0) else 1.0


def _uncertainty(result: Mapping[str, Any]) -> dict[str, Any]:
    return table(table(result.get("score_details")).get("uncertainty"))


def _parameters(more: Mapping[str, Any]) -> int | None:
    try:
        if more.get("num_parameters") is not None:
            return count(int(str(more["num_parameters"])))
        return count(round(float(str(more["params_billions"])) * 1e9)) or None
    except (KeyError, ValueError, OverflowError):
        return None


def _items_of(source: Source) -> Path | None:
    """The file of items beside a record: what the record names, without its folder."""
    named = table(table(source.content).get("detailed_evaluation_results"))
    name = Path(text(named.get("file_path"))).name or f"{source.path.stem}{SAMPLES}"
    found = source.path.with_name(name)
    return found if name.endswith(SAMPLES) and found.is_file() else None


def _read_items(
    path: Path,
    named: list[str],
    results: Mapping[Measure, Mapping[str, Any]],
    aggregates: Mapping[Measure, Aggregate],
    measure: Measure,
    _cluster: str | None,
) -> Logged:
    """The items of one result. Raises CellError where a line is broken or an item stands twice,
    and UnpairableError where the items are not those that the number is the mean of."""
    result = results[measure]
    own, name = text(result.get("evaluation_result_id")), text(result.get("evaluation_name"))
    alone = named.count(name) == 1
    rows = [
        row
        for row in _rows(path)
        if (own and row.get("evaluation_result_id") == own)
        or (alone and not row.get("evaluation_result_id") and row.get("evaluation_name") == name)
    ]
    scale = _scale(table(result.get("metric_config")))
    marks = numbered(_mark(row) for row in rows)
    pairs = [_item(path, mark, row, scale) for mark, row in zip(marks, rows, strict=True)]
    mean = sum(item.score for item, _ in pairs) / len(pairs) if pairs else None
    if mean is None or abs(mean - aggregates[measure].value) > SAME:
        raise UnpairableError(f"{measure[0]!r} is not the mean of the items in {path.name}")
    return Logged(
        tuple(item for item, _ in pairs), {item.prompt_hash: asked for item, asked in pairs}
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for place, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        row = json.loads(line)
                    except (ValueError, RecursionError) as problem:
                        where = f"{path.name}, line {place}, is damaged"
                        raise CellError(f"{where}: {problem}") from None
                    yield table(row)
    except OSError as problem:
        raise CellError(f"{path.name} cannot be read: {problem.strerror}") from None


def _mark(row: Mapping[str, Any]) -> str:
    """What tells an item from others, the same for every model: of its question and reference."""
    asked = table(row.get("input"))
    own = text(row.get("sample_hash")) or digest(
        [text(asked.get("raw")), texts(asked.get("reference"))]
    )
    return f"eee:{writable(own[:16])}"


def _item(path: Path, item_id: str, row: Mapping[str, Any], scale: float) -> tuple[Item, Question]:
    score = table(row.get("evaluation")).get("score")
    value = number(float(score) if isinstance(score, bool) else score)
    if value is None:
        raise CellError(f"{path.name}: the item {text(row.get('sample_id'))!r} has no score")
    asked, answered = table(row.get("input")), table(row.get("output"))
    prompt = text(asked.get("formatted")) or text(asked.get("raw"))
    options = tuple(map(writable, texts(asked.get("choices"))))
    item = Item(
        item_id=item_id,
        cluster_id=item_id,
        sample=0,
        score=value / scale,
        parsed=None,
        n_tokens=count(table(row.get("token_usage")).get("output_tokens")),
        truncated=None,
        chance=1 / len(options) if len(options) > 1 else 0.0,
        confidence=None,
        response=writable("".join(texts(answered.get("raw"))[:1])),
        prompt_hash=prompt_hash([prompt]),
    )
    target = "\n".join(texts(asked.get("reference")))
    return item, Question((prompt,), options, target)
