"""zoo add: from a Hub id to a lineage in zoo.toml, against a Hub on loopback."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub import Hub, loopback_hub
from safetensors.numpy import save
from support.saying import Said, say

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
WEIGHTS = save({"w": np.zeros((3, 4), np.float16)})
CHAT = {"chat_template": "{{ messages }}"}


def repository(
    base: str = "", licence: str = "apache-2.0", more: str = "", chat: bool = False, **config: Any
) -> dict[str, Any]:
    """Files of a checkpoint that is only looked at."""
    card = f"license: {licence}\n" + (f"base_model: {base}\n" if base else "") + more
    return {
        "README.md": f"---\n{card}---\n# A model\n",
        "config.json": json.dumps({**CONFIG, **config}),
        "tokenizer_config.json": json.dumps(CHAT if chat else {}),
        "model.safetensors": WEIGHTS,
    }


def adapter(base: str) -> dict[str, Any]:
    return {
        "README.md": f"---\nbase_model: {base}\n---\n",
        "adapter_config.json": json.dumps({"base_model_name_or_path": base, "peft_type": "LORA"}),
        "adapter_model.safetensors": WEIGHTS,
    }


MINE = """# my zoo
[zoo]
store = "elsewhere"  # on the large disk

[families.mine]
title = "Mine"
models = [
  { id = "org/base", regime = "pretrained" },  # the root
  # more to come
]

