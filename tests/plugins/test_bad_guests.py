"""Every kind of bad guest, all installed at once, beside one that is good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from guesthouse import REGIME, Guests

HOOK = "from zoo import hookimpl\n"


class Guest(NamedTuple):
    """A distribution, and what must be said of it."""

    source: str
    status: str
    reason: str
    name: str = ""
    requires: str = "stagezoo"


GUESTS = {
    "unimportable": Guest("import no_such_module_anywhere", "broken", "No module named"),
    "quitter": Guest("import sys\nsys.exit(3)", "broken", "its import calls sys.exit(3)"),
    "vanisher": Guest(
        "import os\nos._exit(0)", "broken", "ended the interpreter with exit status 0"
    ),
    "crasher": Guest("import os\nos.abort()", "broken", "crashed the interpreter (SIGABRT)"),
    "printer": Guest("print('welcome!')", "broken", "prints to standard output ('welcome!')"),
    "raiser": Guest(
        HOOK + "@hookimpl\ndef zoo_regimes():\n    raise KeyError('lost')\n",
        "broken",
        "zoo_regimes raised KeyError: 'lost'",
    ),
    "hook-quitter": Guest(
        HOOK + "import sys\n@hookimpl\ndef zoo_regimes():\n    sys.exit('enough')\n",
        "broken",
        "zoo_regimes raised SystemExit: enough",
    ),
    "babbler": Guest(
        HOOK + "@hookimpl\ndef zoo_regimes():\n    return 42\n",
        "broken",
        "zoo_regimes returned an int, not a list of Regime",
    ),
    "half-babbler": Guest(
        REGIME.format(name="half").replace("return [", "return ['half', "),
        "broken",
        "zoo_regimes returned a list with a str in it, not a list of Regime",
    ),
    "wrong-field": Guest(
        REGIME.format(name="wrong").replace("25,", "'first',"),
        "broken",
        "zoo_regimes returned a Regime whose order is a str, not int",
    ),
    "overconfident": Guest(
        HOOK + "from zoo.models import Evidence\n@hookimpl\ndef zoo_classify(facts):\n"
        "    return [Evidence('pretrained', 7.0, 'I know')]\n",
        "broken",
        "zoo_classify returned a confidence of 7.0, which is not within 0..1",
    ),
    "misspeller": Guest(
        HOOK + "@hookimpl\ndef zoo_regimse():\n    return []\n",
        "incompatible",
        "there is no hook zoo_regimse; did you mean 'zoo_regimes'?",
    ),
    "demander": Guest(
        HOOK + "@hookimpl\ndef zoo_classify(facts, weather):\n    return []\n",
        "incompatible",
        "zoo_classify takes facts, and its 'weather' is not given",
    ),
    "wrapper": Guest(
        HOOK + "@hookimpl(wrapper=True)\ndef zoo_regimes():\n    return (yield)[:1]\n",
        "incompatible",
        "zoo_regimes is a wrapper",
    ),
    "old-wrapper": Guest(
        HOOK + "@hookimpl(hookwrapper=True)\ndef zoo_regimes():\n    yield\n",
        "incompatible",
        "zoo_regimes is a wrapper",
    ),
    "entry-squatter": Guest(
        REGIME.format(name="squatted"),
        "incompatible",
        "the name 'rl' belongs to stagezoo",
        name="rl",
    ),
    "regime-squatter": Guest(
        REGIME.format(name="RL-tuned"),
        "incompatible",
        "the regime 'RL-tuned' belongs to rl of stagezoo",
    ),
    "future": Guest(
        "import no_such_module_anywhere",
        "incompatible",
        "needs stagezoo>=99, and this is stagezoo ",
        requires="stagezoo>=99",
    ),
    "twin-a": Guest(
        REGIME.format(name="twin-a"), "incompatible", "claimed by twin-b too", name="twin"
    ),
    "twin-b": Guest(
        REGIME.format(name="twin-b"), "incompatible", "claimed by twin-a too", name="twin"
    ),
    "merger-a": Guest(
        REGIME.format(name="blended"),
        "incompatible",
        "the regime 'blended' is claimed by merger-b too; "
        'choose in zoo.toml: [plugins] pick = { blended = "merger-a" }',
    ),
    "merger-b": Guest(
        REGIME.format(name="blended"), "incompatible", "the regime 'blended' is claimed by merger-a"
    ),
    "wanderer": Guest(
        "import os\nos.chdir('/')", "broken", "its import changes the working folder, which was put"
    ),
    "seeder": Guest(
        HOOK + "import random\n@hookimpl\ndef zoo_regimes():\n    random.seed(0)\n    return []\n",
        "broken",
        "zoo_regimes changes the seed of random, which was put back",
    ),
    "halver": Guest(
        "import torch\ntorch.set_default_dtype(torch.float16)\ntorch.manual_seed(3)",
        "broken",
        "its import changes torch's seed and torch's default dtype, which was put back",
    ),
    "shouter": Guest(
        "import logging\nlogging.basicConfig(level='DEBUG', force=True)",
        "broken",
        "its import changes the root logger",
    ),
    "unmarked": Guest("def zoo_regimes():\n    return []\n", "ok", "implements no hook"),
    "early-bird": Guest(
        HOOK + "@hookimpl(optionalhook=True)\ndef zoo_weather():\n    return []\n"
        "@hookimpl\ndef zoo_probes():\n    return []\n",
        "ok",
        "",
    ),
    "good": Guest(REGIME.format(name="distilled"), "ok", ""),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What zoo says with all of them installed."""
    guests = Guests(tmp_path_factory.mktemp("guests"))
    for distribution, guest in GUESTS.items():
        guests.add(distribution, guest.source, name=guest.name, requires=guest.requires)
    return guests.report()


