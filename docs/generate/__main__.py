"""Writes the generated pages; with a store, also the README's table and picture.

python docs/generate                    the references
python docs/generate --store results    and the newest run in that store, as README shows it
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(DOCS))

from generate.catalogue import render_catalogue  # noqa: E402
from generate.commands import render_commands  # noqa: E402
from generate.hooks import render_hooks  # noqa: E402
from generate.json_leaderboard import render_leaderboard_json  # noqa: E402
from generate.json_report import render_json  # noqa: E402
from generate.suites import render_suites  # noqa: E402
from generate.toml import render_toml  # noqa: E402

HEADS = ("Stages", "What each stage gained and paid")
"""Tables of the report that the README shows."""

MARKS = re.compile(r"(<!-- table -->\n).*?(<!-- /table -->)", re.DOTALL)


def write_readme_run(store: Path) -> None:
    """Puts the newest run's edges into README.md and its picture into docs/assets/."""
    import zoo
    from zoo.reporting import render

    tradeoff = zoo.report("nano", store=store)
    (DOCS / "assets" / "nano.svg").write_text(render(tradeoff, "svg"), encoding="utf-8")
    readme = DOCS.parent / "README.md"
    tables = [part for part in render(tradeoff, "markdown").split("### ") if part.startswith(HEADS)]
    table = "\n".join(f"**{part.strip()}\n".replace("\n", "**\n", 1) for part in tables)
    text = readme.read_text(encoding="utf-8")
    readme.write_text(MARKS.sub(lambda m: m[1] + table + m[2], text), encoding="utf-8")


def main() -> None:
    """Writes every page that is generated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path)
    args = parser.parse_args()
    (DOCS / "catalogue.md").write_text(render_catalogue(), encoding="utf-8")
    (DOCS / "reference" / "hooks.md").write_text(render_hooks(), encoding="utf-8")
    (DOCS / "reference" / "commands.md").write_text(render_commands(), encoding="utf-8")
    (DOCS / "reference" / "zoo-toml.md").write_text(render_toml(), encoding="utf-8")
    (DOCS / "suites.md").write_text(render_suites(), encoding="utf-8")
    (DOCS / "reference" / "json.md").write_text(render_json(), encoding="utf-8")
    page = DOCS / "reference" / "json-leaderboard.md"
    page.write_text(render_leaderboard_json(), encoding="utf-8")
    if args.store:
        write_readme_run(args.store)


if __name__ == "__main__":
    main()
