"""Every snippet of README and docs runs as printed, in the order of its page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hub import loopback_hub
from snippets import Shown, commands_of, snippets_of
from support.endpoint import Weights, serving
from support.environments import Environment

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
INSTALLING = [
    ROOT / "docs" / "first-plugin.md",
    ROOT / "docs" / "how-to" / "write-a-plugin.md",
]
"""Pages that change the environment they are followed in: they get one of their own."""
PUBLISHING = [ROOT / "docs" / "how-to" / "publish.md"]
"""Pages that speak to the Hub: they are followed beside one of this machine's own, as `me`."""
FOLLOWED = [
    page
    for page in PAGES
    if "reference" not in page.parts
    and page not in (*INSTALLING, *PUBLISHING)
    and snippets_of(page)
]
SERVED = ROOT / "docs" / "how-to" / "endpoints.md"
"""A page whose reader has a server of two stages, and the tokenizer of one beside the zoo.toml."""
WEIGHTS = ROOT / "plugins" / "zoo_nano" / "weights"
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What every page shares: caches of its own, `zoo` on the path, no network."""
    home = tmp_path_factory.mktemp("docs-home")
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
    }


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_reader_can_follow_the_page(
    page: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Files are written, commands and Python run, each where the page before left off."""
    if page != SERVED:
        follow(page, tmp_path, environment, sys.executable)
        return
    shutil.copytree(WEIGHTS / "pretrained", tmp_path / "tokenizer")
    stages = {"base": Weights(WEIGHTS / "pretrained"), "chat": Weights(WEIGHTS / "instruct")}
    with serving(stages) as server:
        told = {**environment, "OPENAI_BASE_URL": server.url}
        follow(page, tmp_path, told, sys.executable)


@pytest.mark.parametrize("page", PUBLISHING, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_reader_can_follow_the_page_with_a_hub(
    page: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    with loopback_hub() as hub:
        speaking = hub.environment(tmp_path, hub.add_user("me"))
        path = {name: environment[name] for name in ("PATH", "XDG_CACHE_HOME", "COLUMNS")}
        follow(page, tmp_path, {**speaking, **path}, sys.executable)


@pytest.mark.install
@pytest.mark.parametrize("page", INSTALLING, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_reader_can_follow_the_page_in_a_new_environment(
    page: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Where stagezoo was just installed; pip is told by its environment that it has no network."""
    made = Environment(tmp_path / "new")
    made.install("--editable", ROOT)
    programs = made.folder / "bin"
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    path = {"PATH": os.pathsep.join([str(programs), os.environ["PATH"]])}
    folder = tmp_path / "reader"
    folder.mkdir()
    follow(page, folder, {**environment, **offline, **path}, str(programs / "python"))


def follow(page: Path, tmp_path: Path, environment: dict[str, str], python: str) -> None:
    """What a reader does with the page, in a folder of its own."""
    for snippet in snippets_of(page):
        where = f"{page.name}:{snippet.line}"
        if snippet.kind == "file":
            target = tmp_path / snippet.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(snippet.body, encoding="utf-8")
        elif snippet.kind == "python":
            run(Shown([python, "-c", snippet.body], []), tmp_path, environment, where)
        else:
            for shown in commands_of(snippet):
                run(shown, tmp_path, environment, where)


def run(shown: Shown, folder: Path, environment: dict[str, str], where: str) -> None:
    """Runs a command; what the page shows of its output must be there."""
    done = subprocess.run(
        shown.words,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 0, (
        f"{where}: {shown.words} ended with {done.returncode}: {said[-2000:]}"
    )
    for line in shown.lines:
        wanted = " ".join(line.split())
        if wanted != "...":
            assert wanted in said, (
                f"{where}: {shown.words} did not print {line!r}, but {said[-3000:]}"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