@pytest.mark.parametrize("distribution", GUESTS)
def test_each_guest_is_listed_with_its_status_and_one_sentence(
    report: Mapping[str, Any], distribution: str
) -> None:
    (plugin,) = [p for p in report["plugins"] if p["distribution"] == distribution]
    guest = GUESTS[distribution]
    assert plugin["status"] == guest.status
    assert guest.reason in plugin["reason"]
    assert bool(plugin["reason"]) == bool(guest.reason)
    assert "\n" not in plugin["reason"]
    assert not plugin["reason"].endswith(".")
    if guest.status != "ok":
        assert any(distribution in problem for problem in report["problems"])


def test_bad_guests_take_nothing_from_the_host_or_from_good_guests(
    report: Mapping[str, Any],
) -> None:
    regimes = """pretrained fine-tuned retrieval-augmented instruction-tuned distilled RL-tuned
    merged quantized""".split()
    assert list(report["regimes"]) == regimes
    assert report["regimes"].pop("distilled") == "good"
    assert set(report["regimes"].values()) == {"stagezoo"}
    first_party = {p["name"]: p["status"] for p in report["plugins"] if p["first_party"]}
    assert {first_party[name] for name in ("pretrained", "finetuned", "instruct", "rl")} == {"ok"}


def test_the_hosts_own_plugins_are_listed_first_and_others_by_name(
    report: Mapping[str, Any],
) -> None:
    order = [(not p["first_party"], p["name"]) for p in report["plugins"]]
    assert order == sorted(order)


def test_a_guest_is_listed_with_the_hooks_it_implements(report: Mapping[str, Any]) -> None:
    hooks = {p["distribution"]: p["hooks"] for p in report["plugins"]}
    assert hooks["good"] == ["zoo_regimes"]
    assert hooks["early-bird"] == ["zoo_probes"]
    assert hooks["future"] == []


