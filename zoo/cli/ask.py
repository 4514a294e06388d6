"""`zoo ask`: every stage answers the same prompt, side by side, as it writes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zoo.cli.flags import add_loading, pairs, positive

if TYPE_CHECKING:
    from rich.table import Table

    from zoo.asking import Piece
    from zoo.models import Model


def register(verbs: Any) -> None:
    """Adds `ask`."""
    parser = verbs.add(
        "ask",
        "put one prompt to every stage, side by side",
        run,
        description="Put one prompt to every stage of a family: raw, as bare text to be "
        "continued, and in the stage's native form (its chat template, say).",
    )
    parser.add_argument("prompt", metavar="PROMPT", help="what every stage is asked")
    parser.add_argument(
        "targets",
        nargs="*",
        default=[],
        metavar="TARGET",
        help="a family, a Hub id or a checkpoint folder",
    )
    parser.add_argument("--base", metavar="ID", help="parent of targets whose card names none")
    parser.add_argument("--max-tokens", type=positive, metavar="N", help="length of an answer")
    parser.add_argument(
        "--gen-kwargs", type=pairs, default={}, metavar="K=V,...", help="of every generation"
    )
    add_loading(parser)
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
        table.add_column("stage", ratio=3, overflow="fold")
        table.add_column("raw: bare text, to be continued", ratio=5, overflow="fold")
        table.add_column("native: as its regime asks", ratio=5, overflow="fold")
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
    from rich.live import Live

    from zoo.cli.opening import terminal

    console = terminal()
    if not console.is_terminal:
        for piece in pieces:
            answers.add(piece)
        console.print(answers.table())
        return
    with Live(console=console, refresh_per_second=12, vertical_overflow="visible") as live:
        for piece in pieces:
            answers.add(piece)
            live.update(answers.table())
