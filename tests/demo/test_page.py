"""docs/demo in a headless Chromium: what it shows, and that nothing leaves the host."""

from __future__ import annotations

import functools
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
import seqtext_runtime

from tests.demo.browser import Browser
from tests.demo.conftest import PAGE, program

SOURCE = "My sister has not opened the window yet."
SHOWN = "!document.getElementById('result').hidden"
ROWS = "[...document.querySelectorAll('#hypotheses li')]"
TEXTS = f"{ROWS}.map(row => row.querySelector('.text').textContent)"
ERROR = "document.getElementById('error').textContent"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(page: Path, deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Python's web server serves the page with a model, and without it under ``bare/``."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(page, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(deployed, folder / "model")
    shutil.copytree(
        PAGE, folder / "bare", ignore=shutil.ignore_patterns("model", "node_modules", "vendor")
    )
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that finds no other host."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None) or program("chromium")
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with Browser(path, tmp_path_factory.mktemp("profile"), rules) as browser:
        yield browser


@pytest.fixture(scope="module")
def model(deployed: Path) -> seqtext_runtime.Generator:
    model = seqtext_runtime.load(deployed)
    assert isinstance(model, seqtext_runtime.Generator)
    return model


def test_page_shows_what_the_runtime_gives(
    browser: Browser, address: str, model: seqtext_runtime.Generator
) -> None:
    browser.open(f"{address}/?{urlencode({'text': SOURCE, 'beam': 4})}")
    browser.wait(SHOWN)
    [expected] = model.generate([SOURCE], beam_size=4, n_best=4)
    assert browser.run(TEXTS) == [each.text for each in expected]
    scores = browser.run(f"{ROWS}.map(row => row.querySelector('.score').textContent)")
    assert [float(score.replace("\u2212", "-")) for score in scores] == pytest.approx(
        [each.score for each in expected], abs=2e-4
    )
    heads = browser.run("[...document.querySelectorAll('tbody th')].map(each => each.textContent)")
    assert heads == [*expected[0].pieces, "end"]
    assert browser.run("document.querySelectorAll('thead th').length") == 1 + len(
        model.source.encode([SOURCE])[0]
    )
    assert browser.run("document.getElementById('status').textContent").startswith("4 outputs in ")
    assert browser.run("document.querySelector('h1').textContent") == "seqtext English to German"
    assert browser.run("document.getElementById('unopened')") is None


def test_page_works_from_the_keyboard(
    browser: Browser, address: str, model: seqtext_runtime.Generator
) -> None:
    browser.open(address)
    browser.wait("!document.getElementById('translate').disabled")
    text = "The dog is sleeping."
    browser.run(
        "document.getElementById('text').value = ''; document.getElementById('text').focus()"
    )
    browser.call("Input.insertText", text=text)
    browser.press("Enter", control=True)
    browser.wait(SHOWN)
    [expected] = model.generate([text], beam_size=5, n_best=5)
    assert browser.run(TEXTS) == [each.text for each in expected]
    # the second output by the arrow, which has its own attention
    browser.run("document.querySelector('#hypotheses input').focus()")
    browser.press("ArrowDown")
    assert browser.run("document.querySelectorAll('tbody tr').length") == len(expected[1].ids) + 1
    link = browser.run("document.getElementById('link').href")
    assert link == f"{address}/?{urlencode({'text': text, 'beam': 5})}"


def test_link_names_what_was_translated(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.wait("!document.getElementById('translate').disabled")
    browser.run(
        "document.getElementById('translate').click();"
        "document.getElementById('text').value = 'No.'; document.getElementById('beam').value = 1"
    )
    browser.wait(SHOWN)
    link = browser.run("document.getElementById('link').href")
    assert link == f"{address}/?{urlencode({'text': SOURCE, 'beam': 5})}"


def test_page_bounds_the_table_of_a_long_text(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.wait("!document.getElementById('translate').disabled")
    heads = browser.run("""
        import('./heatmap.js').then(({ showAttention }) => {
          const row = new Array(2000).fill(0);
          const long = { pieces: new Array(4000).fill('x'), attention: new Array(4001).fill(row) };
          showAttention(document.getElementById('attention'), new Array(2000).fill('x'), long);
          return [...document.querySelectorAll('tbody th')].map(each => each.textContent);
        })
    """)
    assert heads == ["x"] * 25 + ["3976 more, not shown"]


def test_nothing_leaves_the_host(browser: Browser, address: str) -> None:
    browser.requests.clear()
    browser.messages.clear()
    browser.open(f"{address}/?text=Yes.")
    browser.wait(SHOWN)
    requests = [each for each in browser.requests if not each.startswith("data:")]
    assert all(each.startswith(f"{address}/") for each in requests)
    assert f"{address}/model/step.onnx" in requests  # those of the worker are among them
    assert browser.messages == []  # the security policy refused nothing
    browser.run("fetch('https://example.org/').catch(() => undefined)")
    for _ in range(100):  # the message may come after the answer
        if browser.messages:
            break
        time.sleep(0.05)
        browser.run("0")
    assert any("Content Security Policy" in message for message in browser.messages)


def test_page_tells_what_is_missing(browser: Browser, address: str) -> None:
    browser.open(f"{address}/bare/")
    browser.wait(f"{ERROR} !== ''")
    message = browser.run(ERROR)
    assert message.endswith(" is missing. Type make demo to write it.")


def test_page_opened_as_a_file_says_what_to_type(browser: Browser, page: Path) -> None:
    browser.open((page / "index.html").as_uri())
    note = "document.getElementById('unopened')"
    browser.wait(f"{note} && getComputedStyle({note}).visibility === 'visible'")
    assert "python3 -m http.server -b 127.0.0.1 -d docs/demo 8000" in browser.run(
        f"{note}.textContent"
    )