def test_scores_are_the_same_with_and_without_bad_guests(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The embedded base under both protocols, run for real; the guests are installed meanwhile."""
    guests = Guests(tmp_path_factory.mktemp("company"))
    for distribution, guest in GUESTS.items():
        guests.add(distribution, guest.source, name=guest.name, requires=guest.requires)

    def stages(path: str) -> Any:
        folder = tmp_path_factory.mktemp("run")
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        for words in (
            ["run", "nano/instruct", "--limit", "8", "--progress", "none"],
            ["report", "--format", "json"],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "zoo", *words],
                cwd=folder,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
        return json.loads(done.stdout)["stages"]

    alone = stages("")
    assert sum(score["n"] or 0 for stage in alone for score in stage["scores"]) > 50
    assert stages(str(guests.folder)) == alone


def test_an_import_that_never_ends_is_given_up(guests: Guests) -> None:
    guests.add("sleeper", "import time\ntime.sleep(3600)")
    sleeper = guests.listed(patience=1)["sleeper"]
    assert sleeper["status"] == "broken"
    assert "did not end within 1 s" in sleeper["reason"]


def test_a_thread_that_never_ends_does_not_hold_up_the_first_import(guests: Guests) -> None:
    source = """
    import sys, threading, time
    from pathlib import Path
    if sys.argv[0].endswith("probing.py"):
        threading.Thread(target=time.sleep, args=[3600]).start()
    """
    guests.add("threader", source)
    assert guests.listed()["threader"]["status"] == "ok"


def test_an_import_that_fails_only_inside_the_host_is_broken(guests: Guests) -> None:
    guests.add(
        "two-faced", "import sys\nif 'zoo.plugins' in sys.modules:\n    raise OSError('no')\n"
    )
    guests.add(
        "two-faced-quitter", "import sys\nif 'zoo.plugins' in sys.modules:\n    sys.exit()\n"
    )
    listed = guests.listed()
    assert listed["two-faced"]["reason"] == "its import raises OSError: no"
    assert listed["two-faced-quitter"]["reason"] == "its import raises SystemExit"


def test_what_a_hook_prints_does_not_reach_standard_output(guests: Guests) -> None:
    source = REGIME.format(name="loud").replace("    return", "    print('{}')\n    return")
    guests.add("loud", source)
    report = guests.report()  # its standard output is read as JSON
    assert report["regimes"]["loud"] == "loud"


def test_hostile_text_in_an_exception_reaches_the_listing_as_one_short_printable_line(
    guests: Guests,
) -> None:
    guests.add("hostile", r"raise ValueError('\x1b[31mred\x07 ' + 'x' * 5000 + '\nsecond line')")
    reason = guests.listed()["hostile"]["reason"]
    assert reason.isprintable()
    assert len(reason) < 300


@pytest.mark.parametrize(
    ("noted", "origin"),
    [
        (None, ""),
        (
            {"url": "https://me:pass@host/x.git", "vcs_info": {"vcs": "git", "commit_id": "4f1c"}},
            "https://[redacted]@host/x.git@4f1c",
        ),
        ({"url": "file:///home/me/secret-project", "dir_info": {}}, "a local folder"),
        ({"url": "https://host/a-1.0.whl"}, "https://host/a-1.0.whl"),
        ([], "an origin that cannot be read"),
    ],
)
def test_a_guest_is_known_with_where_it_was_installed_from(
    guests: Guests, noted: Any, origin: str
) -> None:
    guests.add("good", REGIME.format(name="distilled"))
    if noted is not None:
        info = next(guests.folder.glob("good-*.dist-info"))
        (info / "direct_url.json").write_text(json.dumps(noted))
    assert guests.listed()["good"]["origin"] == origin


def test_metadata_that_cannot_be_read_is_reported_and_the_rest_goes_on(guests: Guests) -> None:
    guests.add("shapeless", "", entry_points="[zoo]\nno equals sign\n")
    guests.add("good", REGIME.format(name="distilled"))
    report = guests.report()
    assert any("entry points of shapeless cannot be read" in line for line in report["problems"])
    assert report["regimes"]["distilled"] == "good"


def test_a_requirement_that_cannot_be_read_makes_a_guest_incompatible(guests: Guests) -> None:
    guests.add("scribbler", REGIME.format(name="scribbled"), requires="stagezoo >>> 1")
    scribbler = guests.listed()["scribbler"]
    assert scribbler["status"] == "incompatible"
    assert "cannot be read" in scribbler["reason"]


def test_a_requirement_of_an_extra_does_not_count(guests: Guests) -> None:
    guests.add("extra", REGIME.format(name="x"), requires="stagezoo>=99; extra == 'new'")
    assert guests.listed()["extra"]["status"] == "ok"


def test_two_entry_points_for_one_module_are_one_plugin(guests: Guests) -> None:
    entries = "[zoo]\nfirst = double\nsecond = double\n"
    guests.add("double", REGIME.format(name="doubled"), entry_points=entries)
    plugins = {p["name"]: p for p in guests.report()["plugins"]}
    assert plugins["first"]["status"] == "ok"
    assert plugins["second"]["status"] == "incompatible"
    assert "registered already" in plugins["second"]["reason"]


def test_a_plugin_built_and_installed_by_pip_is_found(tmp_path: Path, guests: Guests) -> None:
    pytest.importorskip("setuptools")
    project = tmp_path / "project"
    project.mkdir()
    (project / "zoo_distilled.py").write_text(REGIME.format(name="distilled"))
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "zoo-distilled"\nversion = "2.5"\ndependencies = ["stagezoo"]\n'
        '[project.entry-points.zoo]\ndistilled = "zoo_distilled"\n'
        '[tool.setuptools]\npy-modules = ["zoo_distilled"]\n'
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(guests.folder)]
    subprocess.run([*pip, *options, str(project)], check=True, capture_output=True)
    distilled = guests.listed()["zoo-distilled"]
    assert (distilled["name"], distilled["version"]) == ("distilled", "2.5")
    assert distilled["status"] == "ok"
    assert distilled["hooks"] == ["zoo_regimes"]
