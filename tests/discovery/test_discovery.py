"""Discovery: from what people name to pinned models with regime and lineage."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo_finetuned
import zoo_instruct
import zoo_pretrained
import zoo_rl
from zoo import hookimpl
from zoo.config import read_config
from zoo.discovery import Discovery
from zoo.errors import ConfigError, ModelError, UnknownNameError
from zoo.evidence import rank_regimes
from zoo.facts import read_card
from zoo.fingerprints import fingerprint
from zoo.models import Evidence, Family, Model
from zoo.placing import lineage, parents_first
from zoo.plugins import Plugin, Plugins
from zoo.registry import Registry


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def checkpoint(name: str, card: str = "", adapter: dict[str, Any] | None = None) -> Path:
    """A checkpoint's folder below the working folder."""
    folder = Path.cwd() / name
    folder.mkdir(parents=True)
    if card:
        (folder / "README.md").write_text(f"---\n{card}\n---\n# A model\n")
    if adapter is None:
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_text(name)
    else:
        (folder / "adapter_config.json").write_text(json.dumps(adapter))
        (folder / "adapter_model.safetensors").write_text(name)
    return folder


def discovery(config: str = "", *families: Family) -> Discovery:
    """Discovery over a zoo.toml, the first-party regimes, and families that a plugin brings."""
    Path("zoo.toml").write_text(config)
    plugins = Plugins()
    for module in (zoo_pretrained, zoo_finetuned, zoo_instruct, zoo_rl):
        plugin = Plugin(module.__name__, "stagezoo", "1", first_party=True)
        plugins.admit(plugin, lambda module=module: module)
    brought = SimpleNamespace(zoo_families=hookimpl(lambda: list(families)))
    plugins.admit(Plugin("brings", "stagezoo", "1", first_party=True), lambda: brought)
    return Discovery(read_config(Path("zoo.toml")), Registry.of(plugins))


def one(found: Discovery, *targets: str, base: str | None = None) -> Family:
    (family,) = found.resolve(targets, base)
    return family


def parents(family: Family) -> dict[str, tuple[str, ...]]:
    return {model.id: model.parents for model in family.models}


NANO = Family(
    "nano",
    (
        Model("nano/base", revision="1", regime="pretrained"),
        Model(
            "nano/child", revision="2", family="nano", regime="fine-tuned", base_model="nano/base"
        ),
    ),
)


def test_a_folder_is_a_model_pinned_by_its_bytes() -> None:
    folder = checkpoint("my-instruct")
    (model,) = one(discovery(), "./my-instruct").models
    assert model.id == "./my-instruct"
    assert model.family == "./my-instruct"
    assert model.regime == "instruction-tuned"
    assert model.revision == fingerprint(folder).weights[:12]
    assert model.loader_args == {"pretrained": str(folder)}
    assert any("'instruct'" in piece.why for piece in model.evidence)


def test_a_family_stands_for_itself_parents_first() -> None:
    turned = Family("nano", NANO.models[::-1])
    assert [model.id for model in one(discovery("", turned), "nano").models] == [
        "nano/base",
        "nano/child",
    ]


def test_without_targets_the_first_family_of_zoo_toml_is_meant_else_the_embedded_one() -> None:
    assert one(discovery("", NANO)).name == "nano"
    config = '[families.b]\nmodels = [{ id = "x", regime = "pretrained" }]\n[families.a]\n'
    config += 'models = [{ id = "y", regime = "pretrained" }]'
    assert one(discovery(config, NANO)).name == "b"
    with pytest.raises(UnknownNameError, match="no family named 'nano'"):
        discovery().resolve([])


def test_zoo_toml_wins_the_name_of_a_family_and_of_a_model() -> None:
    config = '[families.nano]\nmodels = [{ id = "nano/base", regime = "RL-tuned" }]'
    found = discovery(config, NANO)
    assert [model.regime for model in one(found, "nano").models] == ["RL-tuned"]
    config = config.replace("families.nano", "families.mine")
    assert one(discovery(config, NANO), "nano/base").models[0].regime == "RL-tuned"


def test_models_of_families_and_folders_form_one_family() -> None:
    checkpoint("tuned", "base_model: nano/base")
    family = one(discovery("", NANO), "nano/base", "tuned")
    assert family.name == "nano/base", "a family of loose models is named after its root"
    assert parents(family) == {"nano/base": (), "tuned": ("nano/base",)}


