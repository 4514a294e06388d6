"""`compare`, `ask` and `doctor`: two models side by side, one prompt to all, and this machine."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.checkpoints import CHAT_TEMPLATE, CONTEXT
from support.zoos import TinyZoo

from zoo.asking import Piece, ask
from zoo.cli import main
from zoo.comparing import CHANGED, compare
from zoo.diagnosis import Check, diagnosis
from zoo.errors import UnknownNameError
from zoo.evaluation.sandbox import missing
from zoo.host import Host
from zoo.plan import Wishes
from zoo.running import Options, run_family


def test_compare_shows_where_configuration_prompts_and_scores_differ(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run()
    found = compare(tiny_zoo.host(), "./base", "./chat")
    configuration = {what: (one, other) for what, one, other in found.configuration}
    assert configuration["regime"] == ("pretrained", "instruction-tuned")
    assert configuration["base_model"] == ("none", "./base")
    assert configuration["native: chat_template"] == ("none", "default")
    assert len(configuration["chat_template"][1]) == 12
    assert "uniform: chat_template" not in configuration
    assert "dtype" not in configuration
    prompts = {name: (one, other) for name, one, other in found.prompts}
    assert set(prompts) == {
        f"{task} · native" for task in ("tiny_choice", "tiny_write", "tiny_shots")
    }
    plain, rendered = prompts["tiny_choice · native"]
    assert "[user]" not in plain
    assert rendered == f"<s>[user]{plain}\n[assistant]"
    contrasts = {(c.benchmark, c.protocol): c for c in found.contrasts}
    assert len(contrasts) == 6
    for contrast in contrasts.values():
        assert (contrast.base, contrast.other, contrast.n) == ("./base", "./chat", 12)


def test_compare_takes_each_score_from_the_store(tiny_zoo: TinyZoo) -> None:
    outcome, _ = tiny_zoo.run(wishes={"protocols": ("uniform",)})
    values = {
        (r.spec.model.id, r.spec.benchmark.task): r.score.value for r in outcome.results if r.score
    }
    for contrast in compare(tiny_zoo.host(), "./base", "./chat").contrasts:
        assert contrast.delta == pytest.approx(
            values["./chat", contrast.benchmark] - values["./base", contrast.benchmark]
        )


def test_compare_says_why_a_prompt_cannot_be_rendered_any_more(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run(wishes={"protocols": ("native",)})
    shutil.rmtree(tiny_zoo.root / "chat")
    found = compare(tiny_zoo.host(), "./base", "./chat")
    assert len(found.prompts) == 3
    assert all("there is no folder" in other for _, _, other in found.prompts)
    assert len(found.contrasts) == 3


def test_compare_says_that_prompts_differ_even_where_none_can_be_rendered(
    tiny_zoo: TinyZoo,
) -> None:
    tiny_zoo.run(wishes={"protocols": ("native",)})
    shutil.rmtree(tiny_zoo.tasks)
    found = compare(tiny_zoo.host(), "./base", "./chat")
    assert len(found.prompts) == 3
    for _, one, other in found.prompts:
        assert one == other
        assert one.startswith("cannot be rendered: ")


def test_compare_says_that_prompts_differed_before_the_task_changed(tiny_zoo: TinyZoo) -> None:
    def ask_about(text: str, model: str) -> None:
        tasks = tiny_zoo.tasks / "tiny_choice.yaml"
        tasks.write_text(tasks.read_text().replace("doc_to_text: '", f"doc_to_text: '{text}"))
        host = tiny_zoo.host()
        (family,) = host.discovery.resolve([model])
        options = Options(wishes=Wishes(protocols=("uniform",)), device="cpu")
        run_family(host, family, host.suite(None, ("tiny_choice",), family), options)

    ask_about("", str(tiny_zoo.root / "base"))
    ask_about("please: ", str(tiny_zoo.root / "chat"))
    found = compare(tiny_zoo.host(), str(tiny_zoo.root / "base"), str(tiny_zoo.root / "chat"))
    ((_, one, other),) = found.prompts
    assert one == other == CHANGED
    (contrast,) = found.contrasts
    assert contrast.mixed == "prompts differ under the uniform protocol"


def test_compare_knows_of_equal_prompts_without_rendering_them(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run(wishes={"protocols": ("uniform",)})
    shutil.rmtree(tiny_zoo.tasks)
    assert compare(tiny_zoo.host(), "./base", "./chat").prompts == ()


def test_compare_renders_with_the_folders_and_loader_arguments_of_the_run(
    tiny_zoo: TinyZoo,
) -> None:
    tiny_zoo.run(wishes={"protocols": ("native",)}, loader_args={"max_length": 250})
    host = replace(tiny_zoo.host(), include_paths=())
    prompts = {name: pair for name, *pair in compare(host, "./base", "./chat").prompts}
    plain, rendered = prompts["tiny_choice · native"]
    assert rendered == f"<s>[user]{plain}\n[assistant]"


def test_compare_names_the_models_that_were_run(tiny_zoo: TinyZoo) -> None:
    tiny_zoo.run(wishes={"protocols": ("uniform",)})
    with pytest.raises(UnknownNameError, match=r"did you mean './chat'"):
        compare(tiny_zoo.host(), "./base", "./chta")


def asked(zoo: TinyZoo, prompt: str, tokens: int = 12) -> list[Piece]:
    host = zoo.host()
    (family,) = host.discovery.resolve(())
    return list(ask(host, family, prompt, Options(device="cpu"), tokens))


def text_of(pieces: list[Piece], model: str, form: str) -> str:
    return "".join(p.text for p in pieces if (p.model.id, p.form) == (model, form))


def generated(folder: Path, text: str, tokens: int) -> str:
    """What transformers itself writes after a text that holds its special tokens."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    out = model.generate(**ids, max_new_tokens=tokens, do_sample=False, pad_token_id=2)
    return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))


