"""Reads the Open LLM Leaderboard's table of contents: one row a model, in any form of table.

The second leaderboard's own columns: `fullname`, `Model sha`, `Precision`, `Type`, `Base Model`,
`#Params (B)`, `Hub License`, and for each benchmark a raw value (0..1) and one that is normalised
by chance (0..100). The raw one is taken; the other only where a table has no raw one, as a measure
of its own. The table holds neither errors nor counts of items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.importing.files import Source
from zoo.importing.nouns import Aggregate, Measure, Results, TaskResults
from zoo.importing.values import SEED, count, dtype, moment, number, said, text
from zoo.models import Evidence, Prompting

NORMALISED = "normalised"
"""The metric of a value that is known only as normalised by chance."""


@dataclass(frozen=True)
class Column:
    """One of the table's benchmarks: lm-eval's group of tasks, its metric, shots and items.

    chance: a guesser's score, of options counted task by task and weighted by their items.
    """

    title: str
    task: str
    metric: str
    shots: int
    items: int
    chance: float


COLUMNS = (
    Column("IFEval", "leaderboard_ifeval", "strict_acc", 0, 541, 0.0),
    Column("BBH", "leaderboard_bbh", "acc_norm", 3, 5761, 0.2885),
    Column("MATH Lvl 5", "leaderboard_math_hard", "exact_match", 4, 1324, 0.0),
    Column("GPQA", "leaderboard_gpqa", "acc_norm", 0, 1192, 0.25),
    Column("MUSR", "leaderboard_musr", "acc_norm", 0, 756, 0.3433),
    Column("MMLU-PRO", "leaderboard_mmlu_pro", "acc", 5, 12032, 0.1),
)
"""As the leaderboard's documentation and lm-eval's files of these tasks have them; IFEval is the
mean of its two strict accuracies."""

TYPES = {
    "continuously pretrained": "",
    "pretrained": "pretrained",
    "fine-tuned": "fine-tuned",
    "merge": "merged",
}
"""Words of a `Type` and the regime that they name, "" for one that nobody has; chat models are of
several, and their names tell which."""

SURE = 0.9
"""How sure a `Type` makes of a regime: whoever submitted the model chose it."""


def knows(content: Any) -> bool:
    """Whether it is the leaderboard's table: rows, or the rows that the Hub's viewer serves."""
    rows = _rows(content)
    titles = {column.title for column in COLUMNS}
    titles |= {f"{title} Raw" for title in titles}
    return bool(rows) and "fullname" in rows[0] and bool(titles & rows[0].keys())


def read_results(source: Source) -> Iterator[Results]:
    """Each row that names a model."""
    for row in _rows(source.content):
        if model := text(row.get("fullname")).strip():
            yield _results(source, model, row)


def _results(source: Source, model: str, row: Mapping[str, Any]) -> Results:
    sha, precision = text(row.get("Model sha")), dtype(row.get("Precision"))
    date = moment(row.get("Submission Date"))
    chat = _truth(row.get("Chat Template"))
    billions = _value(row.get("#Params (B)")) or 0.0
    told = {"revision": sha, "dtype": precision, "date": date}
    if chat is None:
        told["chat template"] = ""
    return Results(
        path=source.path,
        sha256=source.sha256,
        format="Open LLM Leaderboard",
        model=model,
        asked=Prompting("default" if chat else None, fewshot_as_multiturn=bool(chat)),
        seed=SEED,
        engine="Open LLM Leaderboard, lm-eval",
        dtype=precision,
        device="",
        batch_size="",
        revision=sha or None,
        date=date,
        versions={},
        tasks=tuple(_tasks(source, model, row)),
        facts=said(
            (
                ("type", text(row.get("Type"))),
                ("chat_template", "" if chat is None else "applied" if chat else "not applied"),
            )
        ),
        card=said((("base_model", _base(row, model)), ("license", _name(row.get("Hub License"))))),
        evidence=_evidence(text(row.get("Type"))),
        parameters=count(round(billions * 1e9)) or None if abs(billions) < 1e9 else None,
        unsaid=(*(name for name, value in told.items() if not value), "seed", "standard errors"),
    )


def _tasks(source: Source, model: str, row: Mapping[str, Any]) -> Iterator[TaskResults]:
    for column in COLUMNS:
        if not {column.title, f"{column.title} Raw"} & row.keys():
            continue  # the table has no such benchmark
        raw, normalised = _value(row.get(f"{column.title} Raw")), _value(row.get(column.title))
        aggregates: dict[Measure, Aggregate] = {}
        if raw is not None:
            aggregates[column.metric, "none"] = Aggregate(raw, None)
        elif normalised is not None:
            aggregates[NORMALISED, "none"] = Aggregate(normalised / 100, None)
        yield TaskResults(
            name=column.task,
            version="",
            num_fewshot=column.shots,
            n=column.items,
            limit=None,
            aggregates=aggregates,
            chance=column.chance if raw is not None else 0.0,
            broken=""
            if aggregates
            else f"{source.path} has no number for {column.title} of {model}",
        )


def _rows(content: Any) -> list[dict[str, Any]]:
    """The rows of a table, as they are or each within what the Hub's viewer says of it."""
    if isinstance(content, dict):
        content = content.get("rows")
    rows = [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    return [each["row"] if isinstance(each.get("row"), dict) else each for each in rows]


def _evidence(kind: str) -> tuple[Evidence, ...]:
    """What a `Type` says of how the model was trained."""
    regime = next((name for word, name in TYPES.items() if word in kind.lower()), "")
    return (Evidence(regime, SURE, f"the leaderboard lists it as {kind!r}"),) if regime else ()


def _base(row: Mapping[str, Any], model: str) -> str:
    """The base model, "" where the table has none, or the model itself."""
    found = _name(row.get("Base Model")).removesuffix("(Merge)").strip()
    return "" if found == model or "/" not in found else found


def _name(value: Any) -> str:
    found = text(value).strip()
    return "" if found.lower() in {"", "?", "none", "nan", "null", "removed", "unknown"} else found


def _value(value: Any) -> float | None:
    """A number, also as the text that a CSV file has."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return number(value)


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text(value).strip().lower())
