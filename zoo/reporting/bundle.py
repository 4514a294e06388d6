"""What the page carries inside itself, and the policy that allows exactly this and nothing else."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from markupsafe import Markup
from platformdirs import user_cache_path

from zoo.store.atomic import write_file

_FOR_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@cache
def vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script; it draws without `eval` when told `ast`.

    Bundling takes more than a second, so the script is kept in the user's cache, under its hash and
    the version of vl-convert that made it.
    """
    made_by = version("vl-convert-python")
    place = user_cache_path("stagezoo") / "scripts" / f"vega-{made_by}.js"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        known, _, script = place.read_text("utf-8").partition("\n")
        if known == hashlib.sha256(script.encode()).hexdigest():
            return script
    import vl_convert

    script = inline(str(vl_convert.javascript_bundle("window.vegaEmbed=vegaEmbed;")))
    with contextlib.suppress(OSError):
        write_file(place, f"{hashlib.sha256(script.encode()).hexdigest()}\n{script}".encode())
    return script


@cache
def own(name: str) -> str:
    """A script or style that lies in this package."""
    return inline(files("zoo.reporting").joinpath(name).read_text("utf-8"))


def policy(scripts: Sequence[str], styles: Sequence[str], *, served: bool = False) -> str:
    """A Content-Security-Policy for exactly these inline elements.

    served: whether the page may ask the server it came from.
    """
    allowed = {
        "default-src": ["'none'"],
        "script-src": [f"'{csp_hash(each)}'" for each in scripts],
        "style-src": [f"'{csp_hash(each)}'" for each in styles],
        "connect-src": ["'self'" if served else "'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in allowed.items() if sources)


def csp_hash(content: str) -> str:
    """What a Content-Security-Policy calls an inline element of exactly this content."""
    digest = hashlib.sha256(str(content).encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def for_script(text: str) -> Markup:
    """JSON text that no parser of HTML takes for markup."""
    return Markup(text.translate(_FOR_SCRIPT))


def json_for_script(value: Any) -> Markup:
    """A value as JSON that no parser of HTML takes for markup. Raises ValueError for nan."""
    return for_script(json.dumps(value, allow_nan=False, separators=(",", ":")))


def inline(script: str) -> str:
    """A browser reads line ends as \\n, and the first `</script` as the end."""
    script = script.replace("\r\n", "\n").replace("\r", "\n")
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("a script that names its own end cannot stand in a page")
    return script
