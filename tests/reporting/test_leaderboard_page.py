"""A leaderboard's page in a real browser: sorted, searched, filtered, and nobody's markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from ranking.synthetic import fill
from support.browser import Browser, browsing, chromium

from zoo.ranking import Leaderboard, choose_suite, leaderboard_of, read_material
from zoo.reporting.leaderboard import FORMATS, render_leaderboard
from zoo.reporting.leaderboard.page import leaderboard_page

HOSTILE = {
    "org/model-0": "</script><script>document.title='owned'</script>",
    "org/model-1": "<img src=x onerror=\"document.title='owned'\">",
    "org/model-2": "=HYPERLINK('//evil')|a*b_\x1b[31m\u202egnp",
}

needs_browser = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed here")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    """Two hundred and thirty models, three of them with names that nobody should believe."""
    store = fill(tmp_path_factory.mktemp("store"), 230, 12, ("uniform", "native"))
    found = leaderboard_of(read_material(store, choose_suite(store)))

    def called(name: str) -> str:
        return HOSTILE.get(name, name)

    entries = tuple(
        replace(
            entry,
            model=called(entry.model),
            parents=tuple(map(called, entry.parents)),
            deltas=tuple(replace(delta, parent=called(delta.parent)) for delta in entry.deltas),
            rank=None if entry.model == "org/model-9" else entry.rank,
            gap="it was stopped" if entry.model == "org/model-9" else "",
        )
        for entry in found.entries
    )
    return replace(found, entries=entries, name="<b>mine</b>")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def page(board: Leaderboard, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(leaderboard_page(board), encoding="utf-8")
    return path.as_uri()


def shown(browser: Browser, page: str, **window: Any) -> None:
    browser.open(page, **window)
    browser.until("document.documentElement.dataset.drawn === 'yes'")


def models(browser: Browser) -> list[str]:
    return list(browser.ask("[...document.querySelectorAll('.model')].map((e) => e.textContent)"))


def status(browser: Browser) -> str:
    return str(browser.ask("document.getElementById('status').textContent"))


def write(browser: Browser, id: str, text: str, event: str = "input") -> None:
    browser.ask(
        f"""(() => {{ const e = document.getElementById('{id}'); e.value = {text!r};
        e.dispatchEvent(new Event('{event}')); }})()"""
    )


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_names_are_text_and_the_page_asks_nobody_for_anything(
    browser: Browser, page: str, dark: bool
) -> None:
    shown(browser, page, dark=dark)
    title = "<b>mine</b>, leaderboard of made-up"
    assert browser.ask("document.title") == title
    write(browser, "search", "script")
    assert models(browser) == [HOSTILE["org/model-0"]]
    browser.ask("document.querySelector('.model').click()")
    write(browser, "search", "onerror")
    browser.ask("document.querySelector('.model').click()")
    assert HOSTILE["org/model-0"] in browser.ask("document.querySelector('.details').textContent")
    write(browser, "search", "hyperlink")
    assert models(browser) == ["=HYPERLINK('//evil')|a*b_gnp"]
    assert browser.ask("document.title") == title
    assert browser.ask("document.querySelectorAll('main img, main b b').length") == 0
    assert browser.complaints == []
    assert browser.requests == [page]


@needs_browser
def test_it_is_sorted_by_any_column_and_says_by_which(
    browser: Browser, page: str, board: Leaderboard
) -> None:
    shown(browser, page)
    native = [e for e in board.entries if e.protocol == "native"]
    assert len(models(browser)) == 100
    assert models(browser)[3] == native[3].model
    browser.ask("document.querySelector('th[data-key=\"S\"] button').focus()")
    browser.press("Enter")
    by_special = sorted(native, key=lambda e: -(e.special.value if e.special else 0))
    assert models(browser)[:20] == [e.model for e in by_special[:20]]
    heading = "document.querySelector('th[aria-sort]')"
    assert browser.ask(f"[{heading}.dataset.key, {heading}.ariaSort]") == ["S", "descending"]
    assert browser.ask("document.activeElement.closest('th').dataset.key") == "S"
    browser.press("Enter")
    assert models(browser)[0] == by_special[-1].model


@needs_browser
def test_pages_search_and_filters_find_every_entry(
    browser: Browser, page: str, board: Leaderboard
) -> None:
    shown(browser, page)
    native = {e.model: e for e in board.entries if e.protocol == "native"}
    seen = models(browser)
    for _ in range(2):
        browser.ask("document.querySelector('#pages button:last-child').click()")
        seen += models(browser)
    assert len(seen) == len(native) == 230
    assert browser.ask("document.querySelector('#pages button:last-child').disabled")
    write(browser, "search", "model-22")
    assert set(models(browser)) == {"org/model-22", *(f"org/model-22{n}" for n in range(10))}
    write(browser, "search", "")
    write(browser, "filter-regime", "RL-tuned", "change")
    write(browser, "filter-min", "30B")
    wanted = [e for e in native.values() if e.regime == "RL-tuned" and (e.parameters or 0) >= 30e9]
    assert status(browser) == f"{len(wanted)} of 230 entries"
    assert browser.ask("document.getElementById('filters-on').textContent") == "(2)"
    marks = "document.querySelectorAll('#plane-drawing .mark').length"
    assert browser.ask(marks) == len(wanted)
    write(browser, "filter-min", "big")
    assert browser.ask("document.getElementById('filter-min').ariaInvalid") == "true"


@needs_browser
def test_what_is_incomplete_is_marked_and_can_be_left_out(browser: Browser, page: str) -> None:
    shown(browser, page)
    write(browser, "search", "model-9")
    assert "org/model-9" in models(browser)
    said = "document.querySelector('.incomplete').textContent"
    assert "incomplete" in browser.ask(said)
    assert browser.ask("document.querySelector('.incomplete abbr').title") == "it was stopped"
    browser.ask("document.getElementById('filter-complete').click()")
    assert "org/model-9" not in models(browser)


@needs_browser
def test_the_lineage_shows_children_below_their_parents_with_their_changes(
    browser: Browser, page: str
) -> None:
    shown(browser, page)
    write(browser, "search", "family-3")
    browser.ask("document.getElementById('view-lineage').click()")
    names = models(browser)
    assert names[0] == "org/model-30"
    places = {name: at for at, name in enumerate(names)}
    for n in range(31, 40):
        parent = f"org/model-{30 + (n - 31) // 2}"
        assert places[f"org/model-{n}"] > places[parent]
    depth = "[...document.querySelectorAll('#table tbody th')].map((e) => e.className.at(-1))"
    assert set(browser.ask(depth)) == {"0", "1", "2", "3"}
    titles = "[...document.querySelectorAll('#table tbody td span[title]')].map((e) => e.title)"
    against = browser.ask(titles)
    assert against
    assert all("on the same items" in each for each in against)
    assert browser.ask("document.querySelectorAll('.arrow').length") > 0


@needs_browser
def test_a_point_of_the_plane_opens_its_entry(browser: Browser, page: str) -> None:
    shown(browser, page)
    browser.ask(
        "document.querySelectorAll('#plane-drawing .mark')[150]"
        ".dispatchEvent(new MouseEvent('click'))"
    )
    assert browser.ask("document.querySelectorAll('.details').length") == 1
    named = browser.ask("document.activeElement.textContent")
    title = browser.ask("document.querySelectorAll('#plane-drawing .mark title')[150].textContent")
    assert title.startswith(named)
    assert browser.ask("document.activeElement.ariaExpanded") == "true"
    assert "bfloat16" in browser.ask("document.querySelector('.details').textContent")


@needs_browser
def test_columns_are_chosen_and_a_narrow_screen_holds_the_page(browser: Browser, page: str) -> None:
    shown(browser, page, width=400)
    heads = "document.querySelectorAll('#table thead th').length"
    before = browser.ask(heads)
    browser.ask("[...document.querySelectorAll('#columns button')].at(-1).click()")
    assert browser.ask(heads) == before + 3
    assert browser.ask("document.documentElement.scrollWidth") == 400
    assert browser.complaints == []


def test_without_a_browsers_script_the_first_entries_stand_there_escaped(
    board: Leaderboard,
) -> None:
    page = leaderboard_page(board)
    plain = page.partition("<noscript>")[2].partition("</noscript>")[0]
    assert plain.count('<th scope="row">') == 200
    assert "<script>document.title" not in page
    assert "default-src &#39;none&#39;" in page


@pytest.mark.parametrize("format", [each for each in FORMATS if each != "html"])
def test_no_format_lets_a_name_out_as_code(format: str, board: Leaderboard) -> None:
    few = replace(board, entries=tuple(e for e in board.entries if e.model in HOSTILE.values()))
    text = render_leaderboard(few, format)
    assert "HYPERLINK" in text
    if format != "json":
        assert "\x1b" not in text
        assert "\u202e" not in text
    refused = {"csv": ",=HYPERLINK", "markdown": "<img", "latex": "a*b_"}
    assert format not in refused or refused[format] not in text
