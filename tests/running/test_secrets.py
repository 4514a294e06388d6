"""Secrets reach no result, no record, no log and no report, and are refused as settings."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.zoos import TinyZoo

import zoo
from zoo.cli import main
from zoo.config import read_config
from zoo.errors import ConfigError
from zoo.executors import builtins
from zoo.hookspecs import Executor, Job
from zoo.plan import Wishes
from zoo.redaction import STRUCK, redact, refuse_secrets
from zoo.reporting import render
from zoo.results import Result
from zoo.running import Options, Outcome, run_family
from zoo.tradeoffs import tradeoff_of

CANARIES = {
    "HF_TOKEN": "hf_CanaryCanaryCanaryCanaryCanary12",
    "OPENAI_API_KEY": "sk-canary-canary-canary-canary",
    "MY_SERVICE_PASSWORD": "correct horse battery",
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> str:
    """What a careless library says, with secrets of the environment in it."""
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    return f"401 for https://me:{CANARIES['HF_TOKEN']}@host: {', '.join(CANARIES.values())}"


def leaky_run(tiny_zoo: TinyZoo, said: str) -> tuple[Outcome, list[Any]]:
    """A run on an executor that tells secrets in a result's error, then in its own."""

    def leaks(jobs: Sequence[Job], **_: Any) -> Iterator[Result]:
        yield Result(jobs[0].specs[0], "failed", error=said)
        raise RuntimeError(said)

    host = replace(
        tiny_zoo.host(), builtins={**builtins(), "executors": (Executor("leaky", leaks),)}
    )
    (family,) = host.discovery.resolve(())
    suite = host.suite(None, (), family)
    options = Options(
        wishes=Wishes(protocols=("uniform",), limit=1), device="cpu", executor="leaky"
    )
    events: list[Any] = []
    outcome = run_family(
        host, family, suite, options, lambda *event: events.append(event), f"zoo run {said}"
    )
    tradeoff = tradeoff_of(host, family, suite, outcome.results, (outcome.record,))
    for format in ("html", "json", "csv", "markdown"):
        (host.store.root / f"report.{format}").write_text(render(tradeoff, format))
    return outcome, events


def test_no_canary_reaches_a_result_a_record_an_event_or_a_report(
    tiny_zoo: TinyZoo, said: str
) -> None:
    outcome, events = leaky_run(tiny_zoo, said)
    errors = {each.error for each in outcome.results}
    assert len(errors) == 2
    assert all(STRUCK in error and "401 for https://" in error for error in errors)
    files = [path for path in (tiny_zoo.root / "results").rglob("*") if path.is_file()]
    assert len(files) > 5
    for value in CANARIES.values():
        assert value not in repr(events)
        assert not [path for path in files if value.encode() in path.read_bytes()]


def test_no_canary_reaches_a_log(said: str, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["suites", "--no-plugins"]) == 0
    logger = logging.getLogger("zoo")
    try:
        raise RuntimeError(said)
    except RuntimeError:
        logger.warning("cannot load %s", said, exc_info=True)
    assert "cannot load 401 for https://" in caplog.text
    assert STRUCK in caplog.text
    assert "Traceback" in caplog.text
    for value in CANARIES.values():
        assert value not in caplog.text


SECRET = [
    {"token": "hf_abc"},
    {"hf_token": "x"},
    {"api_key": "x"},
    {"openai_api_key": "x"},
    {"use_auth_token": "x"},
    {"password": "x"},
    {"headers": {"Authorization": "Bearer x"}},
    {"base_url": "https://me:secret@host/v1"},
    {"note": "hf_CanaryCanaryCanaryCanaryCanary12"},
]
PLAIN: list[dict[str, Any]] = [
    {"max_length": 4096, "add_bos_token": True, "prefix_token_id": 3, "token": True},
    {"think_end_token": "</think>", "max_gen_toks": 8, "eos_token": "</s>", "tokenizer": "org/t"},
    {"pretrained": "/models/key/token", "base_url": "https://host:8000/v1", "peft": "a/b"},
]