def test_a_known_model_is_the_child_of_its_nearest_ancestor_among_the_targets() -> None:
    line = Family(
        "line",
        (
            Model("line/a", regime="pretrained"),
            Model("line/b", regime="fine-tuned", base_model="line/a"),
            Model("line/c", regime="RL-tuned", base_model="line/b"),
            Model("line/d", regime="fine-tuned", base_model="line/a"),
        ),
    )
    assert parents(one(discovery("", line), "line/a", "line/c")) == {
        "line/a": (),
        "line/c": ("line/a",),
    }
    apart = parents(one(discovery("", line), "line/d", "line/c"))
    assert apart["line/c"] != ("line/d",), "siblings are no parents of each other"


def test_zoo_toml_may_name_a_plugin_s_model_and_leave_the_rest_to_the_plugin() -> None:
    config = '[families.mine]\nmodels = [{ id = "nano/child", targets = ["law"] }]'
    (model,) = one(discovery(config, NANO), "mine").models
    assert (model.family, model.regime, model.targets) == ("mine", "fine-tuned", ("law",))


def test_families_and_loose_models_can_be_named_together() -> None:
    checkpoint("tuned")
    first, second = discovery("", NANO).resolve(["tuned", "nano"])
    assert (first.name, second.name) == ("nano", "tuned")


def test_a_target_named_twice_counts_once() -> None:
    checkpoint("a")
    assert len(one(discovery("", NANO), "a", "a").models) == 1
    assert len(discovery("", NANO).resolve(["nano", "nano"])) == 1


def test_the_lineage_comes_from_the_cards_whatever_the_order() -> None:
    checkpoint("a")
    checkpoint("b", "base_model: a")
    checkpoint("c", "base_model: ./b")
    family = one(discovery(), "c", "b", "a")
    assert [model.id for model in family.models] == ["a", "b", "c"]
    assert parents(family) == {"a": (), "b": ("a",), "c": ("b",)}


def test_without_cards_each_is_the_child_of_the_one_before_it() -> None:
    for name in "abc":
        checkpoint(name)
    family = one(discovery(), "b", "a", "c")
    assert parents(family) == {"b": (), "a": ("b",), "c": ("a",)}


def test_with_a_base_each_without_a_card_is_its_child() -> None:
    for name in "abc":
        checkpoint(name)
    family = one(discovery(), "b", "c", base="a")
    assert parents(family) == {"a": (), "b": ("a",), "c": ("a",)}
    assert parents(one(discovery(), "b", "c", base="b")) == {"b": (), "c": ("b",)}


def test_the_base_may_be_a_model_of_a_family() -> None:
    checkpoint("b")
    family = one(discovery("", NANO), "b", base="nano/base")
    assert parents(family) == {"nano/base": (), "b": ("nano/base",)}


def test_a_base_for_a_family_is_refused() -> None:
    with pytest.raises(ConfigError, match="--base x is the parent of models"):
        discovery("", NANO).resolve(["nano"], "x")


def test_a_family_cannot_be_the_base_and_its_models_are_named() -> None:
    checkpoint("b")
    with pytest.raises(ConfigError, match=r"nano is a family; .* as the base: nano/base, nano/ch"):
        discovery("", NANO).resolve(["b"], "nano")


def test_a_root_that_is_named_after_its_child_is_still_the_root() -> None:
    checkpoint("root")
    checkpoint("child", "base_model: root")
    assert parents(one(discovery(), "child", "root")) == {"root": (), "child": ("root",)}


def test_a_merge_has_several_parents() -> None:
    checkpoint("a")
    checkpoint("b")
    checkpoint("m", "base_model: [a, b, org/elsewhere]")
    assert parents(one(discovery(), "a", "b", "m"))["m"] == ("a", "b", "org/elsewhere")


def test_a_parent_that_is_not_among_the_targets_leaves_it_to_the_order() -> None:
    checkpoint("a", "base_model: org/elsewhere")
    checkpoint("b", "base_model: org/other")
    assert parents(one(discovery(), "a", "b")) == {"a": ("org/elsewhere",), "b": ("a",)}


def test_cards_that_descend_from_each_other_are_refused() -> None:
    checkpoint("a", "base_model: b")
    checkpoint("b", "base_model: a")
    with pytest.raises(ConfigError, match="in a circle: a, b; mend a base_model"):
        discovery().resolve(["a", "b"])


def test_an_adapter_is_loaded_over_the_base_that_a_family_knows() -> None:
    base = checkpoint("where/base")
    family = Family(
        "f", (Model("f/base", regime="pretrained", loader_args={"pretrained": str(base)}),)
    )
    lora = checkpoint("lora", adapter={"base_model_name_or_path": "f/base"})
    found = discovery("", family)
    (model,) = one(found, "lora").models
    assert model.loader_args == {"pretrained": str(base), "peft": str(lora)}
    assert model.regime == "fine-tuned"
    assert parents(one(found, "f/base", "lora"))["lora"] == ("f/base",)


