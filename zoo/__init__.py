"""stagezoo: how language models change from stage to stage of their training.

    import zoo
    tradeoff = zoo.run("nano", limit=20)      # as `zoo run nano --limit 20`
    tradeoff.to_frame()

Importing zoo loads neither torch nor lm-eval; the function that needs them does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo.api import (
        gate,
        import_results,
        leaderboard,
        load,
        publish,
        pull,
        report,
        run,
        train,
    )
    from zoo.tradeoffs import Tradeoff

__version__ = "0.1.0"
__all__ = [
    "Tradeoff",
    "__version__",
    "gate",
    "hookimpl",
    "import_results",
    "leaderboard",
    "load",
    "publish",
    "pull",
    "report",
    "run",
    "train",
]


def __dir__() -> list[str]:
    """What a shell completes."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """The functions of `zoo.api`, imported when they are first asked for (PEP 562)."""
    if name in __all__:
        from zoo import api

        return getattr(api, name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