[suites.s]  # tail
benchmarks = [{ task = "core_qa", metric = "exact_match" }]
"""

SAYS: Mapping[str, tuple[str, list[str]]] = {
    # name -> (folder, command); one process runs them in this order
    "lineage": ("lineage", ["add", "org/chat-DPO"]),
    "again": ("lineage", ["add", "org/chat-DPO"]),
    "at another revision": ("lineage", ["add", "org/base", "--revision", "step-10"]),
    "tree": ("lineage", ["tree", "base", "--evidence"]),
    "joins": ("joins", ["add", "org/chat-SFT", "--target", "law,medicine"]),
    "typo": ("dry", ["add", "org/chat-SFT", "--dry-run", "--target", "lw,medicine"]),
    "dry": ("dry", ["add", "org/chat-SFT", "--dry-run"]),
    "json": ("json", ["add", "org/chat-SFT", "--json"]),
    "branch": ("branch", ["add", "org/ckpts@it-soup-APO", "--base", "org/base"]),
    "second branch": (
        "branch",
        ["add", "org/ckpts@sft", "--base", "org/ckpts@it-soup-APO", "--regime", "fine-tuned"],
    ),
    "pinned": ("pinned", ["add", "org/base", "--revision", "step-10"]),
    "adapter": ("adapter", ["add", "org/lora"]),
    "tie": ("tie", ["add", "org/a-base-it-ft-chat"]),
    "settled": ("settled", ["add", "org/a-base-it-ft-chat", "--regime", "instruction-tuned"]),
    "no regime": ("none", ["add", "org/base", "--regime", "instruct-tuned"]),
    "circle": ("circle", ["add", "org/one"]),
    "gated parent": ("gated parent", ["add", "org/of-gated"]),
    "missing parent": ("missing parent", ["add", "org/of-missing"]),
    "merge": ("merge", ["add", "org/merged"]),
    "code": ("code", ["add", "org/code"]),
    "by hand": (
        "by hand",
        ["add", "lomahony/eleuther-pythia410m-hh-sft", "--base", "EleutherAI/pythia-410m"],
    ),
    "plugin's family": ("plugin", ["add", "me/finer", "--family", "pythia-410m"]),
    "broken file": ("broken", ["add", "org/base"]),
    "gated": ("none", ["add", "org/gated"]),
    "missing": ("none", ["add", "org/gone"]),
    "private": ("none", ["add", "other/private"]),
    "no revision": ("none", ["add", "org/base", "--revision", "nowhere"]),
    "no branch": ("none", ["add", "org/base@nowhere"]),
    "no checkpoint": ("none", ["add", "org/stages"]),
    "hostile": ("hostile", ["add", "org/hostile"]),
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with loopback_hub() as hub:
        hub.add_repo("model", "org/base", repository(), branches={"step-10": {"x.txt": "10"}})
        hub.add_repo("model", "org/chat-SFT", repository("org/base", chat=True))
        hub.add_repo("model", "org/chat-DPO", repository("org/chat-SFT", chat=True))
        hub.add_repo(
            "model",
            "org/ckpts",
            repository(),
            branches={"it-soup-APO": {"x.txt": "apo"}, "sft": {"x.txt": "sft"}},
        )
        readme = {"README.md": "# Stages are branches"}
        hub.add_repo("model", "org/stages", readme, branches={"step-100": repository()})
        hub.add_repo("model", "org/lora", adapter("org/base"))
        hub.add_repo("model", "org/a-base-it-ft-chat", repository())
        hub.add_repo("model", "org/one", repository("org/two"))
        hub.add_repo("model", "org/two", repository("org/one"))
        hub.add_repo("model", "org/gated", repository(), gated=True)
        hub.add_repo("model", "org/of-gated", repository("org/gated", chat=True))
        hub.add_repo("model", "org/of-missing", repository("org/gone"))
        hub.add_repo("model", "other/private", repository(), private=True)
        hub.add_repo("model", "org/merged", repository("[org/base, org/chat-SFT]"))
        own = {"AutoConfig": "configuration.OwnConfig"}
        hub.add_repo("model", "org/code", repository(model_type="own", auto_map=own))
        hub.add_repo("model", "EleutherAI/pythia-410m", repository())
        hub.add_repo("model", "lomahony/eleuther-pythia410m-hh-sft", repository())
        hub.add_repo("model", "me/finer", repository("EleutherAI/pythia-410m"))
        hostile = 'license: "\\u001b[31m\\"]\\nregime = \\"x\\""\n'
        hub.add_repo("model", "org/hostile", {**repository(), "README.md": f"---\n{hostile}---\n"})
        yield hub


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adding")


@pytest.fixture(scope="module")
def said(hub: Hub, root: Path) -> dict[str, Said]:
    """All commands, said to one Hub by one process without a token."""
    for folder in ("joins", "broken"):
        (root / folder).mkdir()
    (root / "joins" / "zoo.toml").write_text(MINE)
    (root / "broken" / "zoo.toml").write_text("[families\n")
    commands = [(root / folder, argv) for folder, argv in SAYS.values()]
    shows = {**hub.environment(root), "HF_HUB_DISABLE_PROGRESS_BARS": ""}
    return dict(zip(SAYS, say(commands, shows), strict=True))


def written(root: Path, folder: str) -> dict[str, list[dict[str, Any]]]:
    """The models of each family that a zoo.toml holds now."""
    tables = tomllib.loads((root / folder / "zoo.toml").read_text())["families"]
    return {name: table["models"] for name, table in tables.items()}


def test_a_model_is_written_with_all_it_descends_from_pinned(
    said: dict[str, Said], hub: Hub, root: Path
) -> None:
    assert said["lineage"].status == 0, said["lineage"].err
    (family,) = written(root, "lineage").items()

    def commit(name: str) -> str:
        return hub.repo("model", name).head.oid

    shared = {"licence": "apache-2.0", "parameters": 12}
    assert family == (
        "base",
        [
            {"id": "org/base", "regime": "pretrained", "revision": commit("org/base"), **shared},
            {
                "id": "org/chat-SFT",
                "regime": "instruction-tuned",
                "revision": commit("org/chat-SFT"),
                "base_model": "org/base",
                **shared,
            },
            {
                "id": "org/chat-DPO",
                "regime": "RL-tuned",
                "revision": commit("org/chat-DPO"),
                "base_model": "org/chat-SFT",
                **shared,
            },
        ],
    )
    assert "RL-tuned 0.95: its name says 'dpo': direct preference tuning" in said["lineage"].out


def test_a_model_that_stands_there_is_left_as_it_is_and_said(
    said: dict[str, Said], root: Path
) -> None:
    text = (root / "lineage" / "zoo.toml").read_text()
    assert text.count("org/chat-DPO") == 1
    for name, hint in (("again", "is changed there"), ("at another revision", "org/base@step-10")):
        assert said[name].status == 0
        assert said[name].out == ""
        (line,) = said[name].err.splitlines()
        assert "stands in [families.base]" in line
        assert hint in line


def test_the_tree_shows_revision_size_and_licence(said: dict[str, Said]) -> None:
    assert said["tree"].status == 0
    line = next(line for line in said["tree"].out.splitlines() if "org/chat-DPO" in line)
    assert all(part in line for part in ("RL-tuned", "apache-2.0", " 12"))


def test_a_family_that_has_the_parent_is_joined_and_comments_and_order_stay(
    said: dict[str, Said], root: Path
) -> None:
    assert said["joins"].status == 0, said["joins"].err
    text = (root / "joins" / "zoo.toml").read_text()
    added = [line for line in text.splitlines() if "chat-SFT" in line]
    assert len(added) == 1
    assert text.replace(added[0] + "\n", "") == MINE
    assert written(root, "joins")["mine"][-1]["targets"] == ["law", "medicine"]


def test_a_target_that_no_suite_measures_is_said(said: dict[str, Said]) -> None:
    told = said["typo"].out + said["typo"].err
    assert "no suite measures the target 'lw'; did you mean 'law'?" in told
    assert "the target 'medicine'" not in told
    assert "no suite" not in said["joins"].out + said["joins"].err


def test_a_dry_run_shows_what_would_be_written_and_writes_nothing(
    said: dict[str, Said], root: Path
) -> None:
    assert said["dry"].status == 0
    assert "would write [families.base]" in said["dry"].out
    assert not (root / "dry" / "zoo.toml").exists()


def test_the_json_holds_what_was_seen_and_what_was_written(said: dict[str, Said]) -> None:
    found = json.loads(said["json"].out)
    assert (found["family"], found["written"], found["notes"]) == ("base", True, [])
    base, chat = found["models"]
    assert (base["licence"], base["parameters"]) == ("apache-2.0", 12)
    assert chat["sure"]
    assert chat["entry"]["base_model"] == "org/base"
    assert {piece["regime"] for piece in chat["evidence"]} >= {"instruction-tuned", "fine-tuned"}


def test_stages_that_are_branches_of_one_repository_stand_side_by_side(
    said: dict[str, Said], hub: Hub, root: Path
) -> None:
    assert said["second branch"].status == 0, said["second branch"].err
    repo = hub.repo("model", "org/ckpts")
    base, soup, sft = written(root, "branch")["base"]
    assert base["id"] == "org/base"
    assert (soup["id"], soup["revision"]) == ("org/ckpts@it-soup-APO", repo.at("it-soup-APO").oid)
    assert (sft["id"], sft["revision"]) == ("org/ckpts@sft", repo.at("sft").oid)
    assert (soup["base_model"], sft["base_model"]) == ("org/base", "org/ckpts@it-soup-APO")
    assert sft["regime"] == "fine-tuned"


def test_a_revision_is_pinned_to_its_commit(said: dict[str, Said], hub: Hub, root: Path) -> None:
    assert said["pinned"].status == 0
    (model,) = written(root, "pinned")["base"]
    assert model["revision"] == hub.repo("model", "org/base").at("step-10").oid


def test_an_adapter_and_its_base_are_pinned_each_to_its_own_commit(
    said: dict[str, Said], hub: Hub, root: Path
) -> None:
    assert said["adapter"].status == 0, said["adapter"].err
    base, lora = written(root, "adapter")["base"]
    assert lora["revision"] == hub.repo("model", "org/lora").head.oid
    assert lora["loader_args"] == {
        "pretrained": "org/base",
        "revision": base["revision"],
        "peft": "org/lora",
    }
    assert base["revision"] != lora["revision"]


def test_a_tie_is_shown_and_not_written_and_a_regime_that_is_said_is(
    said: dict[str, Said], root: Path
) -> None:
    (tie,) = written(root, "tie").values()
    assert "regime" not in tie[0]
    assert "org/a-base-it-ft-chat is not written: nothing tells" in said["tie"].err
    assert "--regime" in said["tie"].err
    (settled,) = written(root, "settled").values()
    assert settled[0]["regime"] == "instruction-tuned"
    assert said["settled"].err == ""


def test_an_ancestor_that_cannot_be_read_is_said_and_the_rest_is_kept(
    said: dict[str, Said], root: Path
) -> None:
    for name, remedy in (
        ("gated parent", "org/gated is gated; accept its terms on the Hub, then set HF_TOKEN"),
        (
            "missing parent",
            "there is no model org/gone on the Hub (if it is private, set HF_TOKEN)",
        ),
    ):
        assert said[name].status == 0
        (line,) = said[name].err.splitlines()
        assert "is left out" in line
        assert remedy in line
        (models,) = written(root, name).values()
        assert len(models) == 1
        assert models[0]["base_model"] in line


def test_models_that_name_each_other_are_cut_apart_and_the_file_can_be_read(
    said: dict[str, Said], root: Path
) -> None:
    assert said["circle"].status == 0, said["circle"].err
    assert "org/one -> org/two -> org/one" in said["circle"].err
    two, one = next(iter(written(root, "circle").values()))
    assert (one["id"], one["base_model"], two["base_model"]) == ("org/one", "org/two", [])


def test_a_merge_has_all_its_parents_above_it(said: dict[str, Said], root: Path) -> None:
    assert said["merge"].status == 0, said["merge"].err
    models = {model["id"]: model for model in written(root, "merge")["base"]}
    assert list(models) == ["org/base", "org/chat-SFT", "org/merged"]
    assert models["org/merged"]["base_model"] == ["org/base", "org/chat-SFT"]
    assert models["org/merged"]["regime"] == "merged"


def test_code_of_a_repository_is_said_with_what_would_pin_it(
    said: dict[str, Said], hub: Hub
) -> None:
    commit = hub.repo("model", "org/code").head.oid
    assert f'loader_args = {{ trust_remote_code = "{commit}" }}' in said["code"].out


def test_a_parent_may_be_given_by_hand(said: dict[str, Said], root: Path) -> None:
    assert said["by hand"].status == 0, said["by hand"].err
    base, sft = written(root, "by hand")["pythia-410m-2"]
    assert (base["id"], sft["base_model"]) == ("EleutherAI/pythia-410m", "EleutherAI/pythia-410m")
    assert sft["regime"] == "instruction-tuned"


def test_the_family_of_a_plugin_is_joined_with_all_its_models(
    said: dict[str, Said], root: Path
) -> None:
    assert said["plugin's family"].status == 0, said["plugin's family"].err
    models = written(root, "plugin")["pythia-410m"]
    assert [set(model) for model in models[:3]] == [{"id"}] * 3
    assert models[-1]["id"] == "me/finer"
    assert "family of the plugin catalogue" in said["plugin's family"].err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gated", "org/gated is gated; accept its terms on the Hub, then set HF_TOKEN"),
        ("missing", "there is no model org/gone on the Hub (if it is private, set HF_TOKEN)"),
        ("private", "there is no model other/private on the Hub (if it is private, set HF_TOKEN)"),
        ("no revision", "org/base has no revision 'nowhere'"),
        ("no branch", "org/base has no revision 'nowhere'"),
        (
            "no regime",
            "there is no regime named 'instruct-tuned'; did you mean 'instruction-tuned'",
        ),
        ("no checkpoint", "at main; name a revision that does, as in org/stages@step-100"),
        ("broken file", "is not valid TOML"),
    ],
)
def test_what_cannot_be_added_is_one_sentence_and_writes_nothing(
    said: dict[str, Said], root: Path, name: str, sentence: str
) -> None:
    assert said[name].status == 2
    assert len(said[name].err.splitlines()) == 1, said[name].err
    assert sentence in said[name].err
    assert not (root / "none" / "zoo.toml").exists()
    assert (root / "broken" / "zoo.toml").read_text() == "[families\n"


def test_a_hostile_card_is_text_in_the_file_and_in_the_terminal(
    said: dict[str, Said], root: Path
) -> None:
    assert said["hostile"].status == 0, said["hostile"].err
    (models,) = written(root, "hostile").values()
    assert models[0]["licence"].startswith("\x1b[31m")
    assert "\x1b" not in said["hostile"].out
    assert models[0]["regime"] != "x"


def test_a_hub_that_is_silent_or_switched_off_is_one_sentence_and_the_cache_serves(
    said: dict[str, Said], hub: Hub, root: Path
) -> None:
    assert said["lineage"].status == 0
    offline = {**hub.environment(root), "HF_HUB_OFFLINE": "1"}
    there = (root / "offline", ["add", "org/chat-SFT"])
    gone = (root / "none", ["add", "org/gone"])
    cached, uncached = say([there, gone], offline)
    assert (cached.status, cached.err) == (0, "")
    models = written(root, "offline")["base"]
    assert [model["revision"] for model in models] == [
        hub.repo("model", name).head.oid for name in ("org/base", "org/chat-SFT")
    ]
    assert uncached.status == 2
    assert len(uncached.err.splitlines()) == 1
    assert "is not in the cache and the Hub cannot be reached" in uncached.err