def test_ask_streams_every_stage_raw_and_native(tiny_zoo: TinyZoo) -> None:
    pieces = asked(tiny_zoo, "the cat", 40)
    assert list(dict.fromkeys(p.model.id for p in pieces)) == ["./base", "tiny/adapted", "./chat"]
    assert not any(p.error for p in pieces)
    assert [p.model.id for p in pieces if p.same] == ["./base", "tiny/adapted"]
    assert sum(bool(p.text) for p in pieces if p.form == "raw") > 3, "they come in pieces"
    base, chat = tiny_zoo.root / "base", tiny_zoo.root / "chat"
    assert text_of(pieces, "./base", "raw") == generated(base, "<s>the cat", 40)
    assert text_of(pieces, "./chat", "raw") == generated(chat, "<s>the cat", 40)
    rendered = "<s>[user]the cat\n[assistant]"
    assert text_of(pieces, "./chat", "native") == generated(chat, rendered, 40)
    assert text_of(pieces, "tiny/adapted", "raw") != text_of(pieces, "./base", "raw")


def test_ask_samples_where_a_temperature_is_wished(tiny_zoo: TinyZoo) -> None:
    def raw(**gen_kwargs: object) -> str:
        host = tiny_zoo.host()
        (family,) = host.discovery.resolve(())
        options = Options(wishes=Wishes(gen_kwargs=gen_kwargs), device="cpu")
        pieces = list(ask(host, family, "the cat", options, 24))
        assert not any(piece.error for piece in pieces)
        return text_of(pieces, "./base", "raw")

    greedy = raw()
    assert raw(temperature=50.0) != greedy
    assert raw(temperature=50.0, do_sample=False) == greedy
    assert raw(temperature=0) == greedy


def test_a_stage_that_cannot_answer_says_why_and_the_others_go_on(tiny_zoo: TinyZoo) -> None:
    for path in (tiny_zoo.root / "chat").glob("chat_template.jinja"):
        path.unlink()
    tiny_zoo.models.insert(1, '{ id = "./gone", regime = "fine-tuned" }')
    pieces = asked(tiny_zoo, "the cat", 4)
    errors = {(p.model.id, p.form): p.error for p in pieces if p.error}
    assert set(errors) == {("./gone", "raw"), ("./chat", "native")}
    assert 'chat_template = "none"' in errors["./chat", "native"]
    assert text_of(pieces, "./chat", "raw")
    assert text_of(pieces, "tiny/adapted", "raw")


