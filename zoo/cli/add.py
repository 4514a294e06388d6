"""`zoo add`: a Hub id or a folder, with its ancestors, becomes entries of zoo.toml."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import names

if TYPE_CHECKING:
    from zoo.adding import Addition
    from zoo.models import Model


def register(verbs: Any) -> None:
    """Adds `add`."""
    parser = verbs.add(
        "add",
        "write a model and those it descends from into zoo.toml",
        run,
        description="Read card, configuration and adapter of a model and follow its base_model up "
        "to the root, pin each to its commit, and write them into zoo.toml, whose comments and "
        "order stay. A model that stands there already is left as it is.",
    )
    parser.add_argument(
        "id", metavar="ID", help="a Hub id (org/name, or org/name@branch) or a checkpoint folder"
    )
    parser.add_argument(
        "--family", metavar="F", help="to join or to make (default: the one with its parent)"
    )
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit to pin it to")
    parser.add_argument("--regime", default="", metavar="R", help="instead of what is seen")
    parser.add_argument("--base", metavar="ID", help="its parent, whatever its card names")
    parser.add_argument(
        "--target",
        type=names,
        action="extend",
        default=[],
        metavar="CAP,...",
        help="capabilities it was trained for",
    )
    parser.add_argument("--dry-run", action="store_true", help="show it, write nothing")
    parser.add_argument("--json", action="store_true", help="one object")


def run(args: argparse.Namespace) -> int:
    """Adds the model, and shows what was seen; 0 also where it stood there already."""
    from zoo.adding import plan_addition
    from zoo.cli.opening import open_host
    from zoo.rewriting import add_models

    host = open_host(args)
    found = plan_addition(
        host,
        args.id,
        family=args.family,
        revision=args.revision,
        regime=args.regime,
        base=args.base,
        targets=args.target,
    )
    if found.entries and not args.dry_run:
        add_models(found.path, found.family, list(found.entries.values()), found.title)
    if args.json:
        print(json.dumps(_as_json(found, args.dry_run), ensure_ascii=False, indent=1))
    else:
        _show(found, args.dry_run)
    for note in found.notes:
        _tell(note)
    return 0


def _as_json(found: Addition, dry_run: bool) -> dict[str, Any]:
    from zoo.structuring import plain

    return {
        "family": found.family,
        "file": str(found.path),
        "written": bool(found.entries) and not dry_run,
        "models": [
            {
                "id": model.id,
                "name": model.id,
                "revision": model.revision,
                "regime": model.regime,
                "sure": model.id not in found.unsure,
                "base_model": model.base_model,
                "licence": model.licence,
                "parameters": model.parameters,
                "evidence": plain(list(model.evidence)),
                "entry": found.entries.get(model.id),
            }
            for model in found.models
        ],
        "notes": list(found.notes),
    }


def _show(found: Addition, dry_run: bool) -> None:
    from zoo.reporting.text import clean

    if not found.entries:
        return
    would = "would write" if dry_run else "wrote"
    print(clean(f"{would} [families.{found.family}] in {found.path}:"))
    for model in found.models:
        if model.id in found.entries:
            _show_model(model, found)
    print(f"zoo tree {found.family} shows the lineage, zoo plan {found.family} what a run asks")


def _show_model(model: Model, found: Addition) -> None:
    from zoo.evidence import rank_regimes
    from zoo.reporting.text import clean

    entry = found.entries[model.id]
    size = f", {model.parameters:,} parameters" if model.parameters else ""
    at = f" at {model.revision[:12]}" if model.revision else ""
    of = f", child of {' and '.join(model.parents)}" if model.parents else ""
    licence = f", {model.licence}" if model.licence else ""
    regime = entry.get("regime", "regime not decided")
    print("  " + clean(f"{entry['id']}: {regime}{at}{of}{licence}{size}"))
    for piece in model.evidence:
        weight = f"{piece.regime} {piece.confidence:.2f}: " if piece.confidence else ""
        print("      " + clean(f"{weight}{piece.why}"))
    if model.id in found.unsure:
        tied = rank_regimes(model.evidence).tied
        between = f"nothing tells {' from '.join(tied)}" if tied else "nothing speaks for any"
        _tell(
            f"the regime of {model.id} is not written: {between}; write regime = ... there, or add "
            "it with --regime"
        )


def _tell(sentence: str) -> None:
    from zoo.redaction import redact
    from zoo.reporting.text import clean

    print(f"zoo: {clean(redact(sentence))}", file=sys.stderr)
