"""The small files of a Hub repository: all that says what a checkpoint is, but no weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.errors import ModelError
from zoo.fingerprints import TOKENIZER

SMALL_FILES = ("*.json", "*.jinja", "*.txt", "README.md", *TOKENIZER)
ADAPTER = ("adapter_model.safetensors",)
"""Weights of an adapter, which are small too."""


def small_snapshot(name: str, revision: str | None, more: Sequence[str] = ()) -> Path:
    """The snapshot folder (named by its commit) of a Hub repository, from the cache if offline.

    more: patterns of further files to fetch. The Hub is asked at every call, since a branch moves.
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
        wanted = [*SMALL_FILES, *more]
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
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
