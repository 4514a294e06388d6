"""`zoo ask`: every stage answers the same prompt, side by side, as it writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from zoo.asking import Piece
    from zoo.models import Model


def register(verbs: Any) -> None:
    """Adds `ask`."""
    from zoo.cli.parser import pairs

    parser = verbs.add(
        "ask",
        "put one prompt to every stage, side by side",
        run,
        description="Put one prompt to every stage of a family: raw, as bare text to be "
        "continued, and in the stage's native form (its chat template, say).",
    )
    parser.add_argument("prompt", metavar="PROMPT")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--base", metavar="ID")
    parser.add_argument("--max-tokens", type=int, default=None, metavar="N")
    parser.add_argument("--gen-kwargs", type=pairs, default={}, metavar="K=V,...")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:i]")
    parser.add_argument("--dtype", default="auto", metavar="D")
    parser.add_argument("--loader", metavar="L")
    parser.add_argument("--loader-args", type=pairs, default={}, metavar="K=V,...")
    parser.add_argument("--json", action="store_true", help="one object for each stage")


def run(args: argparse.Namespace) -> int:
    """Asks; 1 where a stage could not answer."""
    from zoo.asking import MAX_TOKENS, ask
    from zoo.cli.opening import open_host
    from zoo.plan import Wishes
    from zoo.running import Options

    host = open_host(args)
    options = Options(
        wishes=Wishes(gen_kwargs=args.gen_kwargs),
        device=args.device,
        dtype=args.dtype,
        loader=args.loader,
        loader_args=args.loader_args,
    )
    answers = Answers()
    for family in host.discovery.resolve(args.targets, args.base):
        pieces = ask(host, family, args.prompt, options, args.max_tokens or MAX_TOKENS)
        if args.json:
            for piece in pieces:
                answers.add(piece)
        else:
            _show(answers, pieces)
    if args.json:
        print(json.dumps(answers.rows(), ensure_ascii=False, indent=1))
    return int(answers.failed)


class Answers:
    """What every stage has written so far."""

    def __init__(self) -> None:
        self._stages: dict[str, tuple[Model, dict[str, str]]] = {}
        self.failed = False

    def add(self, piece: Piece) -> None:
        """Takes one more piece."""
        _, forms = self._stages.setdefault(piece.model.id, (piece.model, {}))
        forms[piece.form] = forms.get(piece.form, "") + piece.text
        if piece.same:
            forms["native"] = forms.get("raw", "")
        if piece.error:
            forms[f"{piece.form} error"] = piece.error
            self.failed = True

    def rows(self) -> list[dict[str, Any]]:
        """One object for each stage."""
        return [
            {
                "model": model.id,
                "regime": model.regime,
                "raw": forms.get("raw"),
                "native": forms.get("native"),
                "error": forms.get("raw error") or forms.get("native error"),
            }
            for model, forms in self._stages.values()
        ]

    def table(self) -> Table:
        """The stages as a table, as far as they have come. What models write is shown as text."""
        from rich.table import Table
        from rich.text import Text

        from zoo.reporting.text import clean

        table = Table(show_lines=True, expand=True)
        table.add_column("stage", ratio=2)
        table.add_column("raw: the bare text, to be continued", ratio=4)
        table.add_column("native: as the stage is meant to be asked", ratio=4)
        for model, forms in self._stages.values():
            cells = []
            for form in ("raw", "native"):
                if error := forms.get(f"{form} error"):
                    cells.append(Text(clean(error), style="red"))
                elif (
                    form == "native" and forms.get("native") == forms.get("raw") and "raw" in forms
                ):
                    cells.append(Text("the same", style="dim"))
                else:
                    lines = forms.get(form, "").strip("\n").splitlines()
                    cells.append(Text("\n".join(clean(line) for line in lines)))
            table.add_row(Text(f"{clean(model.id)}\n{clean(model.regime)}"), *cells)
        return table


def _show(answers: Answers, pieces: Iterable[Piece]) -> None:
    """Streams on a terminal; prints the whole table elsewhere."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(console=console, refresh_per_second=12, vertical_overflow="visible") as live:
        for piece in pieces:
            answers.add(piece)
            live.update(answers.table())
