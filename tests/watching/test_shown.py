"""What people and machines see of a watch."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.zoos import TinyZoo

from watching.training import save_step
from zoo.cli import main
from zoo.cli.watch import published
from zoo.courses import Course, Point, Reading
from zoo.effects import Estimate, Shift
from zoo.errors import ConfigError, PublishError
from zoo.executors import builtins
from zoo.hookspecs import Publisher
from zoo.host import Host
from zoo.reporting.course import format_of, picture
from zoo.reporting.course.chart import figure_of
from zoo.reporting.course.table import print_course
from zoo.reporting.terminal import captured
from zoo.watching.neighbours import choose_device, quiet_gpu


def course(changes: list[float], name: str = "checkpoint") -> Course:
    """A course whose changes of G are these, each with a standard error of 1 point."""
    found = Course("out", f"runs/{name}", "core", ("sums", "facts"), ("uniform",), "org/parent")
    parts = {name: Estimate(0.2, 0.1, 0.3) for name in ("sums", "facts")}
    start = Reading(Estimate(0.7, 0.6, 0.8), Estimate(0.1, 0.0, 0.2), parts)
    base = Point(0, "org/parent", "org/parent", None, {"uniform": start}, "", "")
    found = Course(**{**vars(found), "base": base})
    for number, change in enumerate(changes):
        p = 1e-9 if abs(change) > 0.05 else 0.5
        shift = Shift(change, 0.01, change - 0.02, change + 0.02, p)
        read = Reading(Estimate(0.7 + change, 0.6, 0.8), Estimate(0.2, 0.1, 0.3), parts, shift)
        step = 100 * (number + 1)
        point = Point(step, f"{name}-{step}", f"m{step}", None, {"uniform": read}, "", str(step))
        found = found.with_point(point)
    return found


def test_the_mark_is_in_the_table_the_chart_and_the_page() -> None:
    found = course([0.0, -0.1, -0.2])
    text = captured(lambda console: print_course(found, console), 120)
    marked = [line for line in text.splitlines() if "◄ G falls" in line]
    assert [line.split()[0] for line in marked] == ["200"]
    assert "from step 200 on" in text
    (panel,) = figure_of(found).panels
    assert '"step": 200' in json.dumps(panel.spec)
    assert "G falls from step 200 on" in panel.alt
    page = picture(found, ".html").decode()
    assert "from step 200 on" in page
    assert b"<svg" in picture(found, ".svg")
    assert "not shown to be below" in picture(course([0.0, 0.0]), ".html").decode()


def test_a_page_asks_for_nothing_and_loads_itself_again_only_while_the_watch_goes_on() -> None:
    found = course([0.0])
    page = picture(found, ".html").decode()
    assert 'http-equiv="refresh"' not in page
    assert 'http-equiv="refresh" content="10"' in picture(found, ".html", 10.0).decode()
    assert "default-src 'none'" in html.unescape(page)
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_names_of_folders_are_text() -> None:
    found = course([-0.1], "<script>alert(1)</script>\x1b[31m")
    page = picture(found, ".html", 1.0).decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in captured(lambda console: print_course(found, console), 200)


def test_a_narrow_table_leaves_out_the_targets_first() -> None:
    found = course([-0.1])
    wide = captured(lambda console: print_course(found, console), 140)
    narrow = captured(lambda console: print_course(found, console), 70)
    assert "sums" in wide.split("S is over")[0]
    assert "sums" not in narrow.split("S is over")[0]
    assert "−10.0*" in narrow


def test_a_picture_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"end the name with .html or .svg"):
        format_of(Path("a.png"))


def test_a_gpu_is_quiet_where_hardly_any_memory_is_taken() -> None:
    assert quiet_gpu("GPU-a, 9000, 80000\n") is None
    assert quiet_gpu("GPU-a, [N/A], 80000\nGPU-b, 7, 80000\n") == "GPU-b"
    assert quiet_gpu("") is None
    assert choose_device("cuda:1") == ("cuda:1", "")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[list[str]]:
    """A command line for a folder of two checkpoints, one of them half written."""
    root = tmp_path_factory.mktemp("watched")
    zoo = TinyZoo(root)
    zoo.write_tasks()
    zoo.model("base", base, "pretrained")
    zoo.measure("tiny_choice", axis='"general"', capability='"knowledge"', chance="0.33")
    zoo.measure("tiny_shots", axis='"special"', capability='"reports"', chance="0.33")
    zoo.extra = '[publish.notes]\nrepo = "org/notes"'
    (root / "out").mkdir()
    save_step(root / "out", base, 10, 0.01)
    half = save_step(root / "out", base, 20, 0.02)
    (half / "config.json").unlink()
    given = ["--include-path", str(zoo.tasks), "--config", str(zoo.write()), "--no-plugins"]
    given += ["--base", "./base", "--suite", "mine", "--device", "cpu", "--interval", "0.1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr("os.nice", lambda _: 0)  # it would stay with all tests after this one
        yield ["watch", "out", "--once", "--threads", "1", *given]


def test_json_is_one_object_for_each_checkpoint_and_a_log_ends_with_the_table(
    words: list[str], capsys: Any
) -> None:
    assert main([*words, "--json", "--output", "seen.svg"]) == 0
    said = capsys.readouterr()
    (row,) = [json.loads(line) for line in said.out.splitlines()]
    assert (row["step"], row["name"], row["failed"]) == (10, "checkpoint-10", [])
    reading = row["protocols"]["uniform"]
    assert set(reading["capabilities"]) == {"reports"}
    assert reading["change"]["level"] == 0.0125
    assert "checkpoint-10 (" in said.err
    assert "left out: checkpoint-20: it is not complete: it holds neither config.json" in said.err
    assert Path("seen.svg").read_text("utf-8").startswith("<svg")
    shutil.rmtree("out/checkpoint-10")
    assert main([*words, "--output", "seen.html"]) == 0, "what was measured is still there"
    said = capsys.readouterr()
    assert "checkpoint-10" in said.out
    assert "picture: seen.html" in said.out


def test_a_checkpoint_is_given_to_a_publisher_and_what_does_not_land_is_said(
    words: list[str],
) -> None:
    given: list[tuple[str, bytes]] = []

    def take(bundle: Any, target: str) -> str:
        if given:
            raise PublishError("it is closed")
        given.append((target, b"".join(bundle.files.values())))
        return "here"

    brought = {**builtins(), "publishers": (Publisher("notes", take),)}
    host = Host(config_path=Path("zoo.toml"), plugins_enabled=False, builtins=brought)
    assert published(host, "notes", "out/checkpoint-10", "mine") == []
    (sent,) = given
    assert sent[0] == "org/notes"
    assert b"checkpoint-10" in sent[1]
    (said,) = published(host, "notes", "out/checkpoint-10", "mine")
    assert "it is closed" in said
    assert main([*words, "--publish", "note"]) == 2, "a name that nobody brings is refused at once"
