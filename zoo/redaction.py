"""Secrets stay in the environment: they are refused as settings, and struck from what is said.

A result, a record, a log and a report hold what a run was told and what went wrong. So nothing
that looks like a secret may be told to a run, and what is kept of an error is redacted.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.errors import ConfigError

STRUCK = "[redacted]"

_NAME = re.compile(
    r"""^(?:.*[_-])?(?:api[_-]?key|api[_-]?token|access[_-]?(?:key|token)|auth[_-]?token|hf[_-]?token
    |private[_-]?key|secret(?:[_-]?key)?|password|passwd|passphrase|credentials?|authorization|bearer)$
    |^(?:token|auth|key)$|^use[_-]?auth[_-]?token$""",
    re.IGNORECASE | re.VERBOSE,
)
"""Names of settings that hold a secret (`prefix_token_id` and `max_gen_toks` do not)."""

_ENVIRONMENT = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY"
)
_SHAPE = re.compile(
    r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}\b"
    r"|\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{35}|\bxox[abposr]-[A-Za-z0-9-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
"""What tokens of well-known services look like, and passwords in addresses."""

SHORTEST = 8
"""Characters of a value in the environment that is taken for a secret and struck where it shows."""


def refuse_secrets(settings: Mapping[str, Any], where: str) -> None:
    """Raises ConfigError where a setting holds a secret, which would be written into results.

    where: what the settings are called, the start of the sentence.
    """
    for name, value in _texts(settings, ""):
        last = name.rpartition(".")[2]
        if (_NAME.match(last) and value) or _SHAPE.search(value):
            variable = "HF_TOKEN" if "token" in last.lower() else f"{last.upper()} or the like"
            raise ConfigError(
                f"{where}: {name} holds a secret, and settings are written into results; take it "
                f"out and set it in the environment ({variable})"
            )


def struck_out(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text, to be shown: what is named like a secret, or looks like one, is struck.

    >>> struck_out({"pretrained": "org/model", "api_key": "abc"})
    {'pretrained': 'org/model', 'api_key': '[redacted]'}
    """
    return {
        name: STRUCK if _NAME.match(name) and value else redact(str(value))
        for name, value in settings.items()
    }


def redact(text: str) -> str:
    """The text without secrets: values of the environment that are named like one, and what looks
    like one.

    >>> redact("401 for https://me:pass@host, hf_abcdefghijklmnopqrstuvwxyz")
    '401 for https://[redacted]@host, [redacted]'
    """
    for secret in _secrets():
        text = text.replace(secret, STRUCK)
    return _SHAPE.sub(STRUCK, text)


def secrets_in(text: str) -> list[str]:
    """What of a text `redact` would strike, described without being repeated.

    >>> secrets_in("risk-free"), secrets_in("hf_abcdefghijklmnopqrstuvwxyz")
    ([], ['what looks like a token or a password (hf_a...)'])
    """
    named = [
        f"the value of the variable {name}"
        for name, value in os.environ.items()
        if _ENVIRONMENT.search(name.upper()) and _is_secret(value) and value in text
    ]
    shaped = (
        f"what looks like a token or a password ({m[0][:4]}...)" for m in _SHAPE.finditer(text)
    )
    return list(dict.fromkeys([*named, *shaped]))


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the variables that are named, or look, like a secret.

    >>> without_secrets({"HF_TOKEN": "x", "http_proxy": "http://me:pass@host", "LANG": "C"})
    {'LANG': 'C'}
    """
    return {
        name: value
        for name, value in environment.items()
        if not _ENVIRONMENT.search(name.upper()) and not _SHAPE.search(value)
    }


class Redacting(logging.Filter):
    """Redacts every line of a log, arguments and all."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps the line, without secrets."""
        said = record.getMessage()
        if (clean := redact(said)) != said:
            record.msg, record.args = clean, None
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_info, record.exc_text = None, redact(text)
        return True


def _secrets() -> Iterator[str]:
    """Values of the environment that are secrets, longest first."""
    named = (v for k, v in os.environ.items() if _ENVIRONMENT.search(k.upper()))
    return iter(sorted({v for v in named if _is_secret(v)}, key=len, reverse=True))


def _is_secret(value: str) -> bool:
    """Numbers, switches (TOKENIZERS_PARALLELISM=true) and files are none."""
    return len(value) >= SHORTEST and not value.isdigit() and not os.path.exists(value)


def _texts(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every text inside settings, with the path of its name."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{at}.{name}" if at else str(name))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each, at)
    elif isinstance(value, str):
        yield at, value
