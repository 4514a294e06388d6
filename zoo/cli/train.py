"""`zoo train`: a stage is made from its parent by a recipe, and stands in zoo.toml afterwards."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_progress, names, natural, positive, texts
from zoo.cli.run import INTERRUPTED

if TYPE_CHECKING:
    from zoo.host import Host
    from zoo.training.making import Made, Ready
    from zoo.training.order import Wish

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""What keeps libraries from talking of themselves; read by them when they are imported."""


NO_TARGETS = (
    "nothing says what it is trained for, so that reports have no S and no ΔS of it; name "
    "capabilities with --targets (`zoo benchmarks` lists them), or write a benchmark of what your "
    "rows teach (docs/how-to/own-benchmarks.md)"
)


def register(verbs: Any) -> None:
    """Adds `train`."""
    parser = verbs.add(
        "train",
        "make a stage of a family from its parent",
        run,
        description="Train a stage with the recipe that is called FAMILY/STAGE, or with any recipe "
        "on your own data, and write it into zoo.toml. The same command goes on with a training "
        "that was stopped, and changes nothing where the stage is finished.",
    )
    parser.add_argument("family", metavar="FAMILY", help="that it joins; made where it is missing")
    parser.add_argument("stage", metavar="STAGE", help="what the stage is called")
    parser.add_argument(
        "--recipe", default="", metavar="R", help="of `zoo recipes` (default: FAMILY/STAGE)"
    )
    parser.add_argument(
        "--from",
        dest="parent",
        metavar="MODEL",
        help="a model of the family, a Hub id or a folder (default: the recipe's, else the root)",
    )
    parser.add_argument(
        "--data",
        metavar="FILE|FOLDER|HUB_ID[[:config]:split]",
        help="rows as JSON Lines, JSON, CSV or Parquet, or a data set of the Hub",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N rows")
    parser.add_argument(
        "--set",
        type=texts,
        action="append",
        default=[],
        metavar="K=V,...",
        help="options of the recipe; a list is written with + between",
    )
    parser.add_argument(
        "--targets", type=names, metavar="CAP,...", help="capabilities it is trained for"
    )
    parser.add_argument("--seed", type=natural, default=1, metavar="N", help="of training (1)")
    parser.add_argument("--steps", type=positive, metavar="N", help="instead of the recipe's")
    parser.add_argument(
        "--save-every",
        type=positive,
        default=0,
        metavar="N",
        help="keep a checkpoint each N steps, to be evaluated too",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="(default: stages/FAMILY/STAGE by zoo.toml)"
    )
    parser.add_argument(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda[:i]",
        help="auto: a GPU where there is one",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="of torch, on a CPU")
    parser.add_argument(
        "--restart",
        action="store_true",
        help="begin anew; what stands of the stage is deleted when the new one is finished",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--json", action="store_true", help="one object")
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Trains, or says that the stage is there; 130 where it was interrupted."""
    from zoo.cli.opening import open_host
    from zoo.cli.steps import showing
    from zoo.training.aside import asides
    from zoo.training.making import make, prepare

    if not args.debug:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
    host = open_host(args)
    ready = prepare(host, wish_of(args), restart=args.restart)
    notes = _notes(host, ready)
    for note in notes:
        _tell(note)
    if args.dry_run:
        _show_plan(ready, args.json)
        return 0
    try:
        with _ending_at_sigterm(), showing(args.progress, chatter=args.debug) as view:
            made = make(host, ready, restart=args.restart, tell=view)
    except KeyboardInterrupt:
        again = shlex.join(["zoo", *(word for word in args.argv if word != "--restart")])
        _tell(f"stopped after {_reached(ready)}; the same goes on with: {again}")
        for place in asides(ready.order.out):
            _tell(f"what stood there before lies in {place} until the stage is finished")
        return INTERRUPTED
    if args.json:
        print(json.dumps(_as_json(made), ensure_ascii=False, indent=1))
    else:
        _show(made)
    if args.targets is not None and made.model.targets != tuple(args.targets):
        said = ", ".join(made.model.targets or ()) or "none"
        _tell(f"{made.addition.path} says its targets: {said}; change them there")
    for note in made.addition.notes:
        if note not in notes:
            _tell(note)
    return 0


def wish_of(args: argparse.Namespace) -> Wish:
    """What the flags ask for."""
    from zoo.training.order import Wish

    return Wish(
        family=args.family,
        stage=args.stage,
        recipe=args.recipe,
        parent=args.parent,
        data=args.data,
        options={name: value for each in args.set for name, value in each.items()},
        targets=args.targets,
        seed=args.seed,
        steps=args.steps,
        save_every=args.save_every,
        out=args.out,
        device=args.device,
        threads=args.threads,
        limit=args.limit,
    )


@contextmanager
def _ending_at_sigterm() -> Iterator[None]:
    """Within, SIGTERM ends a training as Ctrl-C does, so that its time and log are kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _notes(host: Host, ready: Ready) -> list[str]:
    from zoo.adding import unmeasured

    dropped = ready.data.dropped if ready.data else ()
    said = "the column {} holds values of several types and is left out"
    return [
        *ready.order.notes,
        *(said.format(repr(name)) for name in dropped),
        *unmeasured(host, ready.wanted.targets or ()),
        *([] if _has_targets(host, ready) else [NO_TARGETS]),
    ]


def _has_targets(host: Host, ready: Ready) -> bool:
    if ready.wanted.targets is not None:
        return bool(ready.wanted.targets)
    return bool(host.registry.regimes.get(ready.wanted.regime).targets)


def _planned(ready: Ready) -> dict[str, Any]:
    """What would be done, as JSON."""
    from zoo.structuring import plain

    asked = (
        "recipe of regime family stage seed options steps save_every adapter targets parent data"
    )
    table = plain(ready.wanted)
    return {"out": str(ready.order.out), **{name: table[name] for name in asked.split()}}


def _show_plan(ready: Ready, as_json: bool) -> None:
    from tabulate import tabulate

    from zoo.reporting.text import clean

    found = _planned(ready)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    parent, data = found.pop("parent"), found.pop("data")
    options = found.pop("options")
    rows = [
        *((name, value) for name, value in found.items() if value not in (None, "", False)),
        ("parent", parent["id"] if parent else "none: it starts from nothing"),
        ("data", f"{data['rows']:,} rows, sha256 {data['sha256'][:12]}" if data else "none"),
        *((f"--set {name}", json.dumps(value)) for name, value in options.items()),
    ]
    print(tabulate([[n, clean(v)] for n, v in rows], tablefmt="plain", disable_numparse=True))


def _as_json(made: Made) -> dict[str, Any]:
    from zoo.structuring import plain

    return {
        "model": made.model.id,
        "name": made.model.id,
        "family": made.addition.family,
        "file": str(made.addition.path),
        "out": str(made.out),
        "trained": made.fresh,
        "written": bool(made.addition.entries),
        "manifest": plain(made.manifest),
    }


def _show(made: Made) -> None:
    from zoo.cli.progress import duration
    from zoo.reporting.text import clean

    took = duration(made.manifest.seconds)
    said = f"trained in {took}" if made.fresh else f"was there already, trained in {took}"
    print(clean(f"{made.model.id} ({made.model.regime}) {said}{_learned(made.manifest.log)}"))
    if made.addition.entries:
        print(clean(f"wrote it into [families.{made.addition.family}] of {made.addition.path}"))
    print(clean(f"zoo run {made.addition.family} evaluates the lineage"))


def _learned(log: Sequence[Mapping[str, Any]]) -> str:
    """From which loss and reward to which, as the end of a sentence.

    >>> _learned([{"step": 1, "loss": 7.861}, {"step": 40, "loss": 0.19}])
    '; loss 7.86 → 0.19 over 40 steps'
    """
    said = []
    for name in ("loss", "reward"):
        values = [point[name] for point in log if point.get(name) is not None]
        if values:
            said.append(f"{name} {values[0]:.3g} → {values[-1]:.3g}")
    return f"; {', '.join(said)} over {log[-1]['step']:,} steps" if said else ""


def _reached(ready: Ready) -> str:
    from zoo.manifests import read_manifest

    found = read_manifest(ready.order.out)
    step = found.last_step if found else None
    return f"step {step}" if step else "no step"


def _tell(sentence: str) -> None:
    from zoo.redaction import redact
    from zoo.reporting.text import clean

    print(f"zoo: {clean(redact(sentence))}", file=sys.stderr)