def test_an_adapter_of_a_hub_model_that_a_family_pins_keeps_the_pin() -> None:
    family = Family("f", (Model("org/base", revision="abc", regime="pretrained"),))
    lora = checkpoint("lora", adapter={"base_model_name_or_path": "org/base"})
    (model,) = one(discovery("", family), "lora").models
    assert model.loader_args == {"pretrained": "org/base", "revision": "abc", "peft": str(lora)}
    assert model.revision == fingerprint(lora).weights[:12], "its own, not its base's"


@pytest.mark.parametrize("named", ["base", "./base", "../base", "{folder}/base"])
def test_an_adapter_names_its_base_by_a_folder_seen_from_here_or_from_itself(named: str) -> None:
    base = checkpoint("base")
    named = named.format(folder=Path.cwd())
    lora = checkpoint("lora", adapter={"base_model_name_or_path": named})
    found = discovery()
    (model,) = one(found, "lora").models
    assert model.loader_args == {"pretrained": str(base), "peft": str(lora)}
    assert parents(one(found, "lora", "base")) == {"base": (), "lora": ("base",)}


def test_an_adapter_of_a_hub_id_needs_no_network_to_be_found() -> None:
    lora = checkpoint("lora", adapter={"base_model_name_or_path": "org/base"})
    (model,) = one(discovery(), "lora").models
    assert model.loader_args == {"pretrained": "org/base", "peft": str(lora)}
    assert model.base_model == "org/base"


def test_a_stage_that_is_a_branch_is_told_from_others_of_its_repository() -> None:
    config = """[families.f]
models = [
  { id = "org/ckpts@sft", regime = "instruction-tuned" },
  { id = "org/ckpts@dpo", regime = "RL-tuned", revision = "abc", base_model = "org/ckpts@sft" },
]"""
    first, second = one(discovery(config), "f").models
    assert first.loader_args == second.loader_args == {"pretrained": "org/ckpts"}
    assert (first.revision, second.revision) == ("sft", "abc"), "a pin comes before the branch"
    assert second.parents == (first.id,)


def test_a_model_knows_its_licence_and_how_many_parameters_it_has() -> None:
    import numpy as np
    from safetensors.numpy import save_file

    base = checkpoint("base", "license: other\nlicense_name: llama3.1")
    lora = checkpoint("lora", adapter={"base_model_name_or_path": "../base"})
    save_file({"w": np.zeros((3, 4), np.float16)}, base / "model.safetensors")
    save_file({"a": np.zeros(5, np.float32)}, lora / "adapter_model.safetensors")
    found = {model.id: model for model in one(discovery(), "base", "lora").models}
    assert (found["base"].licence, found["base"].parameters) == ("llama3.1", 12)
    assert (found["lora"].licence, found["lora"].parameters) == ("", 17), "with its base's"
    (base / "config.json").write_text('{"quantization_config": {"bits": 4}}')
    (quantised,) = one(discovery(), "base").models
    assert quantised.parameters is None, "packed numbers are no parameters"


@pytest.mark.parametrize("adapter", [{"r": 1}, {"base_model_name_or_path": None}])
def test_an_adapter_without_a_base_says_so(adapter: dict[str, Any]) -> None:
    checkpoint("lora", adapter=adapter)
    with pytest.raises(ModelError, match="an adapter that names no base model; write base_model_n"):
        discovery().resolve(["lora"])


def test_an_adapter_over_an_adapter_is_refused() -> None:
    family = Family("f", (Model("f/l", regime="x", loader_args={"pretrained": "b", "peft": "l"}),))
    checkpoint("lora", adapter={"base_model_name_or_path": "f/l"})
    with pytest.raises(ModelError, match="an adapter over f/l, itself one; merge that first"):
        discovery("", family).resolve(["lora"])


def test_an_adapter_in_zoo_toml_needs_no_loader_args() -> None:
    base = checkpoint("base")
    lora = checkpoint("lora", adapter={"base_model_name_or_path": "../base"})
    config = (
        '[families.f]\nmodels = [{ id = "./base", regime = "pretrained" }, '
        '{ id = "./lora", regime = "fine-tuned", base_model = "./base" }]'
    )
    first, second = one(discovery(config), "f").models
    assert first.loader_args == {"pretrained": str(base)}
    assert first.revision == fingerprint(base).weights[:12]
    assert second.loader_args == {"pretrained": str(base), "peft": str(lora)}
    assert second.base_model == "./base"


