"""Hub names, against a stand-in for the hub: as much of its interface as the client asks for."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

NAME, COMMIT = "someone/pairs", "1" * 40
ROWS = [["a dog", "ein Hund"], ["None", "NA"], ["", ' "']]


def jsonl(rows: list[list[str]]) -> bytes:
    return b"".join(json.dumps({"en": a, "de": b}).encode() + b"\n" for a, b in rows)


FILES = {
    "README.md": b"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: plain/train.jsonl
  - split: validation
    path: plain/validation.jsonl
- config_name: other
  data_files:
  - split: dev
    path: other/dev.jsonl
---
""",
    "plain/train.jsonl": jsonl(ROWS),
    "plain/validation.jsonl": jsonl([["a cat", "eine Katze"]]),
    "other/dev.jsonl": jsonl([["a house", "ein Haus"]]),
}


class Hub(BaseHTTPRequestHandler):
    """One data set repository."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path == "/":
            self._answer(200, b"")
        elif path.startswith(f"/datasets/{NAME}/resolve/"):
            content = FILES.get(path.split("/", 6)[6])
            if content is None:
                self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            else:
                etag = hashlib.sha1(content).hexdigest()
                self._answer(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        elif path == f"/api/datasets/{NAME}/revision/{COMMIT}":
            self._answer_json({"id": NAME, "sha": COMMIT, "siblings": []})
        elif path.startswith(f"/api/datasets/{NAME}/tree/{COMMIT}"):
            folder = path.removeprefix(f"/api/datasets/{NAME}/tree/{COMMIT}").strip("/")
            self._answer_json([entry(name) for name in FILES if str(Path(name).parent) == folder])
        else:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def do_POST(self) -> None:  # paths-info
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer_json([entry(name) for name in parse_qs(body)["paths"] if name in FILES])

    def _answer_json(self, value: Any) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def entry(name: str) -> dict[str, Any]:
    return {"type": "file", "oid": "2" * 40, "size": len(FILES[name]), "path": name}


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """The address of the stand-in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


# the address of the hub is read when the client is imported: hence a process of its own, which reads
# [name, source, target, split] of each corpus, prints its rows or its error, and reaches only this machine
READ = """
import json, socket, sys

reach = socket.getaddrinfo

def only_this_machine(host, *arguments, **options):
    if host not in ("127.0.0.1", b"127.0.0.1"):
        raise socket.gaierror(f"{host} is not this machine")
    return reach(host, *arguments, **options)

socket.getaddrinfo = only_this_machine
from seqtext.data.corpus import Corpus
from seqtext.errors import DataError

for arguments in json.loads(sys.argv[1]):
    try:
        corpus = Corpus(*arguments)
        print(json.dumps([len(corpus.digest()), list(corpus.rows())]))
    except DataError as error:
        print(json.dumps(str(error)))
"""

Read = Callable[..., tuple[list[Any], str]]


@pytest.fixture
def read(tmp_path: Path, repository: Path) -> Read:
    """Read corpora from the hub at an address: what each gives, and what was said on stderr."""

    def run(address: str, *corpora: list[str]) -> tuple[list[Any], str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if "proxy" not in name.lower() and not name.startswith("HF_")
        }
        own = {
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path / "huggingface"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(repository),
        }
        done = subprocess.run(
            [sys.executable, "-c", READ, json.dumps(corpora)],
            env=kept | own,
            cwd=tmp_path,
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    return run


def test_hub_names(hub: str, nobody: str, read: Read) -> None:
    found, _ = read(
        hub,
        [NAME, "en", "de"],
        [NAME, "de", "en", "validation"],
        [f"{NAME}:other:dev", "en", "de"],
        [f"{NAME}:default:validation", "en", "de", "train"],
    )
    assert [rows for _, rows in found] == [
        ROWS,
        [["eine Katze", "a cat"]],
        [["a house", "ein Haus"]],
        [["a cat", "eine Katze"]],
    ]
    (error,), _ = read(nobody, [NAME, "en", "de"])  # of two configurations it cannot know which
    assert "There are multiple 'someone/pairs' configurations in the cache" in error


def test_streamed(hub: str, nobody: str, read: Read, tmp_path: Path) -> None:
    """Nothing is kept, and so nothing is there when the hub is not."""
    corpora = [[name, "en", "de", "train", None, True] for name in (NAME, f"{NAME}:other:dev")]
    found, _ = read(hub, *corpora)
    assert [rows for _, rows in found] == [ROWS, [["a house", "ein Haus"]]]
    assert not list((tmp_path / "huggingface").rglob("*.arrow"))
    errors, _ = read(nobody, *corpora)
    assert all("cannot be had from the hub either" in error for error in errors)


def test_what_was_had_once_needs_no_hub(hub: str, nobody: str, read: Read) -> None:
    found, _ = read(hub, [NAME, "en", "de"])
    again, told = read(nobody, [NAME, "en", "de"])
    assert again == found  # the digest too: nothing prepared from it is prepared anew
    assert [rows for _, rows in again] == [ROWS]
    assert "Retrying" not in told


def test_wrong_names(hub: str, read: Read) -> None:
    wrong = {
        f"{NAME}:third:train": r"BuilderConfig 'third' not found. Available: ['default', 'other']",
        f"{NAME}:default:test": r"""Unknown split "test". Should be one of ['train', 'validation'].""",
        "someone/else": "Dataset 'someone/else' doesn't exist on the Hub or cannot be accessed.",
    }
    (column, *found), _ = read(hub, [NAME, "en", "fr"], *([name, "en", "de"] for name in wrong))
    assert column.startswith(f"{NAME}: no column 'fr'; there are 'en', 'de'.")
    for error, (name, reason) in zip(found, wrong.items(), strict=True):
        told = f"{name}: is no file here, and cannot be had from the hub either ({reason})."
        assert error.startswith(f"{told} Local data is a table (csv, tsv, ")


def test_hub_that_cannot_be_reached(nobody: str, read: Read) -> None:
    (error,), told = read(nobody, [NAME, "en", "de"])
    assert error.startswith(
        f"{NAME}: is no file here, and cannot be had from the hub either ({nobody}: "
    )
    assert "refused" in error
    assert told == ""  # one message, whoever prints it; no word of the client's
