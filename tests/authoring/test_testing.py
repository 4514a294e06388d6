"""The fixtures that plugins' authors are given, used as they use them."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Write = Callable[[str, str], ModuleType]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """(name, source) -> a module that was imported from a file."""

    def write(name: str, source: str) -> ModuleType:
        folder = tmp_path / "modules"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return write


REGIME = """
from zoo import hookimpl
from zoo.models import Prompting, Regime

def prompting(model, benchmark):
    {body}
    return Prompting()

@hookimpl
def zoo_regimes():
    return [Regime("mine", "Mine", 40, prompting)]
"""


def test_the_echo_model_answers_the_same_each_time(echo_model: Any) -> None:
    from lm_eval.api.instance import Instance

    write = Instance("generate_until", {}, ("one\ntwo, three", {"until": [","]}), 0)
    weigh = Instance("loglikelihood", {}, ("one", " two"), 0)
    assert echo_model.generate_until([write, write]) == ["two", "two"]
    (first, greedy), (second, _) = echo_model.loglikelihood([weigh, weigh])
    assert first == second < 0
    assert greedy is False


def test_the_tiny_checkpoint_is_a_model_with_its_tokenizer(tiny_checkpoint: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint)
    model = AutoModelForCausalLM.from_pretrained(tiny_checkpoint)
    ids = tokenizer("the cat", return_tensors="pt").input_ids
    assert model(ids).logits.shape == (*ids.shape, model.config.vocab_size)


def test_a_zoo_has_the_hosts_plugins_and_the_given_one(zoo_with: Any, written: Write) -> None:
    zoo = zoo_with(written("zoo_mine", REGIME.format(body="pass")))
    usable = {plugin.name for plugin in zoo.host.plugins if plugin.status == "ok"}
    assert {"pretrained", "nano", "zoo-mine"} <= usable
    assert {plugin.name for plugin in zoo.host.plugins if not plugin.first_party} & usable == {
        "zoo-mine"
    }
    assert zoo.registry.regimes.owner("mine").name == "zoo-mine"


def test_a_plugin_that_the_host_refuses_fails_the_test_with_the_reason(
    zoo_with: Any, written: Write
) -> None:
    module = written(
        "zoo_squatter", "from zoo import hookimpl\n@hookimpl\ndef zoo_regime():\n    1"
    )
    with pytest.raises(AssertionError, match="there is no hook zoo_regime"):
        zoo_with(module)


def test_a_prompting_that_changes_what_is_everybodys_fails_its_own_cell_alone(
    zoo_with: Any, written: Write
) -> None:
    zoo = zoo_with(written("zoo_mine", REGIME.format(body="import os; os.chdir('/')")))
    (benchmark, *_) = zoo.catalogue.suite("core").benchmarks
    here = Path.cwd()
    result = zoo.score(benchmark, regime="mine", protocol="native", limit=2)
    assert result.status == "failed"
    assert "changes the working folder" in result.error
    assert zoo.score(benchmark, regime="mine", limit=2).status == "scored"
    assert Path.cwd() == here


def test_what_a_loader_changes_of_the_process_ends_with_its_model(
    zoo_with: Any, written: Write, tiny_checkpoint: Path
) -> None:
    import torch

    source = """
    from zoo import hookimpl
    from zoo.hookspecs import Loader

    def load(model, *, device, dtype, batch_size, **options):
        import os
        import torch
        from lm_eval.models.huggingface import HFLM

        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        os.chdir("/")
        return HFLM(pretrained=model.id, device=device, dtype="float32", batch_size=1)

    @hookimpl
    def zoo_loaders():
        return [Loader("rough", load)]
    """
    zoo = zoo_with(written("zoo_rough", source))
    (benchmark, *_) = zoo.catalogue.suite("core").benchmarks
    here, dtype = Path.cwd(), torch.get_default_dtype()
    alone = zoo.score(benchmark, model=tiny_checkpoint, limit=3)
    assert zoo.score(benchmark, model=tiny_checkpoint, limit=3, loader="rough").status == "scored"
    assert (Path.cwd(), torch.get_default_dtype()) == (here, dtype)
    assert not torch.are_deterministic_algorithms_enabled()
    again = zoo.score(benchmark, model=tiny_checkpoint, limit=3, fresh=True)
    assert again.scores == alone.scores
