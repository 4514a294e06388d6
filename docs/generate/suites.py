"""The page of the named suites, from their files and their comments."""

from __future__ import annotations

import re
from pathlib import Path

import zoo_benchmarks
from generate.docstrings import table
from zoo.benchmarks import Benchmark
from zoo.catalogue import Catalogue, read_catalogue

FOLDER = Path(zoo_benchmarks.__file__).parent

_HEAD = """\
# Suites by name

This page is generated from `benchmarks/suites/*.toml` by `python docs/generate`.

`zoo run FAMILY --suite NAME` asks every stage of a lineage the same benchmarks. `core` asks the
embedded family, whose data come with stagezoo; the others ask lm-eval's own tasks, whose data
come from the Hub:

```
$ zoo run allenai/OLMo-2-0425-1B allenai/OLMo-2-0425-1B-SFT --suite general --limit 200
$ zoo run allenai/OLMo-2-0425-1B ./sft/checkpoint-1200 --suite open-llm-v2 --protocol uniform
```

The embedded family knows a few hundred words: it can be planned on these suites, and its scores
on them would say nothing.

```console
$ zoo suites
open-llm-v2
$ zoo benchmarks --suite open-llm-v2
leaderboard_bbh
$ zoo plan nano --suite general --no-check
nano on general: 5 models x 66 benchmarks, 660 cells
```

## Groups

A line of a suite may name one of lm-eval's groups (`mmlu`, `kmmlu`, `leaderboard_bbh`). It stands
for every task below it, nested groups and tags included, each with the metric, shots, axis,
capability, chance, policy and licence of the line. Every task is a benchmark of its own: it is
paired item by item, shown, and fails by itself.

In G, S and the capabilities' own numbers a group counts as *one* benchmark, however many tasks it
has. Within it tasks are weighted as lm-eval aggregates them: by their numbers of scored items
where its file says `weight_by_size`, else alike; where lm-eval aggregates nothing (`hrm8k`),
alike. So the group's part is lm-eval's own number for it, less chance. Two keys of a line change
that: `weight_by_size = false` lets the tasks count alike, and `group = "NAME"` puts tasks of your
choice together, each with its `weight`. A composite that lacks one task of a group is unknown: a
part of a test is another test. In tables a group of more than 8 tasks is one row: weighted
means, with limits that take its tasks as independent. CSV and JSON have every task, with its
`group` and its `share` of the capability.

`--tasks mmlu` expands a group too; a task or group that a suite describes keeps that description,
the first suite by name deciding. A group is refused that asks its tasks in another way than their
own files say: name its tasks.

## What a suite needs

- **Packages.** IFEval and MATH need `pip install "stagezoo[tasks]"`; without it their cells fail
  with that sentence and the rest goes on. IFEval fetches a tokenizer of sentences when it is
  first read.
- **Data.** They are fetched from the Hub by `datasets`. Gated ones (GPQA) want their terms
  accepted and `HF_TOKEN`; each cell whose data cannot be had says so.
- **Code.** The Python of lm-eval's own tasks is lm-eval's, installed with it, and runs like it.
  Code that *models* write (HumanEval) runs only where zoo.toml names the task in `[zoo]
  unsafe_code`, [in a sandbox](faults.md#code-that-models-write).
- **Time.** `zoo plan FAMILY --suite NAME` counts the requests. `--limit 200` asks the first 200
  items of every task, so a group of many tasks is still large.

## Shots and chance

A suite's number of shots is asked, also where the task's file has another one. The suites ask no
shots where the file says `num_fewshot: 0`: lm-eval's own command gives none either, and the
prompt may hold examples already (TruthfulQA). Chance is the score of a guesser; "counted" means
one over the number of options, item by item. "Answers" is how often each item is asked, where that
is more than once: [several answers](measures.md#several-answers-to-an-item).

## Policy and licence

`policy` says what may be done with the items of a benchmark: `open` items are shown on report
pages and in publications with their texts; `gated` ones (their publisher asks for it, or nobody
could be asked) and `canary` ones (marked so that they stay out of training data) are scored, and
their texts are left out. `licence` is what the card of the data says, where it could be looked
up, and empty where it could not: then the policy is `gated`. Look at the card before you publish
items; in a suite of your own you decide.
"""

_BOILERPLATE = re.compile(r"`licence` is what the data's card says.*?publications\.", re.DOTALL)


def render_suites() -> str:
    """The page as markdown: a section for each suite, `core` first."""
    catalogue = read_catalogue([(FOLDER, "benchmarks")])
    names = sorted(catalogue.suites, key=lambda name: (name != "core", name))
    return "\n".join([_HEAD, *(_section(catalogue, name) for name in names)])


def _section(catalogue: Catalogue, name: str) -> str:
    suite = catalogue.suites[name]
    head, notes = _comments((FOLDER / "suites" / f"{name}.toml").read_text(encoding="utf-8"))
    rows = [_row(catalogue, benchmark) for benchmark in suite.benchmarks]
    columns: tuple[str, ...] = (
        "task", "shots", "metric", "axis", "capability", "chance", "licence", "policy",
    )  # fmt: skip
    if any(benchmark.repeats > 1 for benchmark in suite.benchmarks):
        columns += ("answers",)
        rows = [(*row, str(b.repeats)) for row, b in zip(rows, suite.benchmarks, strict=True)]
    remarks = [
        f"- `{benchmark.task}`: {note}"
        for benchmark, note in zip(suite.benchmarks, notes, strict=True)
        if note
    ]
    about = _BOILERPLATE.sub("", head).strip()
    parts = [f"## `{name}`", about, table(columns, rows)]
    return "\n\n".join([*parts, "\n".join(remarks)]).rstrip() + "\n"


def _row(catalogue: Catalogue, benchmark: Benchmark) -> tuple[str, ...]:
    tasks = len(catalogue.tasks_of(benchmark))
    filtered = "" if benchmark.filter == "none" else f", `{benchmark.filter}`"
    shots = "its own" if benchmark.num_fewshot is None else str(benchmark.num_fewshot)
    return (
        f"`{benchmark.task}`" + (f" ({tasks} tasks)" if tasks > 1 else ""),
        shots,
        f"`{benchmark.metric}`{filtered}",
        benchmark.axis,
        benchmark.capability,
        "counted" if benchmark.chance is None else f"{benchmark.chance:g}",
        benchmark.licence,
        benchmark.policy,
    )


def _comments(text: str) -> tuple[str, list[str]]:
    """What is said at the head of a suite's file, and before each of its benchmarks."""
    head, *entries = re.split(r"^\[\[benchmarks\]\]$", text, flags=re.MULTILINE)
    before = [head.partition('title = "')[2], *entries[:-1]]
    return _said(head.partition("\nname = ")[0]), [_said(each) for each in before]


def _said(text: str) -> str:
    lines = (line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    return " ".join(line for line in lines if line)
