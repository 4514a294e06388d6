"""Every exception that zoo raises on purpose.

ZooError
├── ConfigError          zoo.toml or a flag says something that cannot be meant
│   └── UnknownNameError a name that nobody brought, with the nearest one that somebody did
├── BenchmarkError       a suite or a task file is not valid
├── ModelError           a model cannot be found, read or loaded
│   └── PromptingError   a model cannot be asked in the way the plan says
├── TrainingError        a stage could not be made from its parent
├── CellError            one cell (model x benchmark x protocol) could not be scored
│   └── NotApplicableError such a model cannot be asked such a thing: nothing has failed
├── DeviceError          nothing more can be computed in this process
├── ExecutorError        jobs cannot be run where they were to be run
├── StoreError           the store holds something that must not be read
└── PublishError         results could not be published, or must not be

A message is one sentence: what is wrong, where, and what to do about it. The command line prints
it without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """Base of all errors that zoo raises on purpose."""

    exit_code = 2


class ConfigError(ZooError):
    """zoo.toml, or a flag, says something that cannot be meant."""


class UnknownNameError(ConfigError):
    """Somebody asked for a name that nobody brought.

    >>> str(UnknownNameError("suite", "croe", ["core", "korean"]))
    "there is no suite named 'croe'; did you mean 'core'?"
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(
            f"there is no {kind} named {name!r}" + did_you_mean(name, self.known, remedy)
        )


class BenchmarkError(ZooError):
    """A suite or a task file is not valid."""


class ModelError(ZooError):
    """A model cannot be found, read or loaded."""


class PromptingError(ModelError):
    """A model cannot be asked in the way the plan says (no chat template, say)."""


class TrainingError(ZooError):
    """A stage could not be made from its parent: its data, its settings or its machine forbid."""

    exit_code = 1


class CellError(ZooError):
    """One cell could not be scored; the others go on."""

    exit_code = 1


class NotApplicableError(CellError):
    """A model of this kind cannot be asked what the cell asks; the message says what it lacks.

    Raised by a loader or by the model it made, the cell is not_applicable instead of failed.
    """


class DeviceError(ZooError):
    """The accelerator has failed this process, which can compute nothing more; another one can."""


class ExecutorError(ZooError):
    """Jobs cannot be run where they were to be run."""


class StoreError(ZooError):
    """The store holds something that must not be read: torn, altered, or of another format."""


class PublishError(ZooError):
    """Results could not be published, or must not be.

    again: whether the same may succeed later, so that it is worth keeping to be sent again.
    """

    exit_code = 1

    def __init__(self, said: str, *, again: bool = False) -> None:
        super().__init__(said)
        self.again = again


def did_you_mean(name: str, known: Iterable[str], remedy: str = "") -> str:
    """The tail of a sentence that names the nearest known name, or all of them if few, or nothing.

    >>> did_you_mean("protocl", ["protocol", "limit"])
    "; did you mean 'protocol'?"
    """
    known = sorted(known)
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.6):
        return f"; did you mean {near[0]!r}?"
    if 0 < len(known) <= 12:
        return f"; there is {', '.join(known)}" + (f" ({remedy})" if remedy else "")
    return f"; {remedy}" if remedy else ""
