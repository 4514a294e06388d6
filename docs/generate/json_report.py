"""The reference of the JSON report, from its schema and the docstrings of its nouns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from generate.docstrings import meanings, summary, table
from zoo import contrasts, effects
from zoo.reporting.data import schema

_HEAD = """\
# The JSON report

This page is generated from `zoo/reporting/tradeoff.schema.json` and `zoo.contrasts` by
`python docs/generate`.

`zoo report --format json`, and in Python `zoo.report(...).to_dict()`, give one object:
{about}

`zoo.reporting.data.schema()` returns the JSON Schema, which every report satisfies. What the
numbers mean is said in [What is measured, and how](../measures.md).

A field is never left out. A later version of the schema gets another name in `schema`; check it
first.
"""

_NOUNS: Mapping[str, Any] = {
    "stage": contrasts.Stage,
    "estimate": contrasts.Estimate,
    "seeded": effects.SeedEstimate,
    "score": contrasts.StageScore,
    "edge": contrasts.Contrast,
    "tradeoff": contrasts.EdgeTradeoff,
    "change": contrasts.Change,
    "decomposition": contrasts.Decomposition,
    "retention": contrasts.Retention,
    "transfer": contrasts.Transfer,
    "split": contrasts.Split,
    "chain": contrasts.Chain,
    "exchange": contrasts.Exchange,
    "joint": contrasts.Joint,
    "flag": contrasts.Flag,
    "parsing": contrasts.Parsing,
    "churn": contrasts.Churn,
    "training": contrasts.Training,
    "method": contrasts.Method,
    "checkpoints": contrasts.Series,
    "frontier": contrasts.FrontierPoint,
}
"""The dataclass behind each object of the schema."""

_PLACES = {
    "stage": "`stages[]`",
    "estimate": "A composite of a stage: `general.uniform`, `special.native`, ...",
    "seeded": "A mean over training seeds: `methods[].general`, `frontier[].special`, ...",
    "score": "`stages[].scores[]`",
    "edge": "`edges[]`",
    "tradeoff": "`tradeoffs[]`",
    "change": "A change of a composite: `tradeoffs[].general`, ...",
    "decomposition": "`decomposition[]`",
    "retention": "`retention[]`",
    "transfer": "`transfer[]`",
    "split": "`splits[]`",
    "chain": "`chains[]`",
    "exchange": "`exchange[]`",
    "joint": "`joint[]`",
    "flag": "`flags[]`",
    "parsing": "`parsing[]`",
    "churn": "`churn[]`",
    "training": "`training[]`",
    "method": "`methods[]`",
    "checkpoints": "`series[]`",
    "frontier": "`frontier[]`",
    "probe": "`probes[]`",
    "claim": "`claims[]`",
    "advice": "`advice[]`",
}
"""Where an object stands, in the order of the page."""

_MEANINGS = {
    "schema": "name and version of this form",
    "family": "name of the lineage; for folders and ids of a command line, the root's id",
    "suite": "name of the suite",
    "report.targets": "capabilities that S of the stages stands for",
    "report.provenance": "where the numbers come from, whatever is known; `left_out` names what "
    "stands in no composite, and why",
    "stage.base_model": "the parent, or several for a merge",
    "stage.targets": "what this stage was trained for: its own targets, else its regime's",
    "score.value": "the task's own aggregate, raw",
    "score.normalised": "mean of (score - chance) / (1 - chance), item by item, never clipped; "
    "null where the metric has no such scale",
    "edge.delta": "mean of the raw scores, other minus base",
    "tradeoff.targets": "what the child was trained for and the suite measures: what S stands for",
    "change.p_adjusted": "by Holm over the changes of G and S; null for other special ability",
    "stages": "one for each model, parents before children",
    "edges": "one for each parent and child, benchmark and protocol that both have a score on",
    "tradeoffs": "one for each parent and child and protocol: what was gained and paid",
    "decomposition": "one for each parent, child and benchmark with a score in all four cells",
    "claims": "hypotheses and their verdicts",
    "root_edges": "each stage against the root of its tree, where that is not its parent",
    "root_tradeoffs": "the same for composites",
    "siblings": "two stages of one parent: the second minus the first, S being what either was "
    "trained for",
    "retention": "what is left of each benchmark's ability along each edge, and of the root's "
    "where that is not the parent",
    "transfer": "the change of each capability, against parent and root",
    "splits": "native = ability + format for G and S, with intervals",
    "chains": "items lost and recovered along each line from the root to a leaf",
    "exchange": "what a point of S cost in G along each edge",
    "joint": "G and S of each stage as one point, and whether it is on the Pareto front",
    "flags": "ceilings, floors, and changes that could not have been seen",
    "parsing": "how many answers had a form that can be scored",
    "churn": "items that changed along each edge",
    "training": "step, seed and kind of each stage",
    "methods": "changes over training seeds, where a stage has several",
    "series": "checkpoints of one training in order",
    "frontier": "ways of training whose manifests say how, each over its seeds",
    "frontier.protocol": "how the stages were asked",
    "frontier.targets": "capabilities that S stands for",
    "frontier.special": "mean over seeds of the change of S, with limits over seeds and items; "
    "over items where nothing was trained",
    "frontier.general": "the same for G",
    "frontier.other_special": "the same for the special capabilities that are no target",
    "probes": "measurements beyond scores: see [Probes](../probes.md); lengths, calibration, "
    "coverage and the front come from the stored items",
    "advice": "what a reader asks last, answered from measured cells only",
    "models": "ids of the models, in order",
    "question": "what a reader asks",
    "answer": "one sentence, with its numbers",
    "measured": "whether the cells it needs were measured",
    "evidence": "the numbers the answer rests on",
    "probe.probe": "which measurement",
    "probe.kind": "`summary`, or the name of a series of rows",
    "probe.protocol": "how the stage was asked; null where that is no question",
    "probe.benchmark": "name of the task; null for all together",
    "probe.model": "the stage, the child in rows of kind `change`; empty where it is all of them",
    "training.step": "of training; null where not known",
    "training.seed": "of training; null where not known",
    "why": "the reason",
    "kind": "which of the three",
    "composite": "G or S",
    "steps": "of training, in order",
    "against": "what the other end is",
    "targets": "capabilities that S stands for",
    "general_change": "G of the last minus G of the first",
    "model": "id: a Hub id, a folder, or the name a family gives it",
    "revision": "commit on the Hub, or a hash of a folder's weights; null where it is not pinned",
    "regime": "way of training",
    "base": "id of the parent",
    "other": "id of the child",
    "seeds": "how many training seeds",
    "forgetting": "the loss, 0 where there is none",
    "always": "right at every stage; likewise",
    "never": "right at no stage; null where scores are not 0 and 1",
    "p": "two-sided, unadjusted",
    "gain": "the gain, 0 where there is none",
    "general": "G: the general capabilities that are no target",
    "special": "S: the targets",
    "other_special": "the special capabilities that are no target",
    "scores": "every cell that was asked, failed ones too",
    "benchmark": "name of the task",
    "metric": "which of the task's numbers",
    "filter": "what the answers passed through before; `none` for nothing",
    "protocol": "how the stage was asked",
    "axis": "what the capability counts as",
    "capability": "what is measured",
    "num_fewshot": "examples before each item; null where the suite leaves it to the task",
    "n": "items",
    "value": "the mean",
    "stderr": "standard error of the value, clustered where items share a cluster",
    "chance": "score of a guesser, mean over the items",
    "status": "what came of the cell",
    "error": "why it has no score; else null",
    "low": "lower 95 % limit",
    "high": "upper 95 % limit",
    "delta": "other minus base",
    "gained": "items that went from wrong to right; null where scores are not 0 and 1",
    "lost": "items that went from right to wrong; likewise",
    "native": "change under the native protocol",
    "ability": "change under the uniform protocol",
    "format": "what the native protocol adds to the change",
    "id": "name of the claim",
    "claim": "the hypothesis in words",
    "verdict": "what the numbers say of it",
    "estimate": "the number it is decided by",
    "margin": "the smallest change that counts",
    "reason": "why it cannot be tested, or what decided",
}
"""What a field means, by object and field, or by field where neither schema nor docstring says."""


def render_json() -> str:
    """The reference of the JSON report as markdown, a section for each object."""
    whole = schema()
    about = "\n".join(textwrap.wrap(whole["description"], 100))
    parts = [_HEAD.format(about=about[0].lower() + about[1:]), _fields("report", whole, whole, {})]
    for name, place in _PLACES.items():
        noun = _NOUNS.get(name)
        about = summary(noun) if noun else whole["$defs"][name]["description"]
        said = meanings(noun) if noun else {}
        parts.append(f"## {place}\n\n{about}\n\n{_fields(name, whole['$defs'][name], whole, said)}")
    return "\n".join(parts)


def _fields(
    place: str, kind: Mapping[str, Any], whole: Mapping[str, Any], said: Mapping[str, str]
) -> str:
    """The fields of an object. What is said of a field here comes before what its name says."""
    rows = []
    for name, shape in kind["properties"].items():
        meaning = (
            _MEANINGS.get(f"{place}.{name}")
            or said.get(name)
            or shape.get("description")
            or _MEANINGS[name]
        )
        rows.append((f"`{name}`", _type(shape, whole), meaning.rstrip(".")))
    return table(("field", "type", "meaning"), rows) + "\n"


def _type(shape: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """A shape of the schema in words."""
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return _type(whole["$defs"][name], whole) if name not in _PLACES else name
    if "const" in shape:
        return f"`{shape['const']}`"
    if "enum" in shape:
        return " or ".join(f"`{each}`" for each in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(_type(each, whole) for each in shape["anyOf"])
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    return " or ".join(_named(each, shape, whole) for each in kinds) + _range(shape)


def _named(kind: str, shape: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"list of {_type(shape['items'], whole)}s"
    if kind == "object" and "additionalProperties" in shape:
        by = "protocol" if "$ref" in shape["propertyNames"] else "quadrant"
        return f"{_type(shape['additionalProperties'], whole)} by {by}"
    return {"integer": "whole number"}.get(kind, kind)


def _range(shape: Mapping[str, Any]) -> str:
    if "maximum" in shape:
        return f", {shape['minimum']} to {shape['maximum']}"
    return f", {shape['minimum']} or more" if "minimum" in shape else ""
