"""Adapters of PEFT: what kind each is, how little of a model was trained, and what that bought.

The host lays adapters over a base that is read once for all siblings; this plugin says what they
are and compares them.
"""

from __future__ import annotations

from zoo import hookimpl
from zoo.hookspecs import Section


@hookimpl
def zoo_sections() -> list[Section]:
    """The adapters of a family beside each other."""
    from zoo_peft.adapters import render

    return [Section("adapters", "Adapters: what was trained, and what it bought", render)]
