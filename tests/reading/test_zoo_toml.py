"""zoo.toml: every mistake in it is one sentence with file, key and remedy."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.cli import main
from zoo.config import File, PromptingChange, find_config, read_config
from zoo.errors import ConfigError
from zoo.structuring import read

MODEL = 'models = [{ id = "org/a", regime = "pretrained" }]'
BENCHMARK = '{ task = "arc_easy", metric = "acc" }'

MISTAKES = {
    "unknown table": ("[zo]", "zo: this key is not known; did you mean 'zoo'?"),
    "unknown key of [zoo]": ('[zoo]\nstor = "x"', "zoo.stor: this key is not known; did you mean"),
    "unknown key of [plugins]": ("[plugins]\nblok = []", "plugins.blok: .* did you mean 'block'"),
    "unknown key of a family": (
        f"[families.f]\n{MODEL}\nsuit = 'core'",
        "families.f.suit: .* did you mean 'suite'",
    ),
    "unknown key of a model": (
        '[families.f]\nmodels = [{ id = "a", regim = "pretrained" }]',
        r"families.f.models\[0\].regim: .* did you mean 'regime'",
    ),
    "unknown key of a model's prompting": (
        '[families.f]\nmodels = [{ id = "a", prompting = { template = "x" } }]',
        r"families.f.models\[0\].prompting.template: .* did you mean 'chat_template'",
    ),
    "unknown key of prompting": (
        "[prompting.RL-tuned]\nthinking = true",
        "prompting.RL-tuned.thinking: .* did you mean 'enable_thinking'",
    ),
    "unknown key of a suite": (
        f"[suites.mine]\nbenchmarks = [{BENCHMARK}]\ntitel = 'x'",
        "suites.mine.titel: .* did you mean 'title'",
    ),
    "unknown key of a benchmark": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", fewshot = 1 }]',
        r"suites.mine.benchmarks\[0\].fewshot: .* did you mean 'num_fewshot'",
    ),
    "unknown key of a leaderboard": (
        "[leaderboards.main]\nsuit = 'x'",
        "leaderboards.main.suit: .* did you mean 'suite'",
    ),
    "unknown key of publish": ("[publish.hub]\nrep = 'x'", "publish.hub.rep: .* mean 'repo'"),
    "a missing key": ("[publish.hub]", "publish.hub.repo: this key is missing, add it"),
    "a model without id": ("[families.f]\nmodels = [{}]", r"models\[0\].id: this key is missing"),
    "a benchmark without metric": (
        '[suites.mine]\nbenchmarks = [{ task = "a" }]',
        r"suites.mine.benchmarks\[0\].metric: this key is missing",
    ),
    "a number for a text": ("[zoo]\nstore = 3", "zoo.store: 3 is a whole number, wanted a string"),
    "a text for a list": (
        '[plugins]\nblock = "nano"',
        "plugins.block: 'nano' is a string, wanted a list",
    ),
    "a text for a number": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", num_fewshot = "3" }]',
        r"benchmarks\[0\].num_fewshot: '3' is a string, wanted a whole number",
    ),
    "a number for true or false": (
        "[prompting.RL-tuned]\nenable_thinking = 1",
        "prompting.RL-tuned.enable_thinking: 1 is a whole number, wanted true or false",
    ),
    "true for a number": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", chance = true }]',
        r"chance: True is true or false, wanted a number",
    ),
    "a list for a table": ("families = []", r"families: \[\] is a list, wanted a table"),
    "a table for a list": ("[families.f.models]\nid = 'a'", "families.f.models: .* is a table"),
    "a date where only JSON can stand": (
        "[prompting.RL-tuned]\ngen_kwargs = { since = 2024-01-01 }",
        "prompting.RL-tuned.gen_kwargs.since: .* is a date, wanted a string, a number",
    ),
    "nan where only JSON can stand": (
        "[prompting.RL-tuned]\ngen_kwargs = { temperature = nan }",
        "gen_kwargs.temperature: nan is no finite number",
    ),
    "broken TOML": ("[zoo\nstore = 1", "is not valid TOML: .*line 1"),
    "a key twice": ('[zoo]\nstore = "a"\nstore = "b"\n', "is not valid TOML: .*line 3"),
    "a number of 5,000 digits": (f"[zoo]\nx = {'1' * 5000}", "is not valid TOML"),
    "a bottomless list": ("x = " + "[" * 100_000, "is not valid TOML"),
    "bytes that are no text": ("[zoo]\nstore = '\udcff'", "cannot be read: .*utf-8"),
    "unknown axis": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", axis = "generl" }]',
        r"benchmarks\[0\].axis: 'generl' is none of general, special; did you mean 'general'",
    ),
    "unknown policy": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", policy = "opne" }]',
        r"benchmarks\[0\].policy: 'opne' is none of .* did you mean 'open'",
    ),
    "a chance above 1": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", chance = 25 }]',
        r"benchmarks\[0\].chance: 25.0 is not from 0 to below 1",
    ),
    "fewer shots than none": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", num_fewshot = -1 }]',
        r"benchmarks\[0\].num_fewshot: -1 is below 0",
    ),
    "no repeats": (
        '[suites.mine]\nbenchmarks = [{ task = "a", metric = "acc", repeats = 0 }]',
        r"benchmarks\[0\].repeats: 0 is below 1",
    ),
    "an empty suite": (
        "[suites.mine]\nbenchmarks = []",
        "suites.mine.benchmarks: .* name at least",
    ),
    "a suite of another name": (
        f"[suites.mine]\nname = 'other'\nbenchmarks = [{BENCHMARK}]",
        "suites.mine.name: 'other' is not 'mine'; leave the name out",
    ),
    "a benchmark twice": (
        f"[suites.mine]\nbenchmarks = [{BENCHMARK}, {BENCHMARK}]",
        r"benchmarks\[1\]: asks arc_easy \(acc, none\) .* as benchmarks\[0\]; remove one",
    ),
    "a benchmark without a name": (
        '[suites.mine]\nbenchmarks = [{ task = "", metric = "acc" }]',
        r"benchmarks\[0\].task: '' is no name",
    ),
    "an empty family": ("[families.f]\nmodels = []", "families.f.models: .* name at least one"),
    "a model twice": (
        '[families.f]\nmodels = [{ id = "a" }, { id = "a" }]',
        r"families.f.models\[1\].id: a is models\[0\] already",
    ),
    "a model that is its own parent": (
        '[families.f]\nmodels = [{ id = "a", base_model = "a" }]',
        r"families.f.models\[0\].base_model: a descends from itself; name another",
    ),
    "a circle of models": (
        '[families.f]\nmodels = [{ id = "a", base_model = "c" }, '
        '{ id = "b", base_model = "a" }, { id = "c", base_model = ["x", "b"] }]',
        r"families.f.models\[0\].base_model: a descends from itself",
    ),
    "a parent in other letters": (
        '[families.f]\nmodels = [{ id = "Org/A" }, { id = "b", base_model = "org/a" }]',
        r"families.f.models\[1\].base_model: there is no 'org/a'; did you mean 'Org/A'\?",
    ),
    "a parent folder spelt in another way": (
        '[families.f]\nmodels = [{ id = "./a" }, { id = "./b", base_model = "a/" }]',
        r"families.f.models\[1\].base_model: there is no 'a/'; did you mean './a'\?",
    ),
    "fewer GPUs than none": (
        '[families.f]\nmodels = [{ id = "a", gpus = -1 }]',
        r"families.f.models\[0\].gpus: -1 is below 0",
    ),
    "two promptings for one model": (
        '[families.f]\nmodels = [{ id = "a", prompting = { chat_template = "none" } }]\n'
        '[families.g]\nmodels = [{ id = "a" }]',
        r"families.g.models\[0\].prompting: a stands in another family too .* the same in both",
    ),
    "a name that cannot be shown": (
        '[families."a\\nb"]\nmodels = [{ id = "a" }]',
        r'families."a\\nb": .* is no name',
    ),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_with_file_key_and_remedy_and_status_2(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "zoo.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert main(["families", "--config", str(path)]) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert len(seen.err.splitlines()) == 1
    assert str(path) in seen.err
    assert re.search(said, seen.err)
    assert len(seen.err) < 400


def test_the_command_itself_exits_with_2_and_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "zoo.toml").write_text("[zoo]\nstor = 'x'")
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    sentence = f"zoo: {tmp_path}/zoo.toml: zoo.stor: this key is not known; did you mean 'store'?"
    assert done.stderr.strip() == sentence


def test_a_configuration_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file .*; `zoo init` writes one"):
        read_config(tmp_path / "other.toml")


def test_the_file_is_found_upward_and_paths_are_meant_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "zoo.toml").write_text(
        '[zoo]\nstore = "out"\n[families.f]\nmodels = [{ id = "./ckpt" }, { id = "local" }, '
        '{ id = "org/name" }, '
        '{ id = "l", loader_args = { peft = "./lora", pretrained = "org/base" } }]'
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    config = read_config(start=below)
    assert config.path == tmp_path / "zoo.toml"
    assert config.store == tmp_path / "out"
    ckpt, local, hub, lora = config.families["f"].models
    assert ckpt.id == "./ckpt"
    assert ckpt.loader_args == {"pretrained": str(tmp_path / "ckpt")}
    assert local.loader_args == {"pretrained": str(tmp_path / "local")}
    assert hub.loader_args == {}
    assert lora.loader_args == {"peft": str(tmp_path / "lora"), "pretrained": "org/base"}


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    (tmp_path / "zoo.toml").write_text("")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "zoo.toml").write_text("")
    assert find_config(tmp_path / "a") == tmp_path / "a" / "zoo.toml"


def test_without_a_file_the_embedded_zoo_is_used(tmp_path: Path) -> None:
    if find_config(tmp_path):
        pytest.skip("there is a zoo.toml above the temporary folder")
    config = read_config(start=tmp_path)
    assert config.path is None
    assert not config.families
    assert config.store == tmp_path / "results"


def test_a_byte_order_mark_and_a_home_folder_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "zoo.toml"
    path.write_text(
        '[zoo]\nstore = "~/r"\n[families.f]\nmodels = [{ id = "~/c" }]', encoding="utf-8-sig"
    )
    config = read_config(path)
    assert config.store == tmp_path / "home" / "r"
    assert config.families["f"].models[0].loader_args["pretrained"] == str(tmp_path / "home" / "c")


def test_what_zoo_init_writes_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    config = read_config()
    assert config.path == tmp_path / "zoo.toml"
    assert not config.families


def uncommented(text: str) -> str:
    """The file with its examples in force: comments that are TOML stand without their mark."""
    lines = []
    table = False
    for line in text.splitlines():
        bare = line.removeprefix("# ").removeprefix("#")
        starts = re.match(r"(\[[\w.-]+\]$|\w+ = )", bare)
        table = bool(starts) or (table and bare.startswith(("  ", "]")))
        lines.append(bare if line.startswith("#") and table else line)
    return "\n".join(lines)


def test_the_commented_examples_of_zoo_init_are_read_too(tmp_path: Path) -> None:
    text = uncommented(files("zoo").joinpath("default.toml").read_text("utf-8"))
    # `block` and `only` are alternatives, and nothing forbids both
    (tmp_path / "zoo.toml").write_text(text, encoding="utf-8")
    config = read_config(tmp_path / "zoo.toml")
    assert (config.executor, config.loader) == ("local", "torch")
    assert config.plugins.only
    assert config.plugins.block
    assert config.plugins.pick
    assert [len(family.models) for family in config.families.values()] == [3]
    assert config.prompting["RL-tuned"].enable_thinking is True
    assert config.prompting["RL-tuned"].gen_kwargs == {"max_gen_toks": 8192}
    assert len(config.suites["mine"].benchmarks) == 2
    assert config.leaderboards["main"].suite == "mine"
    assert config.publish["hub"].repo == "org/results"


def test_every_part_is_read_into_its_place(tmp_path: Path) -> None:
    (tmp_path / "zoo.toml").write_text(
        """
        [families.f]
        suite = "mine"
        models = [
          { id = "a", regime = "pretrained", revision = "main" },
          { id = "b", base_model = "a", targets = ["law"], prompting = { chat_template = "none" } },
          { id = "m", base_model = ["a", "b"], step = 7, seed = 1, gpus = 2, loader = "hf" },
        ]
        [suites.mine]
        benchmarks = [{ task = "arc_easy", metric = "acc", gen_kwargs = { until = ["x"] } }]
        """
    )
    config = read_config(tmp_path / "zoo.toml")
    a, b, merged = config.families["f"].models
    assert (a.revision, a.parents, a.targets) == ("main", (), None)
    assert (b.parents, b.targets) == (("a",), ("law",))
    assert merged.parents == ("a", "b")
    assert (merged.step, merged.seed, merged.gpus, merged.loader) == (7, 1, 2, "hf")
    assert config.model_prompting == {"b": PromptingChange(chat_template="none")}
    (benchmark,) = config.suites["mine"].benchmarks
    assert benchmark.capability == "arc_easy"
    assert benchmark.gen_kwargs == {"until": ["x"]}


KEYS = st.sampled_from(
    "zoo store executor loader plugins block only pick families f models id regime base_model "
    "targets loader_args prompting gen_kwargs chat_template suites benchmarks task metric axis "
    "chance num_fewshot leaderboards publish repo suite revision step".split()
) | st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(["general", "special", "a"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


def refusal(question: Callable[[], object]) -> str | None:
    """What is said of a wrong configuration; None where it is read. Nothing else may be raised."""
    try:
        question()
    except ConfigError as problem:
        return str(problem)
    return None


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_any_table_is_read_or_refused_in_one_sentence(table: Any) -> None:
    said = refusal(lambda: read(File, table, "zoo.toml"))
    assert said is None or said.startswith("zoo.toml: ")
    assert said is None or len(said.splitlines()) == 1


LINES = [
    "[zoo]",
    "[families.f]",
    "[suites.s]",
    "[prompting.x]",
    MODEL,
    f"benchmarks = [{BENCHMARK}]",
    'store = "x"',
    "gen_kwargs = {}",
    "title = 'x'",
    "[[",
    "=",
    "]",
    "\0",
]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(st.sampled_from(LINES)), rest=st.text(max_size=10))
def test_any_text_is_read_or_refused(tmp_path: Path, lines: list[str], rest: str) -> None:
    path = tmp_path / "zoo.toml"
    path.write_bytes("\n".join([*lines, rest]).encode("utf-8", "surrogatepass"))
    said = refusal(lambda: read_config(path))
    assert said is None or str(path) in said
    assert said is None or len(said.splitlines()) == 1
