"""What is built is what works: wheel and editable install, each in an environment of its own."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.environments import Environment, command

import zoo

pytestmark = pytest.mark.install

CHECKOUT = Path(zoo.__file__).parents[1]
PLUGINS = set(
    """benchmarks catalogue finetuned instruct masked merged multimodal nano openai peft pretrained
    probes quantized rag ray rl seq2seq trackers trl vllm""".split()
)

if not (CHECKOUT / "pyproject.toml").is_file():
    pytest.skip("zoo is not run from a checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built from, so that building leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
    for name in ("zoo", "plugins", "benchmarks", "tests"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    command(sys.executable, *build, source)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module", params=["wheel", "editable"])
def environment(
    request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment in which zoo is installed, from the wheel or as an editable checkout."""
    made = Environment(tmp_path_factory.mktemp(request.param))
    if request.param == "wheel":
        made.install(request.getfixturevalue("wheel"))
        assert made.place().is_relative_to(made.folder)
    else:
        made.install("--editable", source)
        assert made.place() == source / "zoo"
    return made


def names(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


def test_all_first_party_plugins_are_found_and_well(environment: Environment) -> None:
    rows = environment.zoo("plugins")
    assert names(rows) >= PLUGINS
    own = [row for row in rows if row["distribution"] == "stagezoo"]
    assert names(own) == PLUGINS
    assert {(row["status"], row["reason"]) for row in own} == {("ok", "")}


def test_the_core_suite_is_found_whole(environment: Environment) -> None:
    (core,) = [row for row in environment.zoo("suites") if row["name"] == "core"]
    assert core["benchmarks"] == 10


WEIGHTS = CHECKOUT / "plugins" / "zoo_nano" / "weights"


def test_the_embedded_family_is_found_with_its_folders(environment: Environment) -> None:
    assert "nano" in names(environment.zoo("families"))
    models = [each for each in environment.zoo("models") if each["plugin"] == "nano"]
    assert models
    assert all(Path(model["path"]).is_dir() for model in models)
    place = environment.place().parent
    assert all(Path(model["path"]).is_relative_to(place) for model in models)


def test_the_wheel_holds_all_that_is_needed_and_no_tests(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())

    def shipped(folder: str, package: str, pattern: str) -> set[str]:
        root = CHECKOUT / folder
        paths = (path for path in root.glob(pattern) if path.is_file())
        return {
            f"{package}/{path.relative_to(root)}"
            for path in paths
            if "__pycache__" not in path.parts
        }

    wanted = {
        *shipped("zoo", "zoo", "**/*.py"),
        *shipped("zoo", "zoo", "reporting/*.j2"),
        *shipped("zoo", "zoo", "reporting/*.json"),
        *shipped("zoo", "zoo", "authoring/templates/**/*"),
        *shipped("benchmarks", "zoo_benchmarks", "suites/*.toml"),
        *shipped("benchmarks", "zoo_benchmarks", "tasks/**/*"),
        *shipped("plugins/zoo_nano", "zoo_nano", "weights/**/*"),
        *shipped("plugins", ".", "zoo_*/**/*.py"),
    }
    wanted = {name.removeprefix("./") for name in wanted}
    assert {"zoo/py.typed", "zoo/default.toml", *wanted} <= held
    assert any(name.endswith("tradeoff.schema.json") for name in held)
    ours = {name for name in held if not name.startswith("zoo/authoring/templates/")}
    assert not [name for name in ours if "test" in Path(name).parts[0] or "/tests/" in name]
