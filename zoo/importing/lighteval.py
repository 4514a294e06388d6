"""Reads what lighteval writes: results_<date>.json, with the items of each task as a parquet file.

    <output>/results/<model>/results_<date>.json
    <output>/details/<model>/<date>/details_<task>_<date>.parquet

A task stands under "task|shots"; earlier versions, and the first Open LLM Leaderboard, wrote
"suite|task|shots". Means over several tasks ("all", "...:_average|...") are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zoo.errors import CellError
from zoo.evaluation.scoring import chosen, prompt_hash
from zoo.evaluation.tasks import numbered
from zoo.fingerprints import digest, file_digest
from zoo.importing.files import FormatError, Source
from zoo.importing.lmeval import plain_aggregates
from zoo.importing.nouns import Aggregate, Logged, Measure, Results, TaskResults, UnpairableError
from zoo.importing.samples import SAME
from zoo.importing.values import (
    SEED,
    count,
    dtype,
    number,
    said,
    spelled,
    table,
    text,
    texts,
    whole,
)
from zoo.models import Prompting
from zoo.questions import Question, writable
from zoo.results import Item

DATE = re.compile(r"_(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)(?:\.\d+)?\.(?:json|parquet)$")
SHA = re.compile(r"[0-9a-f]{40}")


def knows(content: Any) -> bool:
    """Whether it is a results file of lighteval."""
    return isinstance(content, dict) and {"config_general", "results"} <= content.keys()


def results_of_items(path: Path) -> Path | None:
    """The results file that a file of details belongs to, None where there is none."""
    ending = DATE.search(path.name)
    if path.suffix != ".parquet" or ending is None or len(path.parts) < 3:
        return None
    if path.name.startswith("results_"):  # the same once more, as it is sent to the Hub
        return _existing(path.with_suffix(".json"))
    name = f"results{ending[0].removesuffix('.parquet')}.json"
    for above in path.parents:
        if above.name == "details":
            model = path.parent.parent.relative_to(above)
            return _existing(above.with_name("results") / model / name)
    return None


def read_results(source: Source) -> Iterator[Results]:
    """A results file. Raises FormatError where it cannot be one."""
    general = table(source.content["config_general"])
    config = table(general.get("model_config"))
    model = text(general.get("model_name")) or text(config.get("model_name"))
    if not isinstance(source.content["results"], dict):
        raise FormatError("its 'results' is no table")
    if not model:
        raise FormatError("it does not say which model it is of (no model_name)")
    named = text(config.get("revision"))
    sha = text(general.get("model_sha")) or (named if SHA.fullmatch(named) else "")
    version = text(general.get("lighteval_sha"))[:12].strip("?")
    precision = dtype(general.get("model_dtype") or config.get("dtype"))
    system = text(config.get("system_prompt"))
    chat = config.get("override_chat_template", general.get("use_chat_template"))
    date = _date(source.path)
    told = {"revision": sha, "dtype": precision, "date": date}
    if not isinstance(chat, bool):
        told["chat template"] = ""
    yield Results(
        path=source.path,
        sha256=source.sha256,
        format="lighteval",
        model=model,
        asked=Prompting("default" if chat is True else None, system or None),
        seed=SEED,
        engine=f"lighteval {version}".strip(),
        dtype=precision,
        device=text(config.get("device")),
        batch_size=text(config.get("batch_size") or general.get("override_batch_size")),
        revision=sha or None,
        date=date,
        versions=said([("lighteval", version)]),
        tasks=tuple(_tasks(source, general)),
        facts=said(
            (
                ("model_args", spelled({k: v for k, v in config.items() if _is_short(v)})),
                ("revision", named),
                ("chat_template", _applied(chat)),
            )
        ),
        unsaid=(*(name for name, value in told.items() if not value), "seed"),
    )


def _tasks(source: Source, general: Mapping[str, Any]) -> Iterator[TaskResults]:
    content = source.content
    folder = _details_of(source.path)
    for key, numbers in content["results"].items():
        name, shots = _named(key)
        if not name or not isinstance(numbers, dict):
            continue
        config = _config(table(content.get("config_tasks")), key, name)
        n = count(config.get("effective_num_docs"))
        aggregates = _directed(plain_aggregates(numbers), config)
        found = [] if folder is None else sorted(folder.glob(f"details_{_pattern(key)}_*.parquet"))
        details = found[0] if found else None
        version = table(content.get("versions")).get(key, config.get("version"))
        yield TaskResults(
            name=name,
            version=text(version),
            num_fewshot=shots,
            n=n,
            limit=n if general.get("max_samples") is not None else None,
            aggregates=aggregates,
            items=partial(_read_items, details, aggregates) if details else None,
            sha256=file_digest(details) if details else "",
            broken="" if aggregates else f"{source.path} has no number for {key}",
        )


def _named(key: str) -> tuple[str, int | None]:
    """Task and shots of a key; ("", None) for a mean over tasks.

    >>> _named("arc:challenge|25"), _named("harness|hellaswag|10"), _named("mmlu:_average|5")
    (('arc:challenge', 25), ('hellaswag', 10), ('', None))
    """
    parts = key.split("|")
    if key == "all" or any(part.endswith("_average") for part in parts):
        return "", None
    if len(parts) == 1:
        return key, None
    name = parts[0] if len(parts) == 2 else parts[1]
    shots = parts[1] if len(parts) == 2 else parts[2]
    return name, whole(shots)


def _config(configs: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    """A task's configuration: under its own key, or as earlier versions have it, "suite|task"."""
    own = (key, key.rpartition("|")[0], name)
    others = (each for each in configs if each.rpartition("|")[2] == name)
    return next((table(configs[each]) for each in (*own, *others) if each in configs), {})


