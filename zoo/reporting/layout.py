"""From a trade-off to its tables, the same for every format, and the words around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.contrasts import Method, Stage, Tradeoff
from zoo.effects import Training
from zoo.reporting import figures
from zoo.reporting.benchmark_rows import FOLDED, RAW
from zoo.reporting.benchmark_table import benchmark_table
from zoo.reporting.capability_table import capability_table
from zoo.reporting.cells import BH_LEVEL, HOLM_LEVEL, change_cell, estimate_cell
from zoo.reporting.claims_table import claims_table, untried
from zoo.reporting.detail_tables import READING, detail_tables
from zoo.reporting.draft import NOTE_WIDTH, Draft
from zoo.reporting.frontier_table import READING as WAYS
from zoo.reporting.frontier_table import frontier_table
from zoo.reporting.lineage import NAME_WIDTH
from zoo.reporting.tables import Block, Cell, Column, Report, Row, Table
from zoo.reporting.text import clean, shorten
from zoo.reporting.ways import condensed, planes
from zoo.results import Protocol


def lay_out(tradeoff: Tradeoff, *, paper: bool = False, details: bool = False) -> Report:
    """Everything a report says, every foreign text clean, every number in points (percent).

    paper: as a paper or a model card wants it, with the last stages' own scores and every claim's
    reason. details: with the tables that a terminal has no room for.
    """
    tradeoff = condensed(tradeoff)
    draft = Draft(tradeoff)
    tables = [frontier_table(draft), _stages(draft), _edges(draft), capability_table(draft)]
    tables += [benchmark_table(draft, each, finals=paper) for each in draft.protocols]
    claims = claims_table(draft, whole=paper)
    tables = [table for table in tables if table.blocks]
    further = tuple(detail_tables(draft)) if details else ()
    made = {each.model: each for each in tradeoff.training}
    return Report(
        title=_title(tradeoff),
        targets=", ".join(map(clean, tradeoff.targets)) or "none that these benchmarks measure",
        tables=tuple(tables),
        reading=(
            *_reading(draft, tables, "" if paper else untried(draft)),
            *([READING] if further else []),
        ),
        origin=_origin(tradeoff.provenance),
        stages=tuple(
            (draft.name(stage.model), clean(stage.model), _about(stage, made.get(stage.model)))
            for stage, _ in draft.tree
        ),
        notes=tuple(draft.notes),
        claims=claims,
        advice=tuple((clean(a["question"]), clean(a["answer"])) for a in tradeoff.advice),
        details=further,
    )


def _about(stage: Stage, made: Training | None) -> str:
    """Revision of a stage, and what of it was trained where that is an adapter alone."""
    about = f" @ {clean(stage.revision)}" if stage.revision else ""
    if made is None or not made.kind:
        return about
    about += f", {clean(made.kind)}"
    if made.trained_parameters is not None:
        of = f" of {made.parameters:,}" if made.parameters else ""
        about += f", {made.trained_parameters:,}{of} parameters trained"
    return about


def _title(tradeoff: Tradeoff) -> str:
    """Family and suite; that it is only a part of it, was imported, or by whom it was recorded,
    where it is so."""
    limit = tradeoff.provenance.get("limit")
    part = f", first {limit} items of each benchmark" if limit else ""
    foreign = [bool(score.imported) for stage in tradeoff.stages for score in stage.scores]
    part += (
        ", imported" if foreign and all(foreign) else ", partly imported" if any(foreign) else ""
    )
    if by := tradeoff.provenance.get("recorded_by"):
        part += f", recorded by {clean(by)}"
    return f"{clean(tradeoff.family)} on {clean(tradeoff.suite)}{part}"


def _stages(draft: Draft) -> Table:
    kinds = {"G": "general", "S": "special", "Other": "other_special"}
    if not any(each.value is not None for s, _ in draft.tree for each in s.other_special.values()):
        del kinds["Other"]  # every special skill is a target of some stage
    columns = [Column("Regime", aside="{}", align="left")]
    for protocol in draft.protocols:
        columns += [Column(title, group=protocol) for title in kinds]
    rows = []
    for stage, depth in draft.tree:
        estimates = (
            estimate_cell(getattr(stage, kind).get(protocol))
            for protocol in draft.protocols
            for kind in kinds.values()
        )
        regime = Cell(shorten(clean(stage.regime), NAME_WIDTH) or figures.UNKNOWN)
        notes = draft.imported(stage)
        rows.append(Row(draft.name(stage.model), (regime, *estimates), depth, notes=notes))
    return Table("Stages", "Stage", tuple(columns), (Block("", tuple(rows)),) if rows else ())


def _edges(draft: Draft) -> Table:
    columns = (
        Column("Targets", aside="targets: {}", align="left"),
        Column("ΔG"),
        Column("ΔS"),
        Column("ΔOther"),
    )
    blocks = []
    for protocol in draft.protocols:
        rows = [row for pair in draft.pairs if (row := _edge(draft, pair, protocol))]
        if rows:
            blocks.append(Block(protocol, tuple(rows)))
    return Table("What each stage gained and paid", "Edge", columns, tuple(blocks))


def _edge(draft: Draft, pair: tuple[str, str], protocol: Protocol) -> Row | None:
    """What a child gained and paid; S is of what the child was trained for."""
    edge = draft.edge(pair, protocol)
    if edge is None:
        return None
    base, other = map(draft.name, pair)
    targets = shorten(", ".join(map(clean, edge.targets)), 2 * NAME_WIDTH) or "none"
    changes = map(change_cell, (edge.general, edge.special, edge.other_special))
    notes = draft.mixed(pair, protocol)
    return Row(f"{base} → {other}", (Cell(targets), *changes), notes=notes, mixed=bool(notes))


def _reading(draft: Draft, tables: list[Table], untried: str) -> tuple[str, ...]:
    """How to read the tables, in as few words as they need."""
    asked = {
        "uniform": "Uniform: every stage is asked alike, plain completion.",
        "native": "Native: each stage is asked as its regime says.",
    }
    labels = [row.label for table in tables for each in table.blocks for row in each.rows]
    raw = any(label.endswith(RAW) for label in labels)
    placed = {
        model
        for plane in planes(draft.tradeoff)
        for way in plane.ways
        for model in way.point.models
    }
    folds = any(label.removesuffix(RAW).endswith(FOLDED) for label in labels)
    sentences = [
        "G: mean of the general capabilities that are no target; S: of the targets; Other: of the "
        "special skills that are no target. In these, and by capability, a guesser has 0 and "
        "perfection 100 points; benchmarks stand in raw points (percent).",
        " ".join(asked[protocol] for protocol in draft.protocols),
        "Along an edge the targets are what the child was trained for, and Δ is child minus parent "
        "on the same items, with unadjusted 95 % limits; up and down count items gained and lost.",
        f"Bold or *: significant, ΔG and ΔS by Holm (p ≤ {HOLM_LEVEL:.2f}), benchmarks by "
        f"Benjamini-Hochberg (q ≤ {BH_LEVEL:.2f}). In parentheses: smaller than the minimum "
        "detectable effect (mde). ⚠: the two ends differ in more than the model.",
        "Raw: no share of 1; its own unit, and in no mean." if raw else "",
        "A group of many tasks stands in one row, as a mean in which they are weighted as in its "
        "capability, with limits as if tasks were independent; CSV and JSON have each task."
        if folds
        else "",
        untried,
        *(_seeded(draft, each) for each in draft.tradeoff.methods if not placed & {*each.models}),
        WAYS if placed else "",
        "Intervals are over items and speak of these checkpoints; a claim about the method of "
        "training needs at least three training seeds.",
    ]
    return tuple(sentence for sentence in sentences if sentence)


def _seeded(draft: Draft, method: Method) -> str:
    """What is known of a method of training, in one sentence."""
    base, first = draft.name(method.base), draft.name(method.models[0])
    changes = ", ".join(
        f"{letter} {figures.signed(each.value)} {figures.limits(each.low, each.high)}".strip()
        for letter, each in (("ΔG", method.general), ("ΔS", method.special))
    )
    return f"{base} → {first} and its other seeds, {method.protocol}: {changes}. {method.says}"


def _origin(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """What is known of where the numbers come from, `name: value`, in the order given."""
    return tuple(
        f"{clean(key).replace('_', ' ')}: {shorten(_said(value), NOTE_WIDTH)}"
        for key, value in provenance.items()
        if value not in (None, "", (), [], {})
    )


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(key)} {_said(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(_said, value))
    return clean(value)