def test_what_zoo_toml_says_wins_over_the_card() -> None:
    checkpoint("my-DPO", "base_model: org/x")
    config = (
        '[families.f]\nmodels = [{ id = "./my-DPO", regime = "pretrained", revision = "mine", '
        'base_model = "org/y" }]'
    )
    (model,) = one(discovery(config), "f").models
    assert (model.regime, model.revision, model.base_model) == ("pretrained", "mine", "org/y")


def test_a_model_of_zoo_toml_without_a_regime_is_classified_by_its_own_name() -> None:
    checkpoint("out")
    config = '[families.f]\nmodels = [{ id = "my-dpo", loader_args = { pretrained = "./out" } }]'
    (model,) = one(discovery(config), "f").models
    assert model.regime == "RL-tuned"
    assert one(discovery(config), "my-dpo").models[0].regime == "RL-tuned"


def test_a_model_of_zoo_toml_that_cannot_be_read_costs_only_itself() -> None:
    checkpoint("base")
    config = '[families.f]\nmodels = [{ id = "./base" }, { id = "./gone" }]'
    base, gone = one(discovery(config), "f").models
    assert base.regime == "pretrained"
    assert gone.regime == ""
    assert "gone" in gone.evidence[-1].why


def test_a_tie_is_kept_in_the_evidence_and_not_decided_in_silence() -> None:
    checkpoint("a-base-it-ft-chat", "tags: [sft]")
    found = discovery()
    (model,) = one(found, "a-base-it-ft-chat").models
    tied = rank_regimes(model.evidence).tied
    assert len(tied) > 1
    assert model.regime in tied
    assert model.evidence[-1] == Evidence(
        model.regime,
        0.0,
        f"taken, though the evidence is tied between {' and '.join(tied)}; zoo.toml decides",
    )


@pytest.mark.parametrize(
    ("base", "regime", "said"), [("", "pretrained", "no"), ("org/x", "fine-tuned", "a")]
)
def test_without_any_evidence_what_is_taken_is_said(base: str, regime: str, said: str) -> None:
    checkpoint("a", f"base_model: {base}" if base else "")
    bare = Discovery(read_config(), Registry.of(Plugins()))
    (model,) = one(bare, "a").models
    why = f"taken, since nothing decides and it names {said} base model; zoo.toml decides"
    assert model.regime == regime
    assert model.evidence == (Evidence(regime, 0.0, why),)


def test_a_folder_that_is_no_checkpoint_says_what_is_missing_and_what_to_name() -> None:
    Path("empty").mkdir()
    with pytest.raises(ModelError, match=r"empty is no checkpoint: .*; name a checkpoint folder"):
        discovery().resolve(["empty"])
    checkpoint("out/checkpoint-100")
    checkpoint("out/checkpoint-200", adapter={})
    with pytest.raises(ModelError, match="name one in it: checkpoint-100, checkpoint-200"):
        discovery().resolve(["out"])


def test_a_file_and_a_missing_folder_are_said_to_be_so() -> None:
    folder = checkpoint("a")
    with pytest.raises(ModelError, match="is a file; name the checkpoint folder that holds it"):
        discovery().resolve([str(folder / "model.safetensors")])
    for name in ("./gone", "/gone/for/good", "~/gone", "a/b/c"):
        with pytest.raises(ModelError, match=f"there is no folder {re.escape(name)}; check the"):
            discovery().resolve([name])


def test_an_unknown_target_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no target named 'nan'; did you mean 'nano'"):
        discovery("", NANO).resolve(["nan"])
    with pytest.raises(UnknownNameError, match="a target is a family, a Hub id"):
        discovery("", NANO).resolve(["zzz"])


OFFLINE = """
import sys
from zoo.cli import main
sys.exit(main(["run", sys.argv[1]]))
"""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("org/name", "org/name is not in the cache .*; `zoo prefetch SUITE org/name` fetches it"),
        ("nano/instuct", "not in the cache .*; or did you mean 'nano/instruct'"),
        ("org/na me", "'org/na me' is no Hub id"),
    ],
)
def test_a_hub_id_out_of_reach_is_one_sentence_with_a_remedy(
    target: str, said: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, target],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert re.search(said, done.stderr)


CACHED = """
import json, sys
from zoo.cli import main
wanted = ["--protocol", "native", "--limit", "1", "--json", "--no-check"]
sys.exit(main(["plan", *sys.argv[1:], *wanted]))
"""


