"""The page as it is served: to this machine only, its own data only, every item on demand."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from support.browser import browsing, chromium

from reporting.answers import run_of
from zoo.reporting import render
from zoo.reporting.items import Items
from zoo.reporting.serving import Site, server

LETTERS = ["1100110", "1001011", "1101010"]


@dataclass(frozen=True)
class Served:
    port: int
    items: Items

    def get(self, path: str, host: str | None = None, method: str = "GET") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    tradeoff, items = run_of({"facts": LETTERS, "sums": LETTERS}, {0: "<b>bold</b>"})
    page = render(tradeoff, "html", items=replace(items, served=True))
    made = server(Site(page, items))
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield Served(made.server_address[1], items)
    made.shutdown()
    made.server_close()
    thread.join()


def test_it_listens_on_the_loopback_interface_alone(served: Served) -> None:
    made = server(Site("", served.items))
    assert made.server_address[0] == "127.0.0.1"
    made.server_close()


def test_only_requests_that_name_this_machine_are_answered(served: Served) -> None:
    assert served.get("/")[0] == 200
    assert served.get("/", f"localhost:{served.port}")[0] == 200
    for host in ("evil.example", f"evil.example:{served.port}", "127.0.0.1", "127.0.0.1:1", "["):
        assert served.get("/", host) == (403, b"")


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/../../etc/passwd", "/items/9/scores", "/items/-1/scores", "/items/0/else",
     "/items/0/texts", "/items/0/texts?rows=7", "/items/0/texts?rows=x", "/items/%D9%A3/scores",
     "/items/0/texts?rows=" + ",".join(["1"] * 201), "/items", "//", "/items/0/scores/more"],
)  # fmt: skip
def test_whatever_is_not_the_report_is_not_there(served: Served, path: str) -> None:
    status, body = served.get(path)
    assert (status, body) in {(404, b""), (200, served.get("/")[1])}
    assert (status == 200) == (path == "//")


def test_nothing_but_get_is_understood(served: Served) -> None:
    assert served.get("/", method="POST")[0] == 501


def test_scores_and_texts_are_those_of_the_items(served: Served) -> None:
    cells = json.loads(served.get("/items/0/scores")[1])
    assert [cell["scores"] for cell in cells if cell["protocol"] == "native"] == LETTERS
    texts = json.loads(served.get("/items/0/texts?rows=6,0")[1])
    assert [row["row"] for row in texts["rows"]] == [6, 0]
    assert texts["rows"][0]["cells"][0][1][0]["text"] == "answer 6 of z/base"
    assert texts["questions"][texts["rows"][0]["cells"][0][0]]["prompts"] == ["question 6?"]


@pytest.mark.skipif(chromium() is None, reason="no Chromium is installed here")
def test_a_browser_shows_the_items_and_asks_nobody_else(served: Served) -> None:
    address = f"http://127.0.0.1:{served.port}/"
    with browsing() as browser:
        browser.open(address)
        browser.until("document.querySelector('#explorer-item .answer pre')")
        browser.ask("document.getElementById('explorer-filter-all').click()")
        browser.until("document.querySelectorAll('#explorer-space [data-place]').length === 7")
        browser.ask("document.getElementById('explorer-row-0').click()")
        browser.until("document.querySelector('.answer pre')?.textContent === '<b>bold</b>'")
        assert browser.complaints == []
        assert all(each.startswith(address) for each in browser.requests)
        assert any("texts?rows=" in each for each in browser.requests)
