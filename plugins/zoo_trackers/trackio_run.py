"""Points into a trackio run on this machine.

trackio takes points of any step at any time. When a run is gone on with it writes the run's
configuration anew, so the one that training left is put back.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, PublishError
from zoo.probing import describe
from zoo_trackers.points import points_of

if TYPE_CHECKING:
    from zoo.publishing import Bundle, Notes

ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")


def publish(bundle: Bundle, target: str, notes: Notes, models: Sequence[str] | None) -> str:
    """Writes what was not written yet; returns where it is. Raises as the publisher does."""
    project, slash, name = target.partition("/")
    if not (slash and project and name):
        raise ConfigError(f"{target!r} is no run of trackio; write it as project/run")
    points = points_of(bundle, models)
    fresh = [each for each in points if each.mark not in notes.sent]
    try:
        import trackio
    except ImportError:
        raise PublishError(
            'the library trackio is missing; pip install "stagezoo[trackio]"'
        ) from None
    if elsewhere := next((each for each in ELSEWHERE if os.environ.get(each)), ""):
        raise PublishError(
            f"{elsewhere} is set, and a run that is gone on with elsewhere would lose its "
            "configuration; unset it, and `trackio sync` takes the project there"
        )
    if not fresh:
        return f"{target} has it all at {_folder()}"
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            config = _config_of(trackio, project, name)
            run = trackio.init(
                project,
                name=name,
                resume="must",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            run.config.update(config)
            for point in fresh:
                run.log(dict(point.metrics), step=point.step)
            trackio.finish()
    except ValueError as problem:
        raise PublishError(f"trackio: {problem}; name the run of the training") from None
    except Exception as problem:
        raise PublishError(f"trackio: {target}: {describe(problem)}", again=True) from None
    notes.keep(each.mark for each in fresh)
    return f"{len(fresh)} of {len(points)} points at {_folder()}"


def _config_of(trackio: Any, project: str, name: str) -> dict[str, Any]:
    runs = [each for each in trackio.Api().runs(project) if each.name == name]
    return dict(runs[-1].config or {}) if runs else {}


def _folder() -> str:
    from trackio.utils import TRACKIO_DIR

    return str(TRACKIO_DIR)