def test_a_hub_id_in_the_cache_is_pinned_to_its_commit_without_network(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    hub = tmp_path / "hf" / "hub"
    for name, card in (("base", "license: mit"), ("base-DPO", "base_model: org/base")):
        folder = hub / f"models--org--{name}"
        snapshot = folder / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text("{}")
        (snapshot / "README.md").write_text(f"---\n{card}\n---\n")
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(commit)
    done = subprocess.run(
        [sys.executable, "-c", CACHED, "org/base-DPO", "org/base"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)
    found = {cell["model"]: (cell["revision"], cell["regime"]) for cell in cells}
    assert found == {"org/base": (commit, "pretrained"), "org/base-DPO": (commit, "RL-tuned")}
    assert next(iter(found)) == "org/base"


def test_parents_stand_first_and_else_the_order_stays() -> None:
    models = (Model("c", base_model="a"), Model("b"), Model("a"), Model("d", base_model="gone"))
    assert [model.id for model in parents_first(models)] == ["b", "a", "c", "d"]
    with pytest.raises(ConfigError, match="in a circle: a, b"):
        parents_first((Model("a", base_model="b"), Model("b", base_model="a"), Model("c")))


IDS = st.sampled_from(["a", "b", "c", "d", "out"])


@given(
    models=st.lists(st.tuples(IDS, st.lists(IDS, max_size=2)), unique_by=lambda pair: pair[0]),
    base=st.none() | IDS,
)
def test_a_lineage_adds_no_circle_and_keeps_what_the_cards_say(
    models: list[tuple[str, list[str]]], base: str | None
) -> None:
    given_models = [Model(name, base_model=tuple(named) or None) for name, named in models]
    if base is not None and base not in {model.id for model in given_models}:
        base = None
    try:
        parents_first(given_models)
    except ConfigError:
        return  # the cards themselves form a circle
    placed = lineage(given_models, base)
    assert [model.id for model in placed] == [model.id for model in given_models]
    ids = {model.id for model in placed}
    assert {model.id for model in parents_first(placed)} == ids
    for before, after in zip(given_models, placed, strict=True):
        if set(before.parents) & ids:
            assert set(after.parents) == set(before.parents)
    roots = [model for model in placed if not set(model.parents) & ids]
    assert roots or not placed


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("---\nbase_model: a\n---\nhello", {"base_model": "a"}),
        ("hello", {}),
        ("---\n- a\n---\n", {}),
        ("---\nbase_model: [\n---\n", {}),
        ("---\nx: !!int y\n---\n", {}),
        ("---", {}),
    ],
)
def test_a_card_is_read_and_nonsense_is_an_empty_card(
    text: str, card: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text(text)
    assert read_card(tmp_path / "README.md") == card


def test_a_card_that_is_no_text_is_an_empty_card(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"---\n\xff\n---")
    assert read_card(tmp_path / "README.md") == {}
    assert read_card(tmp_path / "nowhere") == {}


def test_a_path_means_the_working_folder_whatever_zoo_toml_calls_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = '[families.mine]\nmodels = [{ id = "./run", regime = "RL-tuned" }]'
    checkpoint("run")
    found = discovery(config)
    below = tmp_path / "sub"
    below.mkdir()
    monkeypatch.chdir(below)
    with pytest.raises(ModelError, match=r"there is no folder \./run"):
        one(found, "./run")


def test_a_missing_folder_of_a_family_is_missing_and_no_hub_id() -> None:
    config = '[families.mine]\nmodels = [{ id = "./gone" }]'
    (model,) = one(discovery(config), "mine").models
    assert any("there is no folder" in piece.why for piece in model.evidence)


def test_a_stage_in_a_folder_may_be_called_by_the_end_of_its_path() -> None:
    checkpoint("stages/mine/pairs")
    checkpoint("stages/mine/other", "base_model: org/base")
    config = """[families.mine]
models = [{ id = "./stages/mine/pairs", regime = "pretrained" },
          { id = "./stages/mine/other", regime = "fine-tuned" }]"""
    found = discovery(config)
    assert found.id_of("mine/pairs") == "./stages/mine/pairs"
    assert one(found, "mine/pairs").models[0].id == "./stages/mine/pairs"
    assert found.id_of("pairs") == "./stages/mine/pairs"
    # a family's name, an end that several have, and a part of a word stand for themselves
    checkpoint("elsewhere/pairs")
    twice = discovery(config.replace("/other", "/x/pairs"))
    assert [twice.id_of(name) for name in ("mine", "pairs", "airs")] == ["mine", "pairs", "airs"]
