"""The loader `openai`: models behind an OpenAI-compatible server, chat and plain completions.

`zoo run --loader openai --loader-args base_url=http://localhost:8000/v1`. What is asked and how an
answer is read is lm-eval's; around it stand deadlines, retries and checks. Needs the extra
`[openai]`; its packages are imported when the loader is chosen.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from zoo import hookimpl
from zoo.errors import ModelError
from zoo.hookspecs import Loader
from zoo.models import Model
from zoo_openai.arguments import arguments_of, identity

if TYPE_CHECKING:
    from lm_eval.api.model import LM

NEEDED = ("aiohttp", "requests", "tenacity")


def missing() -> str:
    """Why it cannot be used here, "" where it can."""
    absent = [name for name in NEEDED if find_spec(name) is None]
    return f'{", ".join(absent)} missing; pip install "stagezoo[openai]"' if absent else ""


def load_openai(model: Model, **options: Any) -> LM:
    """The model as its server answers. Device, dtype and batch size are the server's own affair.

    Nothing is sent yet. Raises ConfigError where loader_args cannot be meant, and ModelError where
    a package is missing.
    """
    of_the_run = ("device", "dtype", "batch_size")
    args = arguments_of(model, {k: v for k, v in options.items() if k not in of_the_run})
    if reason := missing():
        raise ModelError(f"--loader openai: {reason}")
    from zoo_openai.endpoint import Endpoint

    return Endpoint(args)


@hookimpl
def zoo_loaders() -> list[Loader]:
    """One loader: openai."""
    return [
        Loader(
            "openai",
            load_openai,
            "lm-eval-api/1",
            reads_files=False,
            identity=identity,
            takes_turns=True,
            missing=missing,
        )
    ]
