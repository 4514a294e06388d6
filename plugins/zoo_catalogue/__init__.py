"""The catalogue: lineages whose stages are public on the Hub, as data in zoo.toml's own keys.

`families.toml` beside this file is the whole of it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from zoo import hookimpl
from zoo.config import File, families_of
from zoo.models import Family
from zoo.structuring import read

CATALOGUE = Path(__file__).parent / "families.toml"


@hookimpl
def zoo_families() -> list[Family]:
    """Every lineage of the catalogue."""
    file = read(File, tomllib.loads(CATALOGUE.read_text(encoding="utf-8")), str(CATALOGUE))
    return list(families_of(file.families, CATALOGUE.parent, str(CATALOGUE)).values())
