"""Abstention: who says "I don't know", of what it could not know, and who makes an answer up.

After SimpleQA (Wei et al. 2024): C right, I wrong, N not attempted; and after Gekhman et al. 2024,
"Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?": an item is unknown where the
root of the lineage is never right in ten drawn answers after examples, to it or to the same fact in
another benchmark (a cluster that has a single item in each).

An answer abstains where the first line of it, thinking aside, holds one of the phrases below,
whatever it is scored. An answer without the form of one is not attempted, but does not abstain.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.clustered import Part
from zoo.composites import known as finite
from zoo.contrasts import Tradeoff
from zoo.lineages import chain_to
from zoo.probes import Known, sampled
from zoo.results import PROTOCOLS, Item, Result, RunSpec
from zoo.stats import composite_mean
from zoo_probes.passk import TEMPERATURE

Row = Mapping[str, Any]
PURPOSE = "tries of the root"
SHOTS = 3
PHRASES = (
    r"\b(do not|don['’]t|does not|doesn['’]t) know\b",
    r"(\bnot|n['’]t) (sure|certain)\b",
    r"\bunsure\b",
    r"\bunknown\b",
    r"\b(cannot|can['’]t|can not) (say|answer|tell)\b",
    r"\bno idea\b",
    r"모르(겠|는|지만|며|고)|모릅니다|모른다|몰라",
    r"알 수 없|알지 못|확실하지 않|확실치 않|답할 수 없|대답할 수 없",
)
"""What says that no answer is given, in English and Korean."""

LONGEST = 300
"""Characters of a first line that are looked at: who abstains says so at the start."""

SAYS_SO = re.compile("|".join(PHRASES), re.IGNORECASE)


def wants(known: Known, *, samples: int = 10, items: int = 200) -> Iterator[RunSpec]:
    """What the roots know of benchmarks where some stage abstained: drawn answers after examples.

    Asked under the uniform protocol where the run has it.
    """
    tasks = _tasks(known)
    parents = {model.id for model in known.models}
    roots = {model.id for model in known.models if not parents.intersection(model.parents)}
    for spec in known.written():
        if spec.benchmark.task not in tasks or spec.model.id not in roots:
            continue
        if spec.protocol != _protocol(known):
            continue
        shots = max(spec.benchmark.num_fewshot or 0, SHOTS)
        shown = replace(spec, benchmark=replace(spec.benchmark, num_fewshot=shots))
        yield sampled(shown, PURPOSE, samples=samples, items=items, temperature=TEMPERATURE)


def rows(known: Known, tradeoff: Tradeoff) -> Iterator[Row]:  # noqa: ARG001
    """Shares by model, protocol and benchmark, with limits over items."""
    tasks = _tasks(known)
    by_id = {model.id: model for model in known.models}
    tried: dict[str, list[Result]] = {}
    for result in known.scored(PURPOSE):
        tried.setdefault(result.spec.model.id, []).append(result)
    familiar = {root: _familiar(tries) for root, tries in tried.items()}
    for result in known.scored():
        spec = result.spec
        if spec.benchmark.task not in tasks or spec.model.id not in by_id:
            continue
        root = chain_to(by_id[spec.model.id], known.models)[0]
        yield {
            "model": spec.model.id,
            "protocol": spec.protocol,
            "benchmark": spec.benchmark.name,
            "kind": "summary",
            "n": len(result.items),
            **_shares(result, familiar.get(root.id, {})),
        }


def abstains(result: Result, item: Item) -> bool:
    """Whether an answer says that it is none."""
    end = result.spec.prompting.think_end_token
    text = item.response.rsplit(end, 1)[-1] if end else item.response
    return SAYS_SO.search(text.lstrip().partition("\n")[0][:LONGEST]) is not None


def _shares(result: Result, familiar: Mapping[str, bool]) -> Row:
    """familiar: as `_familiar` of the root's tries."""
    silent = [abstains(result, item) for item in result.items]
    right = [i.score >= 0.5 and not s for i, s in zip(result.items, silent, strict=True)]
    wrong = [
        not r and not s and item.parsed is not False
        for item, r, s in zip(result.items, right, silent, strict=True)
    ]
    every = range(len(result.items))
    attempted = [at for at in every if right[at] or wrong[at]]
    not_right = [at for at in every if not right[at]]
    names = _names(result)
    told = [[familiar[name] for name in names[at] if name in familiar] for at in every]
    unknown = [at for at in every if told[at] and not any(told[at])]
    known = [at for at in every if any(told[at])]
    return {
        **_share("attempted", result, [r or w for r, w in zip(right, wrong, strict=True)], every),
        **_share("accuracy_attempted", result, right, attempted),
        **_share("hallucination", result, wrong, not_right),
        "n_hallucination": len(not_right),
        **_share("abstain_unknown", result, silent, unknown),
        "n_unknown": len(unknown),
        **_share("abstain_known", result, silent, known),
        "n_known": len(known),
    }


def _familiar(tries: Sequence[Result]) -> dict[str, bool]:
    """By name of an item or a fact, whether any of the tries at it was right."""
    found: dict[str, bool] = {}
    for result in tries:
        for item, names in zip(result.items, _names(result), strict=True):
            right = item.score >= 0.5 and not abstains(result, item)
            for name in names:
                found[name] = found.get(name, False) or right
    return found


def _names(result: Result) -> list[tuple[str, ...]]:
    """What each item is known by: itself, and its cluster where it is alone in it."""
    in_cluster: dict[str, set[str]] = {}
    for item in result.items:
        in_cluster.setdefault(item.cluster_id, set()).add(item.item_id)
    return [
        (item.item_id, item.cluster_id)
        if len(in_cluster[item.cluster_id]) == 1
        else (item.item_id,)
        for item in result.items
    ]


def _share(name: str, result: Result, is_so: Sequence[bool], among: Collection[int]) -> Row:
    """A share and its limits, null where there is nothing that it could be a share of."""
    if not among:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    values = np.array([float(is_so[at]) for at in among])
    clusters = [result.items[at].cluster_id for at in among]
    found = composite_mean([Part(values, clusters)])
    return {
        name: found.value,
        f"{name}_low": finite(found.low),
        f"{name}_high": finite(found.high),
    }


def _tasks(known: Known) -> set[str]:
    """Benchmarks where some stage abstained."""
    return {
        result.spec.benchmark.task
        for result in known.scored()
        if any(item.n_tokens is not None and abstains(result, item) for item in result.items)
    }


def _protocol(known: Known) -> str:
    """Uniform where it was asked."""
    asked = {spec.protocol for spec in known.specs}
    return next((each for each in PROTOCOLS if each in asked), PROTOCOLS[0])
