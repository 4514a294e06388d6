"""The card of a repository of results: front matter for the Hub, and a table for people.

It is made of the manifest alone. What people write into it outside of the two marks stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from zoo.reporting.markdown import escape, grid
from zoo.reporting.text import clean

CARD = "README.md"
BEGIN, END = "<!-- zoo: begin -->", "<!-- zoo: end -->"
OWN = ("results", "samples")
"""The configs of a card of ours."""
ROWS = 60
"""Stages that the table shows, those of the newest runs."""


def card_of(
    manifest: Mapping[str, Any], target: str, *, licence: str = "", over: bytes = b""
) -> bytes:
    """The card. over: the one that it takes the place of."""
    front, before, after = _parts(over.decode("utf-8-sig", "replace").replace("\r\n", "\n"))
    runs = manifest["runs"]
    configs: list[dict[str, Any]] = [
        {"config_name": "results", "data_files": "data/results/*.parquet"}
    ]
    if any(run.get("samples") for run in runs.values()):
        configs.append({"config_name": "samples", "data_files": "data/samples/*.parquet"})
    others = _others(front.get("configs"))
    if not any(each.get("default") for each in others):
        configs[0]["default"] = True
    theirs = front.get("tags")
    tags = theirs if isinstance(theirs, list) else []
    kept = {"pretty_name": f"Results of {target}", **front}
    card = {
        **({"license": licence} if licence else {}),
        **kept,
        "tags": list(dict.fromkeys([*tags, "stagezoo", "evaluation"])),
        "configs": [*configs, *others],
    }
    spelt = yaml.safe_dump(card, sort_keys=False, allow_unicode=True)
    return f"---\n{spelt}---\n{before}{BEGIN}\n{_body(runs, target)}\n{END}{after}".encode()


def _others(configs: Any) -> list[dict[str, Any]]:
    """Configs that people have added to the card's own."""
    found = configs if isinstance(configs, list) else []
    return [c for c in found if isinstance(c, dict) and c.get("config_name") not in OWN]


def _parts(text: str) -> tuple[dict[str, Any], str, str]:
    """Front matter, what stands before the marks, what stands behind them."""
    front: dict[str, Any] = {}
    if text.startswith("---\n"):
        head, _, text = text[4:].partition("\n---\n")
        try:
            found = yaml.safe_load(head)
        except yaml.YAMLError:
            found = None
        front = found if isinstance(found, dict) else {}
    before, begun, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return (front, before, after) if begun else (front, "\n", "\n")


def _body(runs: Mapping[str, Any], target: str) -> str:
    newest = sorted(runs.items(), key=lambda each: str(each[1].get("started")), reverse=True)
    rows = [row for id, run in newest for row in _rows(id, run)]
    headings = ["run", "suite", "stage", "regime", "G uniform", "S uniform", "G native", "S native"]
    aligned = ["left"] * 4 + ["right"] * 4
    again = sorted({clean(run.get("command", "")) for run in runs.values()} - {""})
    again = [command for command in again if "<!--" not in command]  # it could end this part
    named = escape(target)
    counted = "one run" if len(runs) == 1 else f"{len(runs)} runs"
    more = f"\n\n{len(rows) - ROWS} more stages stand in the data." if len(rows) > ROWS else ""
    commands = "\n".join(f"    {command}" for command in again[:ROWS])
    return f"""
# {named}

How models change from stage to stage of their training, measured with stagezoo: {counted}.
G is general ability, S what a stage was trained for, in per cent of the way from chance to perfect,
with 95 % limits over items. *Uniform* asks every stage alike, *native* each as its regime says.

{grid(headings, rows[:ROWS], aligned)}{more}

- `data/results`: one row a cell, with all that identifies it. `load_dataset("{target}", "results")`
- `data/samples`: one row an answer, where it was published. Of benchmarks whose items may not be
  shown it has hashes, scores and counts of tokens alone.
- `runs/*.json` (zoo.run/1), which `zoo pull {target}` reads back.
- `lineage/*.json`, who descends from whom. `every_eval_ever/`, the same scores in that schema.
- `manifest.json`, the sha256 of each file.

Measured again with:

{commands}
"""


def _rows(id: str, run: Mapping[str, Any]) -> list[list[str]]:
    stages = run.get("stages")
    limit = run.get("limit")
    suite = str(run.get("suite", "")) + (f", first {limit} items" if limit else "")
    return [
        [
            escape(id),
            escape(suite),
            escape(stage.get("model", "")),
            escape(stage.get("regime", "")),
            *(
                _share(stage.get(axis), protocol)
                for protocol in ("uniform", "native")
                for axis in ("general", "special")
            ),
        ]
        for stage in (stages if isinstance(stages, Sequence) else ())
        if isinstance(stage, Mapping)
    ]


def _share(axis: Any, protocol: str) -> str:
    try:
        value, low, high = (100 * float(axis[protocol][n]) for n in ("value", "low", "high"))
    except (KeyError, TypeError, ValueError):
        return "–"
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
