"""Time of `zoo plugins` with many third-party plugins installed, their first imports tried already.

    python tests/speed/plugins.py [--plugins 50] [--repeat 5] [--json]

Against `python -c "import zoo"` on the same machine, and against itself without third parties.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = """
from zoo import hookimpl
from zoo.models import Prompting, Regime

@hookimpl
def zoo_regimes():
    return [Regime("guest-{number}", "Guest", 50, lambda model, benchmark: Prompting())]
"""


def install(site: Path, number: int) -> None:
    """One distribution of one module, as pip leaves it."""
    info = site / f"guest_{number}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: guest-{number}\nVersion: 1.0\nRequires-Dist: stagezoo\n"
    )
    (info / "entry_points.txt").write_text(f"[zoo]\nguest-{number} = guest_{number}\n")
    (site / f"guest_{number}.py").write_text(SOURCE.format(number=number))


def seconds(words: list[str], folder: Path, path: str) -> float:
    """Wall time of a command in an empty folder."""
    environment = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(folder / "cache")}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - began


def main() -> None:
    """Installs, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugins", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = folder / "site"
        site.mkdir()
        for number in range(options.plugins):
            install(site, number)
        listing = ["-m", "zoo", "plugins", "--json"]
        found: dict[str, object] = {
            "plugins": options.plugins,
            "first": seconds(listing, folder, str(site)),
        }
        rounds: dict[str, list[float]] = {"import": [], "without": [], "with": []}
        for _ in range(options.repeat):
            rounds["import"].append(seconds(["-c", "import zoo"], folder, ""))
            rounds["without"].append(seconds(listing, folder, ""))
            rounds["with"].append(seconds(listing, folder, str(site)))
    found |= {name: statistics.median(each) for name, each in rounds.items()}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print(f"the first time, each import tried in a process: {found['first']:.2f} s")
    for name, what in (
        ("with", f"zoo plugins with {options.plugins} third parties"),
        ("without", "zoo plugins without them"),
        ("import", "import zoo"),
    ):
        print(f"{what}: {found[name]:.2f} s (median of {options.repeat})")


if __name__ == "__main__":
    main()
