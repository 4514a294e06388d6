"""Which loader a checkpoint gets where nobody names one, and whether a named one is for it.

A plugin's loader is chosen only for what no loader before it takes: the default comes first, then
those of the host and its own plugins. So installing a plugin changes no existing number.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from zoo.errors import ModelError
from zoo.hookspecs import Loader
from zoo.probing import describe
from zoo.registry import Things

logger = logging.getLogger("zoo")


def loader_for(
    model: str, config: Mapping[str, Any], loaders: Things[Loader], default: str, name: str | None
) -> Loader:
    """The loader of a checkpoint. name: of the loader that somebody chose; None where nobody did.

    Raises UnknownNameError, and ModelError with the loaders to name where the one that is named, or
    the default, is not for it, or where several third parties' would be.
    """
    loader = loaders.get(name or default)
    if _takes(loader, config) is not False:
        return loader
    takers = [each for each in loaders if _takes(loaders[each], config)]
    own = [each for each in takers if loaders.owner(each).first_party]
    chosen = own[:1] or takers
    if name is None and len(chosen) == 1:
        return loaders[chosen[0]]
    raise ModelError(_refusal(model, config, loader.name, takers))


def _takes(loader: Loader, config: Mapping[str, Any]) -> bool | None:
    """What it says of a checkpoint; None where it does not say, as a guest's that raises."""
    if loader.takes is None:
        return None
    try:
        return bool(loader.takes(config))
    except Exception as problem:
        logger.debug("the loader %s cannot say what it takes: %s", loader.name, describe(problem))
        return None


def _refusal(model: str, config: Mapping[str, Any], loader: str, takers: list[str]) -> str:
    """The sentence for a checkpoint that a loader does not take."""
    named = config.get("architectures")
    kind = str(named[0]) if isinstance(named, list) and named else config.get("model_type")
    if not takers:
        remedy = "no loader that is installed does (`zoo plugins --hook zoo_loaders`)"
    elif len(takers) == 1:
        remedy = f"name the loader {takers[0]!r} for it, or none"
    else:
        remedy = f"name one of those that do with `loader` in zoo.toml: {', '.join(takers)}"
    return f"the loader {loader!r} does not take {model}, a {kind}; {remedy}"
