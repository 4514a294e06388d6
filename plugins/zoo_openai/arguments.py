"""What loader_args may say, where requests go, and which key goes with them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from zoo.errors import ConfigError
from zoo.models import Model
from zoo.structuring import read

DEFAULT_URL = "https://api.openai.com/v1"
URL, KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"

CHAT, COMPLETIONS = "/chat/completions", "/completions"


@dataclass(frozen=True)
class Arguments:
    """What loader_args give. Those of `Patience` change no answer.

    model: its name at the server; the model's id where none is given. base_url: up to `/v1`, or of
    one of its two ways of asking alone (`.../v1/completions`, `.../v1/chat/completions`); else the
    environment's OPENAI_BASE_URL, else OpenAI's. tokenizer: a folder or a Hub id of the model's
    own, which log-likelihoods need. add_bos_token: whether it adds its special tokens, as it does
    for a model of files. tokenized_requests: whether likelihoods are asked of tokens, not of text.
    max_length: tokens to which a prompt of a likelihood is cut from the left; None leaves it whole.
    """

    model: str = ""
    base_url: str = ""
    tokenizer: str = ""
    add_bos_token: bool = True
    tokenized_requests: bool = True
    max_length: int | None = None
    num_concurrent: int = 8
    max_retries: int = 5
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    request_timeout: float = 600.0
    cell_timeout: float = 4 * 3600.0

    @property
    def patience(self) -> Patience:
        """The part that changes no answer."""
        return Patience(**{name: getattr(self, name) for name in Patience.__dataclass_fields__})

    @property
    def address(self) -> Address:
        """Where requests go."""
        return address_of(self.base_url)


@dataclass(frozen=True)
class Patience:
    """How a server is asked: requests at once, tries beyond the first, and seconds that opening a
    connection, silence on it, a request and all requests of a cell may take."""

    num_concurrent: int
    max_retries: int
    connect_timeout: float
    idle_timeout: float
    request_timeout: float
    cell_timeout: float


@dataclass(frozen=True)
class Address:
    """A server, and its two ways of being asked; "" for one that was not given."""

    base: str
    completions: str
    chat: str

    @property
    def host(self) -> str:
        """Its name."""
        return urlsplit(self.base).hostname or ""

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own, which takes no other fields than its own."""
        return self.host == "api.openai.com" or self.host.endswith(".api.openai.com")

    @property
    def key_variable(self) -> str:
        """The variable that holds the key for this server.

        A key goes to nobody but whom the environment names with it: OPENAI_API_KEY to the server
        of OPENAI_BASE_URL (else OpenAI's); another server has a variable of its own.
        """
        home = os.environ.get(URL) or DEFAULT_URL
        if origin(urlsplit(self.base)) == origin(urlsplit(home)):
            return KEY
        return f"{KEY}_{re.sub(r'[^A-Z0-9]+', '_', self.host.upper()).strip('_')}"

    @property
    def key(self) -> str:
        """The key for this server, "" where the environment has none."""
        return os.environ.get(self.key_variable, "")


def arguments_of(model: Model, options: Mapping[str, Any]) -> Arguments:
    """The model's arguments, with those of the run. Raises ConfigError with the first wrong one."""
    args = read(Arguments, {**model.loader_args, **options}, f"loader_args of {model.id}")
    for name in ("num_concurrent", *(n for n in vars(args) if n.endswith("_timeout"))):
        if getattr(args, name) <= 0:
            raise ConfigError(f"loader_args of {model.id}: {name} has to be above 0")
    if args.max_retries < 0 or (args.max_length is not None and args.max_length < 2):
        raise ConfigError(f"loader_args of {model.id}: max_retries or max_length is too small")
    base = args.base_url or os.environ.get(URL) or DEFAULT_URL
    return replace(args, model=args.model or model.id, base_url=_settled(base))


def identity(model: Model) -> dict[str, Any]:
    """What of them decides an answer, with the server's address as it is resolved here."""
    found = asdict(arguments_of(model, {}))
    return {k: v for k, v in found.items() if k not in Patience.__dataclass_fields__}


def address_of(base_url: str) -> Address:
    """The ways of asking under a base that `_settled` gave."""
    for ending in (CHAT, COMPLETIONS):
        if base_url.endswith(ending):
            base = base_url.removesuffix(ending)
            return Address(
                base,
                base_url if ending == COMPLETIONS else "",
                base_url if ending == CHAT else "",
            )
    return Address(base_url, base_url + COMPLETIONS, base_url + CHAT)


def origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """Scheme, host and port: who is spoken to."""
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _settled(url: str) -> str:
    """The address in one spelling, without its last slash. Raises ConfigError.

    >>> _settled("HTTP://Localhost:80/v1/")
    'http://localhost/v1'
    """
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = origin(parts)
    except ValueError:
        raise ConfigError("base_url is no address; write http://host:port/v1") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "base_url holds a user or a password, and settings are written into results; take it "
            f"out and set {KEY} in the environment"
        )
    if scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigError(
            "base_url is to be http or https, a host and a path, without a query: "
            f"http://host:port/v1, not {url!r:.80}"
        )
    shown = f"[{host}]" if ":" in host else host
    usual = port == {"https": 443, "http": 80}[scheme]
    return f"{scheme}://{shown}{'' if usual else f':{port}'}{parts.path.rstrip('/') or '/v1'}"
