"""The page in a real browser: what a reader sees, hears, presses, and what never leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Browser, browsing, chromium

from reporting.additions import full_family
from reporting.answers import run_of
from zoo.reporting import render
from zoo.reporting.charts import FIGURES, theme

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed here")

HOSTILE = {
    0: "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">",
    1: "\x1b[31mred\x1b[0m and \x07 bell",
    2: "safe \u202egnp.exe\u202c after",
    3: "</script><svg onload=\"document.title='owned'\">",
    4: "y" * 1_000_000,
    5: "[click](javascript:alert(1)) {{7*7}} &lt;b&gt;",
}
LETTERS = ["1100110", "1001011", "1101010"]
"""Seven items in three stages: right and wrong."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with items, some of them hostile."""
    tradeoff, items = run_of({"facts": LETTERS, "sums": LETTERS[::-1]}, HOSTILE)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render(tradeoff, "html", items=items), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of five stages with every chart there is."""
    path = tmp_path_factory.mktemp("charts") / "page.html"
    path.write_text(render(full_family(), "html"), encoding="utf-8")
    return path.as_uri()


def drawn(browser: Browser) -> None:
    """Waits until the charts are drawn and an item is shown."""
    browser.until(
        "!document.getElementById('figures') || document.documentElement.dataset.drawn === 'yes'"
    )
    browser.until(
        "!document.getElementById('items') || document.querySelector('#explorer-item .answer')"
    )


def choose(browser: Browser, name: str, value: str) -> None:
    """Chooses in a list of the explorer and waits for what follows."""
    browser.ask(
        f"""(() => {{ const s = document.getElementById('explorer-{name}');
        s.value = [...s.options].find((o) => o.label === '{value}').value;
        s.dispatchEvent(new Event('change')); }})()"""
    )


def filter_by(browser: Browser, name: str) -> None:
    browser.ask(f"document.getElementById('explorer-filter-{name}').click()")


def shown_item(browser: Browser) -> str:
    return str(browser.ask("document.querySelector('#explorer-item h4').firstChild.textContent"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_every_chart_is_drawn_nothing_complains_nothing_leaves_and_nothing_sticks_out(
    browser: Browser, charts: str, width: int, dark: bool
) -> None:
    browser.open(charts, width=width, dark=dark)
    drawn(browser)
    browser.ask("document.body.dataset.protocol = 'both'; dispatchEvent(new Event('resize'))")
    browser.until("![...document.querySelectorAll('.chart')].some((c) => !c.dataset.drawn)")
    shown = browser.ask(
        "[...document.querySelectorAll('.chart')].map((c) => c.dataset.panel.split(':')[0])"
    )
    first, *others = dict.fromkeys(shown)
    assert first == "frontier", "of many stages that were trained the ways come first"
    assert others == [name for name in FIGURES if name != first]
    marks = browser.ask(
        "[...document.querySelectorAll('.chart')].map((c) => "
        "c.querySelectorAll('svg .mark-symbol path, svg .mark-rect path, svg .mark-rule line, "
        "svg .mark-line path, svg .mark-text text').length)"
    )
    assert all(marks), marks
    assert browser.complaints == []
    assert browser.requests == [charts]
    assert browser.ask("document.documentElement.scrollWidth") == width


def test_the_colours_of_page_and_charts_follow_the_reader(browser: Browser, charts: str) -> None:
    browser.open(charts)
    drawn(browser)
    look = (
        "[getComputedStyle(document.body).backgroundColor, "
        "document.querySelector('.chart svg .role-axis-title text').getAttribute('fill')]"
    )
    light = browser.ask(look)
    browser.paint(dark=True)
    browser.until("document.querySelector('.chart').dataset.drawn.endsWith('dark')")
    dark = browser.ask(look)
    assert light == ["rgb(255, 255, 255)", theme.LIGHT[theme.INK]]
    assert dark[0] != light[0]
    assert dark[1] == theme.DARK[theme.INK]


def test_a_chart_says_in_words_what_it_shows(browser: Browser, charts: str) -> None:
    browser.open(charts)
    drawn(browser)
    said = browser.ask(
        "[...document.querySelectorAll('.chart')].map((c) => c.getAttribute('aria-label'))"
    )
    assert all(any(letter.isdigit() for letter in each) for each in said)
    assert any("1B-SFT at S" in each for each in said)


def test_filters_show_the_items_that_a_path_lost_gained_and_recovered(
    browser: Browser, page: str
) -> None:
    """Items by their letters along base, tuned, rl."""
    browser.open(page)
    drawn(browser)
    choose(browser, "benchmark", "facts")
    browser.until("document.getElementById('explorer-path').textContent.includes('rl')")
    wanted = {
        name: [n for n in range(7) if rule("".join(line[n] for line in LETTERS))]
        for name, rule in {
            "all": lambda _: True,
            "lost": lambda s: s[0] > s[-1],
            "gained": lambda s: s[0] < s[-1],
            "changed": lambda s: s[0] != s[-1],
            "recovered": lambda s: s == "101",
            "never": lambda s: s == "000",
            "always": lambda s: s == "111",
        }.items()
    }
    for name, items in wanted.items():
        count = browser.ask(
            f"document.querySelector('#explorer-filter-{name} + span b').textContent"
        )
        assert int(count) == len(items), name
        filter_by(browser, name)
        listed = browser.ask(
            "[...document.querySelectorAll('#explorer-space .number')].map((e) => e.textContent)"
        )
        assert [int(each) - 1 for each in listed] == items, name
    choose(browser, "from", "tuned")
    filter_by(browser, "gained")
    listed = browser.ask(
        "[...document.querySelectorAll('#explorer-space .number')].map((e) => e.textContent)"
    )
    assert [int(each) - 1 for each in listed] == [
        n for n in range(7) if LETTERS[1][n] < LETTERS[2][n]
    ]


def test_an_item_stands_with_its_question_and_the_answer_of_every_stage(
    browser: Browser, page: str
) -> None:
    browser.open(page)
    drawn(browser)
    choose(browser, "benchmark", "facts")
    filter_by(browser, "all")
    browser.ask("document.getElementById('explorer-row-6').click()")
    browser.until("document.querySelector('#explorer-item h4').textContent.startsWith('Item 7')")
    text = browser.ask("document.getElementById('explorer-item').textContent")
    assert "question 6?" in text
    for model in ("z/base", "z/tuned", "z/rl"):
        assert f"answer 6 of {model}" in text
    verdicts = browser.ask("[...document.querySelectorAll('.answer')].map((e) => e.classList[1])")
    assert verdicts == ["right" if line[6] == "1" else "wrong" for line in LETTERS]


def test_the_list_of_items_is_walked_by_keyboard_alone(browser: Browser, page: str) -> None:
    browser.open(page)
    drawn(browser)
    filter_by(browser, "all")
    for _ in range(80):
        browser.press("Tab")
        if browser.ask("document.activeElement.id") == "explorer-list":
            break
    assert browser.ask("document.activeElement.id") == "explorer-list"
    walked = [
        (key, place)
        for key, place in [("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", 6),
                           ("ArrowDown", 6), ("Home", 0), ("PageDown", 6), ("PageUp", 0)]
    ]  # fmt: skip
    for key, place in walked:
        browser.press(key)
        browser.until(
            "document.getElementById('explorer-list').getAttribute('aria-activedescendant')"
            f" === 'explorer-row-{place}'"
        )
        browser.until(
            "document.querySelector('#explorer-item h4').textContent"
            f".startsWith('Item {place + 1} ')"
        )
    assert (
        browser.ask("document.querySelector('#explorer-space [aria-selected=true]').dataset.place")
        == "0"
    )


def test_hostile_answers_are_shown_as_text_and_do_nothing(browser: Browser, page: str) -> None:
    browser.open(page)
    drawn(browser)
    title = browser.ask("document.title")
    choose(browser, "benchmark", "facts")
    filter_by(browser, "all")
    shown = {}
    for number in HOSTILE:
        browser.ask(
            f"document.querySelector('#explorer-space > [data-place=\"{number}\"]').click()"
        )
        browser.until(
            "document.querySelector('#explorer-item h4').textContent"
            f".startsWith('Item {number + 1} ')"
        )
        shown[number] = browser.ask("document.querySelector('.answer pre').textContent")
    assert shown[0] == HOSTILE[0]
    assert shown[1] == "\u241b[31mred\u241b[0m and \u2407 bell"
    assert shown[2] == "safe ⟨U+202E⟩gnp.exe⟨U+202C⟩ after"
    assert shown[3] == HOSTILE[3]
    assert "[... 994,000 characters left out ...]" in shown[4]
    assert len(shown[4]) < 7_000
    assert shown[5] == HOSTILE[5]
    assert browser.ask("document.title") == title
    assert browser.ask("document.querySelectorAll('#explorer img, #explorer svg').length") == 0
    assert browser.complaints == []


def test_ten_thousand_items_are_listed_with_a_screenful_of_lines(
    browser: Browser, tmp_path: Path
) -> None:
    lines = ["10" * 5_000, "01" * 5_000, "11" * 5_000]
    tradeoff, items = run_of({"sums": lines})
    path = tmp_path / "page.html"
    path.write_text(render(tradeoff, "html", items=items), encoding="utf-8")
    browser.open(path.as_uri())
    drawn(browser)
    filter_by(browser, "all")
    assert browser.ask("document.querySelectorAll('#explorer-space > div').length") < 100
    browser.ask("document.getElementById('explorer-list').focus()")
    browser.press("End")
    browser.until(
        "document.querySelector('#explorer-item h4').textContent.startsWith('Item 10000')"
    )
    text = browser.ask("document.getElementById('explorer-item').textContent")
    assert "answer 9999 of z/rl" in text
