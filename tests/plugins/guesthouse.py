"""Real guests: distributions with metadata, in a folder that another Python is started on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPORT = """
import dataclasses, json, sys
from zoo.models import Facts
from zoo.plugins import find_plugins
from zoo.registry import Registry

asked = json.loads(sys.argv[1])
plugins = find_plugins(**asked)
registry = Registry.of(plugins)
regimes = {name: registry.regimes.owner(name).distribution for name in registry.regimes}
evidence = registry.classify(Facts("org/m-DPO"))
print(json.dumps({
    "plugins": [dataclasses.asdict(plugin) for plugin in plugins],
    "regimes": regimes,
    "evidence": [dataclasses.asdict(piece) for piece in evidence],
    "heavy": [name for name in ("torch", "lm_eval", "numpy") if name in sys.modules],
    "problems": registry.problems,
}))
"""

REGIME = """
from zoo import hookimpl
from zoo.models import Prompting, Regime

@hookimpl
def zoo_regimes():
    return [Regime({name!r}, "A regime", 25, lambda model, benchmark: Prompting())]
"""


class Guests:
    """A folder of installed third-party plugins, and what zoo says of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder / "site", folder / "cache"
        self.folder.mkdir(parents=True)

    def add(
        self,
        distribution: str,
        source: str,
        *,
        name: str = "",
        requires: str = "stagezoo",
        entry_points: str = "",
    ) -> Path:
        """Install a distribution of one module; returns the module's file.

        name: of the entry point, the distribution's where it is left out.
        """
        module = distribution.replace("-", "_")
        metadata = self.folder / f"{module}-1.0.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
            f"Requires-Dist: {requires}\n"
        )
        (metadata / "entry_points.txt").write_text(
            entry_points or f"[zoo]\n{name or distribution} = {module}\n"
        )
        file = self.folder / f"{module}.py"
        file.write_text(textwrap.dedent(source))
        return file

    def report(self, **asked: Any) -> Mapping[str, Any]:
        """What a fresh Python finds, asked with the arguments of find_plugins."""
        paths = [str(self.folder), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, "-c", REPORT, json.dumps(asked)],
            cwd=self.folder,  # a checkout's own metadata would come first from its folder
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "XDG_CACHE_HOME": str(self.cache),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def listed(self, **asked: Any) -> dict[str, dict[str, Any]]:
        """The listing of third parties, by distribution."""
        plugins = self.report(**asked)["plugins"]
        return {plugin["distribution"]: plugin for plugin in plugins if not plugin["first_party"]}
