"""The publisher `hub`: bundles become commits and pull requests on the Hub.

This is the one place that takes a token to write with, and it hands it to the Hub's client alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.errors import ConfigError, PublishError
from zoo.hookspecs import Publisher
from zoo.publishing.bundle import Bundle

if TYPE_CHECKING:
    from zoo.publishing.client import Client

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def publish_to_hub(bundle: Bundle, target: str, timeout: float = 60.0, tries: int = 6) -> str:
    """Puts a bundle into the repository `target`; returns where it is.

    timeout: seconds for one call to be answered; an upload has more, for its size. tries: how often
    it is asked while it gives no answer, with longer and longer waits in between.
    Raises PublishError, whose `again` says whether the same may succeed later.
    """
    # every command asks which publishers there are, and only this one needs all that
    from huggingface_hub import constants, get_token

    from zoo.publishing.client import Client, quiet
    from zoo.publishing.scanning import refuse_leaks
    from zoo.publishing.sending import Patience, persist, send

    if not REPOSITORY.fullmatch(target) or ".." in target:
        raise ConfigError(f"{target!r} is no repository of the Hub; write it as org/name")
    if constants.HF_HUB_OFFLINE:
        raise PublishError("HF_HUB_OFFLINE is set, so that nothing can be published; unset it")
    token = get_token()
    if not token:
        raise PublishError(
            "there is no token for the Hub; `hf auth login` keeps one, or set HF_TOKEN"
        )
    refuse_leaks(bundle, [token])
    client, patience = Client(token, timeout), Patience(tries)
    with quiet():
        if bundle.kind == "model":
            bundle = persist(lambda: _registered(bundle, client), target, patience)
        return send(bundle, client, patience)


def reader(timeout: float = 60.0) -> Client:
    """A client that reads for the token that there is, and without one what everybody may read.

    Raises PublishError where this machine is told to stay offline.
    """
    from huggingface_hub import constants, get_token

    from zoo.publishing.client import Client

    if constants.HF_HUB_OFFLINE:
        raise PublishError("HF_HUB_OFFLINE is set, so that nothing can be pulled; unset it")
    return Client(get_token() or "", timeout)


def _registered(bundle: Bundle, client: Client) -> Bundle:
    """A model's bundle with the entries of such data sets alone as are benchmarks of the Hub."""
    import yaml

    files, refused = {}, []
    for path, data in bundle.files.items():
        dataset = yaml.safe_load(data)[0]["dataset"]["id"]
        if client.is_registered(dataset):
            files[path] = data
        else:
            refused.append(dataset)
    if not files:
        named = ", ".join(sorted(set(refused)))
        raise PublishError(
            f"nothing was offered to {bundle.target}: the Hub has no board for {named}; these "
            "scores stand in the results alone"
        )
    return replace(bundle, files=files)


HUB = Publisher("hub", publish_to_hub)


def publishers() -> dict[str, Any]:
    """What the host brings itself, by kind."""
    return {"publishers": (HUB,)}
