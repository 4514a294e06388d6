"""Writes what the specialists were trained on, for models that look it up instead.

`python -m zoo_nano.corpus --out reports.jsonl`: the incident reports of the training part, one a
row; the test asks for the rules in combinations that none of them has.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from zoo_nano.world.reports import reports_in


def write_reports(path: Path) -> int:
    """Writes the reports as rows {"id", "text"}; how many there are."""
    reports = reports_in("train")
    rows = (
        {"id": f"{each.site}, {each.finding}, grade {each.grade}", "text": each.text}
        for each in reports
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return len(reports)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    out: Path = parser.parse_args().out
    print(f"{write_reports(out)} reports written to {out}")


if __name__ == "__main__":
    main()
