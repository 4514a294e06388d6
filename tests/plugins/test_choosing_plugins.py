"""What zoo.toml and the command line choose, and what installing a plugin must not change."""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from pathlib import Path

import pytest
from guesthouse import REGIME, Guests

CLASSIFIER = """
from zoo import hookimpl
from zoo.models import Evidence

@hookimpl(tryfirst=True)
def zoo_classify(facts):
    return [Evidence({regime!r}, 1.0, "I am certain")]
"""


def test_a_blocked_plugin_is_listed_and_not_imported(guests: Guests, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    guests.add("good", f"open({str(trace)!r}, 'a').write('imported')")
    plugin = guests.listed(block=["good"])["good"]
    assert plugin["status"] == "blocked"
    assert plugin["reason"] == "named in [plugins] block of zoo.toml"
    assert not trace.exists()


def test_only_blocks_all_others_first_party_ones_too(guests: Guests) -> None:
    guests.add("good", REGIME.format(name="distilled"))
    report = guests.report(only=["good", "pretrained"])
    assert list(report["regimes"]) == ["pretrained", "distilled"]
    blocked = {p["name"] for p in report["plugins"] if p["status"] == "blocked"}
    assert {"rl", "instruct", "finetuned"} <= blocked


def test_a_name_in_zoo_toml_that_is_not_installed_is_reported(guests: Guests) -> None:
    problem = (
        "[plugins] of zoo.toml names 'pretraind', which is not installed; "
        "did you mean 'pretrained'?"
    )
    assert problem in guests.report(block=["pretraind"])["problems"]
    assert problem in guests.report(only=["pretraind"])["problems"]


def test_no_plugins_leaves_the_hosts_own(guests: Guests) -> None:
    guests.add("good", REGIME.format(name="distilled"))
    report = guests.report(enabled=False)
    assert list(report["regimes"]) == [
        "pretrained",
        "fine-tuned",
        "retrieval-augmented",
        "instruction-tuned",
        "RL-tuned",
        "merged",
        "quantized",
    ]
    (good,) = [p for p in report["plugins"] if p["distribution"] == "good"]
    assert (good["status"], good["reason"]) == ("blocked", "left out by --no-plugins")


@pytest.mark.parametrize("spelling", ["twin-b", "Twin_B"])
def test_pick_settles_a_conflict_over_a_plugins_name(guests: Guests, spelling: str) -> None:
    guests.add("twin-a", REGIME.format(name="of-a"), name="twin")
    guests.add("twin-b", REGIME.format(name="of-b"), name="twin")
    listed = guests.listed(pick={"twin": spelling})
    assert listed["twin-b"]["status"] == "ok"
    assert listed["twin-a"]["status"] == "blocked"
    assert "gives the name 'twin' to twin-b" in listed["twin-a"]["reason"]


def test_a_pick_of_neither_leaves_both_refused(guests: Guests) -> None:
    guests.add("twin-a", REGIME.format(name="of-a"), name="twin")
    guests.add("twin-b", REGIME.format(name="of-b"), name="twin")
    listed = guests.listed(pick={"twin": "twin-c"})
    assert {plugin["status"] for plugin in listed.values()} == {"incompatible"}


def test_pick_settles_a_conflict_over_a_things_name(guests: Guests) -> None:
    guests.add("merger-a", REGIME.format(name="blended"))
    guests.add("merger-b", REGIME.format(name="blended"))
    report = guests.report(pick={"blended": "merger-b"})
    assert report["regimes"]["blended"] == "merger-b"
    assert not [problem for problem in report["problems"] if "blended" in problem]


def test_pick_cannot_give_away_a_name_of_the_hosts(guests: Guests) -> None:
    guests.add("squatter", REGIME.format(name="RL-tuned"))
    guests.add("entry-squatter", REGIME.format(name="x"), name="rl")
    report = guests.report(pick={"RL-tuned": "squatter", "rl": "entry-squatter"})
    assert report["regimes"]["RL-tuned"] == "stagezoo"
    assert "x" not in report["regimes"]


def test_installing_a_classifier_does_not_change_what_the_host_sees(guests: Guests) -> None:
    before = guests.report()["evidence"]
    guests.add("certain", CLASSIFIER.format(regime="pretrained"))
    after = guests.report()["evidence"]
    assert [piece for piece in after if piece["confidence"] > 0] == before
    (shown,) = [piece for piece in after if piece not in before]
    assert shown["regime"] == "pretrained"
    assert "1 by certain, not counted" in shown["why"]


def shadow_host(guests: Guests, entry_points: str) -> None:
    """Put the host's metadata, with these entry points, before those that are installed."""
    copy = guests.folder / "stagezoo-0.1.0.dist-info"
    copy.mkdir()
    host = metadata.distribution("stagezoo")
    (copy / "METADATA").write_text(host.read_text("METADATA") or "")
    (copy / "entry_points.txt").write_text(entry_points)


def test_a_distribution_that_is_seen_twice_counts_once(guests: Guests) -> None:
    before = guests.report()["plugins"]
    host = metadata.distribution("stagezoo")
    shadow_host(guests, host.read_text("entry_points.txt") or "")
    assert guests.report()["plugins"] == before


def test_of_a_distribution_seen_twice_the_first_on_the_path_counts(guests: Guests) -> None:
    shadow_host(guests, "[zoo]\npretrained = zoo_pretrained\n")
    assert [plugin["name"] for plugin in guests.report()["plugins"]] == ["pretrained"]


def test_finding_plugins_loads_neither_torch_nor_lm_eval(guests: Guests) -> None:
    assert guests.report()["heavy"] == []


def count_imports(source: str, trace: Path) -> str:
    return f"open({str(trace)!r}, 'a').write('+')\n" + source


def test_the_verdict_on_a_first_import_is_kept(guests: Guests, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    guests.add("good", count_imports(REGIME.format(name="distilled"), trace))
    guests.report()
    assert trace.read_text() == "++"  # once apart, once in the host
    guests.report()
    assert trace.read_text() == "+++"


def test_a_plugin_that_changed_is_tried_apart_again(guests: Guests) -> None:
    good = REGIME.format(name="distilled")
    file = guests.add("changing", good)
    assert guests.listed()["changing"]["status"] == "ok"
    file.write_text("import os\nos._exit(9)")
    assert "exit status 9" in guests.listed()["changing"]["reason"]
    file.write_text(good)
    assert guests.listed()["changing"]["status"] == "ok"


def test_a_longer_patience_tries_a_slow_import_again(guests: Guests) -> None:
    guests.add("slow", "import time\ntime.sleep(0.5)\n" + REGIME.format(name="slow"))
    assert guests.listed(patience=0.01)["slow"]["status"] == "broken"
    assert guests.listed(patience=0.005)["slow"]["status"] == "broken"
    assert guests.listed(patience=60)["slow"]["status"] == "ok"


def test_a_verdict_that_was_torn_is_made_again(guests: Guests) -> None:
    guests.add("good", REGIME.format(name="distilled"))
    guests.report()
    (kept,) = (guests.cache / "stagezoo" / "imports").iterdir()
    kept.write_text(kept.read_text()[:20])
    assert guests.listed()["good"]["status"] == "ok"


@pytest.mark.skipif(os.name != "posix", reason="folders are made read-only the POSIX way")
def test_a_cache_that_cannot_be_written_is_done_without(guests: Guests) -> None:
    guests.add("good", REGIME.format(name="distilled"))
    shutil.rmtree(guests.cache, ignore_errors=True)
    guests.cache.write_text("a file where the folder should be")
    assert guests.listed()["good"]["status"] == "ok"
