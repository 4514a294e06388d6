"""What a leaderboard costs: from the index to each format, and its page in a browser.

    python tests/speed/leaderboard.py [--models 1000] [--benchmarks 100] [--repeats 5] [--json]

The index is made up (see tests/ranking/synthetic.py) through the store's own functions; making it
is not timed. Beside it stands what one would write without zoo: pandas reads the same cells with
SQL, takes the mean by capability and axis, sorts, and tabulate prints Markdown. It has no errors,
no ranks with intervals, no parents and no check that numbers belong together.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd
from ranking.synthetic import fill
from support.browser import Browser, browsing, chromium
from tabulate import tabulate

from zoo.maintenance import refresh_index
from zoo.ranking import Leaderboard, choose_suite, leaderboard_of, read_material, top
from zoo.reporting.leaderboard import FORMATS, render_leaderboard
from zoo.store import Store
from zoo.uncollected import uncollected


def seconds(act: Callable[[], Any], repeats: int) -> float:
    """Median wall seconds of a call, after one that is not counted."""
    act()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def ranked(store: Store) -> Leaderboard:
    """What `zoo leaderboard` does before it renders."""
    refresh_index(store)
    with uncollected():
        return leaderboard_of(read_material(store, choose_suite(store)))


def peer(index: Path) -> str:
    """The same rows by pandas and tabulate."""
    with sqlite3.connect(index) as database:
        cells = pd.read_sql("SELECT model, axis, capability, normalised FROM cells", database)
    by_capability = cells.groupby(["model", "axis", "capability"]).normalised.mean()
    table = by_capability.groupby(["model", "axis"]).mean().unstack().sort_values("general")
    return tabulate(table[::-1], headers="keys", tablefmt="pipe", floatfmt=".3f")


IN_PAGE = """(() => {
  const time = (act) => { const from = performance.now(); act(); document.body.offsetHeight;
    return performance.now() - from; };
  const search = document.getElementById("search");
  const type = (text) => { search.value = text; search.dispatchEvent(new Event("input")); };
  const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
  const repeated = (act) => median([1, 2, 3, 4, 5].map((n) => time(() => act(n))));
  const head = (key) => document.querySelector(`th[data-key="${key}"] button`);
  return {
    sort: repeated((n) => head(n % 2 ? "S" : "G").click()),
    search: repeated((n) => type(n % 2 ? "model-1" : "model-2")),
    "search, all back": repeated((n) => type(n % 2 ? "" : " ")),
    lineage: repeated((n) =>
      document.getElementById(n % 2 ? "view-lineage" : "view-ranking").click()),
    "next page": repeated(() => document.querySelector("#pages button:last-child").click()),
    "all benchmarks as columns": repeated(() =>
      [...document.querySelectorAll("#columns button")].at(-2).click()),
  };
})()"""


def in_browser(browser: Browser, page: Path) -> dict[str, float]:
    """Milliseconds in headless Chromium: to the first table, and of what a reader does."""
    browser.open(page.as_uri())
    browser.until("document.documentElement.dataset.drawn === 'yes'")
    ready = browser.ask("performance.getEntriesByType('navigation')[0].loadEventEnd")
    return {"the table is there": ready, **browser.ask(IN_PAGE)}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--benchmarks", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = fill(Path(folder), args.models, args.benchmarks)
        board = ranked(store)
        found = {"index to leaderboard": seconds(lambda: ranked(store), args.repeats)}
        found["table, the first 50"] = seconds(
            lambda: render_leaderboard(top(board, 50), "table"), args.repeats
        )
        for format in FORMATS:
            found[format] = seconds(lambda f=format: render_leaderboard(board, f), args.repeats)
        index = Path(folder) / "index.sqlite"
        found["pandas and tabulate"] = seconds(lambda: peer(index), args.repeats)
        page = Path(folder) / "page.html"
        page.write_text(render_leaderboard(board, "html"), encoding="utf-8")
        browser = {}
        if chromium():
            with browsing() as opened:
                browser = in_browser(opened, page)
        size = page.stat().st_size
    all = {
        "cpus": os.cpu_count(),
        "models": args.models,
        "benchmarks": args.benchmarks,
        "seconds": found,
        "page bytes": size,
        "browser, milliseconds": browser,
    }
    if args.json:
        print(json.dumps(all, indent=1))
        return
    for name, each in found.items():
        print(f"{name:24} {each:8.3f} s")
    print(f"{'page':24} {size / 1e6:8.2f} MB")
    for name, each in browser.items():
        print(f"{name:24} {each:8.1f} ms")


if __name__ == "__main__":
    main()
