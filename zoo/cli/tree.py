"""`zoo tree`: a lineage, drawn."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.models import Model


def register(verbs: Any) -> None:
    """Adds `tree`."""
    parser = verbs.add("tree", "draw the lineage of a family", run)
    parser.add_argument(
        "family", nargs="?", metavar="FAMILY", help="a family, a Hub id or a checkpoint folder"
    )
    parser.add_argument(
        "--evidence", action="store_true", help="show what speaks for which regime, of every stage"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects")


def run(args: argparse.Namespace) -> int:
    """Draws it. Evidence is shown where it is asked for, or where it does not decide."""
    from rich.markup import escape
    from rich.tree import Tree

    from zoo.cli.opening import open_host, terminal
    from zoo.reporting.text import clean

    host = open_host(args)
    (found,) = host.discovery.resolve([args.family] if args.family else [])
    family = host.discovery.completed(found)
    if args.json:
        print(
            json.dumps([_as_json(model) for model in family.models], ensure_ascii=False, indent=1)
        )
        return 0
    titled = f"{family.name}  {family.title}" if family.title else family.name
    drawn = Tree(escape(clean(titled)))
    nodes: dict[str, Tree] = {}
    hidden = False
    for model in family.models:
        parents = [nodes[parent] for parent in model.parents if parent in nodes]
        nodes[model.id] = (parents[0] if parents else drawn).add(escape(clean(_label(model))))
        shown = args.evidence or not _is_clear(model)
        hidden = hidden or bool(model.evidence and not shown)
        for piece in model.evidence if shown else ():
            weight = f"{piece.regime} {piece.confidence:.2f}: " if piece.confidence else ""
            nodes[model.id].add(escape(clean(weight + piece.why)), style="dim")
    terminal().print(drawn)
    if hidden:
        terminal().print("--evidence shows what speaks for each regime", style="dim")
    return 0


def _label(model: Model) -> str:
    """One line: id, regime, revision, size, licence, targets, and parents that the place in the
    tree does not show."""
    parts = [model.id, model.regime or "regime not known"]
    if model.revision:
        parts.append(model.revision[:12])
    if model.parameters:
        parts.append(_size(model.parameters))
    if model.licence:
        parts.append(model.licence)
    if model.targets:
        parts.append(f"for {', '.join(model.targets)}")
    if len(model.parents) > 1:
        parts.append(f"from {' + '.join(model.parents)}")
    return "  ".join(parts)


def _size(parameters: int) -> str:
    """Parameters for people.

    >>> _size(1_598_880), _size(7_241_732_096)
    ('1.6 M', '7.2 B')
    """
    for unit, power in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if parameters >= power:
            value = parameters / power
            return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"
    return str(parameters)


def _is_clear(model: Model) -> bool:
    """Whether nothing need be shown: the regime was said, or the evidence decides on it alone."""
    from zoo.evidence import rank_regimes

    counted = [piece for piece in model.evidence if piece.confidence]
    return bool(model.regime) and (
        not model.evidence or (bool(counted) and rank_regimes(counted).best is not None)
    )


def _as_json(model: Model) -> dict[str, Any]:
    from zoo.structuring import plain

    return {
        "id": model.id,
        "name": model.id,
        "revision": model.revision,
        "regime": model.regime,
        "base_model": model.base_model,
        "targets": list(model.targets or ()),
        "licence": model.licence,
        "parameters": model.parameters,
        "evidence": plain(list(model.evidence)),
    }