def _directed(
    aggregates: Mapping[Measure, Aggregate], config: Mapping[str, Any]
) -> dict[Measure, Aggregate]:
    """The numbers, where the task's metrics say it with whether less is better."""
    less: set[str] = set()
    listed = config.get("metrics", config.get("metric"))
    for metric in listed if isinstance(listed, list) else ():
        if table(metric).get("higher_is_better") is False:
            less.update(texts(metric.get("metric_name")))
    return {
        measure: Aggregate(each.value, each.stderr, measure[0] not in less)
        for measure, each in aggregates.items()
    }


def _details_of(path: Path) -> Path | None:
    """The folder with the details of a results file, None where there is none."""
    date = path.stem.removeprefix("results_")
    for above in path.parents:
        if above.name == "results":
            found = above.with_name("details") / path.parent.relative_to(above) / date
            return found if found.is_dir() else None
    return None


def _read_items(
    path: Path, aggregates: Mapping[Measure, Aggregate], measure: Measure, _cluster: str | None
) -> Logged:
    """The items of one measure. Raises CellError where the file is damaged, and UnpairableError
    where it is of an earlier version, or the measure is not the mean of its items."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_schema(path)
        if not {"doc", "metric", "model_response"} <= set(found.names):
            raise UnpairableError("its details are of an earlier version of lighteval")
        rows = pq.read_table(path, columns=["doc", "metric", "model_response"]).to_pylist()
    except (OSError, pa.ArrowException) as problem:
        raise CellError(f"{path.name} cannot be read: {problem}") from None
    marks = (_mark(table(row["doc"])) for row in rows)
    items, questions = [], {}
    for mark, row in zip(numbered(marks), rows, strict=True):
        item, question = _item(f"lighteval:{mark}", row, measure[0])
        items.append(item)
        questions[item.prompt_hash] = question
    mean = sum(item.score for item in items) / len(items) if items else 0.0
    if not items or abs(mean - aggregates[measure].value) > SAME:
        raise UnpairableError(f"the metric {measure[0]!r} is not the mean of its items")
    return Logged(tuple(items), questions)


def _item(item_id: str, row: Mapping[str, Any], metric: str) -> tuple[Item, Question]:
    doc, answer = table(row["doc"]), table(row["model_response"])
    score = table(row["metric"]).get(metric)
    value = number(float(score) if isinstance(score, bool) else score)
    if value is None:
        raise UnpairableError(f"the metric {metric!r} has no value for a single item")
    query, choices = text(doc.get("query")), texts(doc.get("choices"))
    given = answer.get("logprobs")
    likelihoods = [number(each) for each in given] if isinstance(given, list) else []
    response, confidence = "".join(texts(answer.get("text"))[:1]), None
    options: tuple[str, ...] = ()
    if len(choices) > 1 and len(likelihoods) == len(choices) and None not in likelihoods:
        response, confidence = chosen(choices, likelihoods, metric)
        options = choices
    hash = prompt_hash([query])
    item = Item(
        item_id=item_id,
        cluster_id=item_id,
        sample=0,
        score=value,
        parsed=None,
        n_tokens=None,
        truncated=None,
        chance=_golds(doc) / len(options) if options else 0.0,
        confidence=confidence,
        response=writable(response),
        prompt_hash=hash,
    )
    return item, Question((query,), tuple(dict.fromkeys(options)), _target(doc, choices))


def _mark(doc: Mapping[str, Any]) -> str:
    """What tells an item from others, the same for every model."""
    return digest([text(doc.get("query")), texts(doc.get("choices"))])[:16]


def _golds(doc: Mapping[str, Any]) -> int:
    gold = doc.get("gold_index")
    return len(gold) if isinstance(gold, list) and gold else 1


def _target(doc: Mapping[str, Any], choices: Sequence[str]) -> str:
    gold = doc.get("gold_index")
    places = gold if isinstance(gold, list) else [gold]
    found = [choices[p] for p in places if type(p) is int and 0 <= p < len(choices)]
    return "\n".join(found)


def _date(path: Path) -> str:
    """The date in a results file's name, in ISO's form; "" where it has none."""
    found = DATE.search(path.name)
    return f"{found[1]}T{found[2]}:{found[3]}:{found[4]}+00:00" if found else ""


def _pattern(name: str) -> str:
    """A name as a pattern that matches nothing else."""
    return re.sub(r"([*?[])", r"[\1]", name.replace("/", "?"))


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _applied(chat: Any) -> str:
    return ("applied" if chat else "not applied") if isinstance(chat, bool) else ""


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and value != ""
