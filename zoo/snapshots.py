"""The small files of a Hub repository: all that says what a checkpoint is, but no weights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from zoo.errors import ModelError

SMALL_FILES = ["*.json", "*.jinja", "*.model", "*.txt", "README.md"]


@lru_cache(maxsize=256)
def small_snapshot(name: str, revision: str | None) -> Path:
    """The snapshot folder (named by its commit) of a Hub repository, from the cache if offline.

    Raises ModelError: gated, missing, unknown revision, or not in the cache and out of reach.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=SMALL_FILES))
    except GatedRepoError:
        reason = f"{name} is gated; accept its terms on the Hub, then set HF_TOKEN"
    except RepositoryNotFoundError:
        reason = f"there is no model {name} on the Hub (if it is private, set HF_TOKEN)"
    except RevisionNotFoundError:
        reason = f"{name} has no revision {revision!r}"
    except HFValidationError as problem:
        reason = f"{name!r} is no Hub id: {problem}"
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as problem:
        reason = (
            f"{name} is not in the cache and the Hub cannot be reached "
            f"({type(problem).__name__}); fetch it where there is a network, or name a folder"
        )
    raise ModelError(reason)
