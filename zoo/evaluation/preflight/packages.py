"""Which packages a task needs that are not installed, in one sentence with the remedy."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, requires

from zoo.snapshots import causes

EXTRA = "tasks"
"""The extra of ours that brings what lm-eval's own tasks need beyond lm-eval."""

ELSEWHERE = {"antlr4": "antlr4-python3-runtime", "pkg_resources": "setuptools"}
"""Modules whose distribution has another name."""


def missing_package(problem: BaseException) -> str:
    """What is to be installed where a problem came of a package that is not there, else "".

    >>> missing_package(ModuleNotFoundError("No module named 'fugashi'", name="fugashi"))
    'it needs the package fugashi, which is not installed; pip install fugashi'
    """
    absent = [each for each in causes(problem) if isinstance(each, ModuleNotFoundError)]
    named = [each.name.partition(".")[0] for each in absent if each.name]
    if not named:
        return ""
    package = distribution_of(named[-1])
    remedy = package
    if package in brought():
        remedy = f'"stagezoo[{EXTRA}]"'
    what = f"the package {package}, which is not installed"
    if named[-1] == "pkg_resources":
        what = "a setuptools that still has pkg_resources"
    return f"it needs {what}; pip install {remedy}"


def distribution_of(module: str) -> str:
    """What is to be installed for a module.

    >>> distribution_of("antlr4"), distribution_of("math_verify")
    ('antlr4-python3-runtime', 'math-verify')
    """
    return ELSEWHERE.get(module) or _canonical(module)


@lru_cache(maxsize=1)
def brought() -> frozenset[str]:
    """Distributions that the extra brings, those of lm-eval's extras that it names among them."""
    named: set[str] = set()
    for name, extras in _required("stagezoo", {EXTRA}):
        named.add(name)
        named |= {each for each, _ in _required(name, extras)} if extras else set()
    return frozenset(named)


def _required(distribution: str, extras: set[str]) -> list[tuple[str, set[str]]]:
    """(distribution, its extras) of what these extras of a distribution bring."""
    from packaging.requirements import Requirement

    try:
        said = [Requirement(each) for each in requires(distribution) or ()]
    except PackageNotFoundError:
        return []
    return [
        (_canonical(each.name), each.extras)
        for each in said
        if each.marker
        and any(each.marker.evaluate({"extra": extra}) for extra in extras)
        and not each.marker.evaluate({"extra": ""})
    ]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