def test_zoo_ask_prints_one_object_for_each_stage(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    command = tiny_zoo.command("ask", "the cat", "--json", "--max-tokens", "3", "--device", "cpu")
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in rows] == ["./base", "tiny/adapted", "./chat"]
    assert rows[0]["native"] == rows[0]["raw"]
    assert all(row["error"] is None for row in rows)


def test_the_chat_template_of_these_tests_holds_bos() -> None:
    assert CHAT_TEMPLATE.startswith("{{ bos_token }}")
    assert CONTEXT > 64


def checks(host: Host) -> dict[str, Check]:
    return {check.name: check for check in diagnosis(host)}


NAMES = "packages device engine config store cache plugins loaders suites sandbox network".split()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check reaches out."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.usefixtures("offline")
def test_the_doctor_finds_a_sound_zoo_sound(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    found = checks(tiny_zoo.host())
    assert list(found) == NAMES
    assert "torch" in found["packages"].found
    assert found["config"].found == str(tiny_zoo.root / "zoo.toml")
    assert str(tiny_zoo.root / "results") in found["store"].found
    assert not (tiny_zoo.root / "results").exists(), "looking leaves nothing behind"
    assert found["plugins"].status == "ok"
    assert found["engine"].found.startswith("packed/")
    assert found["network"].status == "warn"
    assert found["sandbox"].status == ("warn" if missing() else "ok")
    tiny_zoo.extra = '[zoo]\nsandbox = "none"'
    assert "runs with your rights" in checks(tiny_zoo.host())["sandbox"].found
    tiny_zoo.extra = ""
    assert {check.status for check in found.values()} <= {"ok", "warn"}
    assert main(tiny_zoo.command("doctor", "--json")) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == NAMES


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
@pytest.mark.usefixtures("offline")
def test_the_doctor_says_what_a_loader_lacks_and_warns_where_it_is_the_one_chosen(
    tiny_zoo: TinyZoo,
) -> None:
    found = checks(tiny_zoo.host())["loaders"]
    assert found.status == "ok"
    assert found.found.startswith("hf, torch, echo")
    assert 'not vllm: vLLM is not installed; install it with pip install "stagezoo[vllm]"' in (
        found.found
    )
    tiny_zoo.extra = '[zoo]\nloader = "vllm"'
    assert checks(tiny_zoo.host())["loaders"].status == "warn"


@pytest.mark.usefixtures("offline")
def test_the_doctor_names_a_broken_configuration_store_and_suite(
    tiny_zoo: TinyZoo, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_zoo.tasks / "torn.yaml").write_text("task: [")
    assert checks(tiny_zoo.host())["suites"].status == "warn"
    (tiny_zoo.root / "results").write_text("a file, no folder")
    assert checks(tiny_zoo.host())["store"].status == "fail"
    (tiny_zoo.root / "results").unlink()
    (tiny_zoo.root / "results").mkdir()
    (tiny_zoo.root / "results" / "FORMAT").write_text("99")
    found = checks(tiny_zoo.host())["store"]
    assert found.status == "fail"
    assert "format 99" in found.found
    assert main(tiny_zoo.command("doctor")) == 1
    tiny_zoo.extra = "[zoo"
    broken = checks(tiny_zoo.host())
    assert list(broken) == NAMES
    assert broken["config"].status == "fail"
    assert "not valid TOML" in broken["config"].found
    assert broken["packages"].status == "ok"
    capsys.readouterr()


def test_the_doctor_says_whether_the_hub_answers(
    tiny_zoo: TinyZoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", os.devnull)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        assert checks(tiny_zoo.host())["network"].status == "ok"
    closed = checks(tiny_zoo.host())["network"]
    assert closed.status == "warn"
    assert "cannot be reached" in closed.found
