"""Where what was fetched stands, as a process elsewhere has to be told."""

from __future__ import annotations

import os
from pathlib import Path


def caches() -> dict[str, str]:
    """Folder by variable: HF_HOME, and each cache of the Hub and of data sets that stands apart."""
    from huggingface_hub import constants

    home = Path(constants.HF_HOME)
    apart = {
        "HF_HUB_CACHE": Path(constants.HF_HUB_CACHE),
        # read where `datasets` reads it: the library takes seconds to import
        "HF_DATASETS_CACHE": Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets"),
    }
    usual = {"HF_HUB_CACHE": home / "hub", "HF_DATASETS_CACHE": home / "datasets"}
    own = {name: str(path.expanduser()) for name, path in apart.items() if path != usual[name]}
    return {"HF_HOME": str(home), **own}
