"""What loader_args may say of a server, and who is given a key."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.errors import ConfigError
from zoo.evaluation.turns import Turns
from zoo.models import Model
from zoo.redaction import redact, refuse_secrets
from zoo_openai.arguments import arguments_of, identity
from zoo_openai.models import Chat, OpenAIChat
from zoo_openai.transport import Transport


def model(**args: Any) -> Model:
    return Model("org/m", loader_args=args)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"base_ulr": "http://a/v1"}, "did you mean 'base_url'"),
        ({"base_url": "http://me:pass@a/v1"}, "holds a user or a password"),
        ({"base_url": "http://me@a/v1"}, "holds a user or a password"),
        ({"base_url": "ftp://a/v1"}, "http or https"),
        ({"base_url": "http://a/v1?key=1"}, "without a query"),
        ({"base_url": "http://a:x/v1"}, "is no address"),
        ({"num_concurrent": 0}, "num_concurrent"),
        ({"cell_timeout": -1}, "cell_timeout"),
    ],
)
def test_what_cannot_be_meant_is_refused(args: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        identity(model(**args))


def test_a_password_is_not_repeated_where_it_is_refused() -> None:
    with pytest.raises(ConfigError) as refusal:
        identity(model(base_url="http://me:hunter2hunter2@a/v1"))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ["api_key", "key", "token", "authorization", "auth_token"])
def test_a_key_is_no_setting(name: str) -> None:
    with pytest.raises(ConfigError, match="holds a secret"):
        refuse_secrets({name: "abc"}, "--loader-args")


@pytest.mark.parametrize(
    ("url", "completions", "chat"),
    [
        ("http://a", "http://a/v1/completions", "http://a/v1/chat/completions"),
        ("http://A:80/x/v1/", "http://a/x/v1/completions", "http://a/x/v1/chat/completions"),
        ("http://a/v1/completions", "http://a/v1/completions", ""),
        ("http://a/v1/chat/completions", "", "http://a/v1/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/completions", None),
    ],
)
def test_an_address_says_which_ways_of_asking_there_are(
    url: str, completions: str, chat: str | None
) -> None:
    address = arguments_of(model(base_url=url), {}).address
    assert address.completions == completions
    assert chat is None or address.chat == chat


def test_a_key_goes_to_nobody_but_whom_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def key(url: str) -> str:
        return arguments_of(model(base_url=url), {}).address.key

    monkeypatch.setenv("OPENAI_API_KEY", "home-key-home-key")
    monkeypatch.setenv("OPENAI_API_KEY_OTHER_EXAMPLE", "other-key-other-key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert key("https://api.openai.com/v1") == "home-key-home-key"
    assert key("http://api.openai.com/v1") == ""  # unencrypted is another server
    assert key("https://api.openai.com.evil.example/v1") == ""
    assert key("https://other.example/v1") == "other-key-other-key"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://third.example:8443/v1")
    assert key("https://third.example:8443/other/path") == "home-key-home-key"
    assert key("https://third.example/v1") == ""
    assert key("https://api.openai.com/v1") == ""
    assert redact("home-key-home-key, other-key-other-key") == "[redacted], [redacted]"


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("https://api.openai.com/v1", {"max_completion_tokens", "seed", "temperature", "stop"}),
        ("http://a/v1", {"max_tokens", "seed", "temperature", "stop", "chat_template_kwargs"}),
    ],
)
def test_openai_is_sent_its_own_fields_and_others_whether_to_think(
    url: str, fields: set[str]
) -> None:
    args = arguments_of(model(base_url=url, model="gpt-4o"), {})
    kind = OpenAIChat if args.address.is_openai else Chat
    way = kind(args, Transport(args.address, args.patience), lambda *_: None)
    context = Turns([{"role": "user", "content": "?"}], thinking=True).text
    payload = way.payload(context, {"until": ["\n"], "max_gen_toks": 5}, seed=None)
    assert set(payload) == {"model", "messages", *fields}