@pytest.mark.parametrize("settings", SECRET, ids=lambda each: next(iter(each)))
def test_a_setting_that_holds_a_secret_is_refused_with_the_remedy(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="set it in the environment"):
        refuse_secrets(settings, "loader_args")


@pytest.mark.parametrize("settings", PLAIN, ids=lambda each: next(iter(each)))
def test_settings_that_only_sound_like_secrets_are_taken(settings: dict[str, Any]) -> None:
    refuse_secrets(settings, "loader_args")


def test_secrets_are_refused_in_zoo_toml_and_on_the_command_line(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    command = tiny_zoo.command("run", "--device", "cpu", "--loader-args", "token=hf_canary")
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "--loader-args: token holds a secret" in said
    assert "HF_TOKEN" in said
    assert "hf_canary" not in said
    assert not list((tiny_zoo.root / "results").rglob("*.json"))
    tiny_zoo.add("org/m", "fine-tuned", loader_args='{ api_key = "canary" }')
    with pytest.raises(ConfigError, match=r"models\[3\].loader_args: api_key holds a secret") as at:
        read_config(tiny_zoo.write())
    assert "canary" not in str(at.value)


def test_secrets_in_what_is_asked_and_in_the_options_of_load_are_refused(
    tiny_zoo: TinyZoo,
) -> None:
    with pytest.raises(ConfigError, match="load: api_key holds a secret") as at:
        zoo.load("nano/pretrained", api_key="canary")
    assert "canary" not in str(at.value)
    said = f'system_instruction = "use {CANARIES["HF_TOKEN"]}"'
    tiny_zoo.extra = f"[prompting.RL-tuned]\n{said}"
    with pytest.raises(ConfigError, match=r"prompting.RL-tuned: system_instruction holds a secret"):
        read_config(tiny_zoo.write())
    tiny_zoo.extra = ""
    tiny_zoo.add("org/m", "fine-tuned", prompting=f"{{ {said} }}")
    with pytest.raises(ConfigError, match=r"models\[3\].prompting: system_instruction holds a sec"):
        read_config(tiny_zoo.write())
    tiny_zoo.models[3] = '{ id = "https://me:canary@host/m", regime = "fine-tuned" }'
    with pytest.raises(ConfigError, match=r"models\[3\]: id holds a secret") as at:
        read_config(tiny_zoo.write())
    assert "canary" not in str(at.value)


def test_no_secret_of_the_environment_reaches_a_file_of_a_real_run_or_its_reports(
    tiny_zoo: TinyZoo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary-of-the-proxy@127.0.0.1:9")
    tiny_zoo.add("org/none", "fine-tuned", base_model='"./base"')  # asks the Hub through the proxy
    command = tiny_zoo.command("run", "--device", "cpu", "--limit", "2", "--debug")
    folder = tiny_zoo.root / "results"
    for more in (["--progress", "json"], ["--executor-args", "workers=2", "--fresh"]):
        main([*command, *more])
    for format in ("html", "json", "csv", "markdown", "latex"):
        output = str(folder / f"report.{format}")
        main(tiny_zoo.command("report", "tiny", "--format", format, "--output", output))
        assert Path(output).stat().st_size > 1000
    main(tiny_zoo.command("status"))
    said = capsys.readouterr()
    files = [path for path in tiny_zoo.root.rglob("*") if path.is_file()]
    assert len(files) > 20
    for value in (*CANARIES.values(), "canary-of-the-proxy"):
        assert value not in said.out + said.err
        assert not [path for path in files if value.encode() in path.read_bytes()]


def test_what_is_no_secret_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    monkeypatch.setenv("HF_TOKEN_PATH", str(Path(__file__)))
    text = f"it is true of {__file__} that risk-free-and-well-known-names stay"
    assert redact(text) == text
