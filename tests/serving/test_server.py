"""The real server, in a process, with a tiny model."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import seqtext
from seqtext import grammar as builtin
from seqtext.cli import main
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.records import decoded_fields, scored_fields
from tests.serving.client import Answer, Server, serving, until

SOURCES = [source for source, _ in builtin.pairs("test", 60)]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    {"beam_size": 3, "n_best": 3},
    {"samples": 2, "seed": 7},
    {"details": True},
    {"prefix": "Der "},
    {"banned": ["Hund"], "length_penalty": 0.5},
    {"prefixes": ["Die "]},
]


@pytest.fixture(scope="module")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers, and limits that tests reach easily."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(log, trained, "--workers=2", "--max_body=20000", "--max_texts=5") as server:
        yield server


@pytest.fixture(scope="module")
def strict(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, a queue of one request, little patience with slow clients."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(log, trained, "--max_queue=1", "--client_timeout=1") as server:
        yield server


def shown(hypotheses: list[Hypothesis]) -> Any:
    """As the server tells them, with scores that other sentences of a batch may change in the last digits."""
    return rounded(json.loads(json.dumps(decoded_fields(hypotheses))))


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(own) for name, own in value.items()}
    if isinstance(value, list):
        return [rounded(own) for own in value]
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value


@contextlib.contextmanager
def slowly(server: Server, pieces: int = 900) -> Iterator[Callable[[], Answer]]:
    """A request that is computed meanwhile, for a second if 900 pieces. Yields what waits for its answer."""
    slow = {"texts": ["The dog sleeps."], "min_length": pieces, "max_length": pieces}
    before = server.figure("seqtext_batch_texts_count")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.ask, "/generate", slow)
        until(lambda: server.figure("seqtext_batch_texts_count") > before)
        yield answer.result


# --- answers --------------------------------------------------------------------------------------------


def test_concurrent_answers_are_those_of_each_request_alone(server: Server, trained: Path) -> None:
    generator = seqtext.load_generator(trained)
    # neighbours mostly have equal options, and are computed together
    asked = [
        {"texts": [SOURCES[i % 60]], "max_length": 10, **OPTIONS[i // 6 % len(OPTIONS)]}
        for i in range(200)
    ]
    before = server.figure("seqtext_batch_texts_count")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: server.ask("/generate", body), asked))
    for body, answer in zip(asked, answers, strict=True):
        assert answer.status == 200, answer.body
        [result] = answer.content["results"]
        [source] = body["texts"]
        options = {name: value for name, value in body.items() if name != "texts"}
        [alone] = generator.generate([source], **options)
        assert result == {"source": source, **shown(alone)}
    assert server.figure("seqtext_batch_texts_count") - before < 200  # some were computed together


def test_texts_stay_in_order(server: Server, trained: Path) -> None:
    texts = [SOURCES[3], "", SOURCES[1], SOURCES[4]]
    results = server.ask("/generate", {"texts": texts}).content["results"]
    alone = seqtext.load_generator(trained).generate(texts)
    expected = [{"source": text, **shown(own)} for text, own in zip(texts, alone, strict=True)]
    assert results == expected
    assert server.ask("/generate", {"texts": []}).content == {"results": []}


def test_scores_and_explanations(server: Server, trained: Path) -> None:
    pair = {"sources": SOURCES[:1], "targets": ["Der Hund schläft."]}
    [result] = server.ask("/score", {**pair, "attention": True}).content["results"]
    [score] = seqtext.load_generator(trained).score(*pair.values(), attention=True)
    expected = json.loads(json.dumps(scored_fields(score)))
    assert result == {"source": SOURCES[0], "target": pair["targets"][0], **rounded(expected)}
    [explained] = server.ask("/explain", {"texts": ["The dog sleeps."]}).content["results"]
    assert explained["source_words"] == ["The", "dog", "sleeps."]
    assert len(explained["attention"]) == len(explained["words"]) == len(explained["copied"])
    assert all(len(row) == 3 and 0 <= sum(row) <= 1.001 for row in explained["attention"])


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/generate", b'{"texts": ', 400, "body: is no JSON"),
        ("/generate", {"texts": ["a"], "beam_sise": 2}, 422,
         "beam_sise: no such option; did you mean beam_size?"),
        ("/generate", {"texts": ["a"], "num_beams": 2}, 422, "here it is beam_size"),
        ("/generate", {"texts": ["a"], "xyzzy": 2}, 422, "xyzzy: no such option; there are texts, "),
        ("/generate", {"texts": ["a"], "beam_size": 2.5}, 422, "beam_size: 2.5 (float), expected a whole"),
        ("/generate", {"texts": ["a"] * 6}, 422, "texts: 6 texts, expected at most 5"),
        ("/generate", {"texts": ["a" * 5001]}, 422, "texts[0]: 5,001 characters, expected at most 5,000"),
        ("/generate", {"texts": ["a"], "replace_unknown": True, "banned": ["b"]}, 422,
         "replace_unknown: cannot be combined with banned"),
        ("/generate", b" " * 20_001, 413, "body: expected at most 20,000 bytes"),
        ("/generate", None, 405, "GET /generate: expected the method POST"),
        ("/classify", {"texts": ["a"]}, 404, "/classify: this model cannot do it"),
        ("/generate", b'{"texts": ["a"], "\\ud800": 1}', 422, "\ud800: no such option"),
        ("/generate/", {"texts": ["a"]}, 404, "/generate/: no such path"),
        ("/nothing", None, 404, "no such path; there are /health"),
    ],
)  # fmt: skip
def test_mistakes(server: Server, path: str, body: object, status: int, message: str) -> None:
    answer = server.ask(path, body)
    assert answer.status == status
    assert message in answer.content["error"] and [*answer.content] == ["error"]


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-origin", 200)])
def test_pages_of_other_servers_are_refused(server: Server, site: str, status: int) -> None:
    answer = server.ask("/generate", {"texts": ["a"]}, **{"Sec-Fetch-Site": site})
    assert answer.status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("LOCALHOST", 200),
        ("[::1]:{port}", 200),
        ("evil.example:{port}", 421),
        ("127.evil.example", 421),
        ("[::2]", 421),
    ],
)
def test_names_that_lead_here_from_elsewhere_are_refused(
    server: Server, host: str, status: int
) -> None:
    answer = server.ask("/model", None, Host=host.format(port=server.port))
    assert answer.status == status


def test_large_bodies_are_refused_before_they_are_read(server: Server) -> None:
    assert server.ask("/generate", b" " * 10_000_000).status == 413
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:  # without a length
        client.sendall(
            b"POST /generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(3):
            client.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    assert server.ask("/health").status == 200


def test_health_and_figures(server: Server) -> None:
    assert server.ask("/health").content == {"status": "ok", "workers": 2}
    server.ask("/generate", {"texts": ["a"]})
    answer = server.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.body.decode()
    assert re.search(r'^seqtext_requests_total\{path="/generate",status="200"\} [1-9]', text, re.M)
    assert re.search(
        r'^seqtext_request_seconds_bucket\{le="\+Inf",path="/generate"\} [1-9]', text, re.M
    )
    assert server.figure("seqtext_queue_length") == 0 and server.figure("seqtext_workers") == 2


def test_the_page_and_the_description(server: Server) -> None:
    page = server.ask("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    text = page.body.decode()
    assert "aria-live" in text and "prefers-color-scheme: dark" in text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//|@import|url\(", text)  # no network
    paths = server.ask("/openapi.json").content["paths"]
    schema = paths["/generate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"texts", "beam_size", "samples", "prefix", "terminology"} <= set(schema["properties"])
    assert schema["properties"]["beam_size"]["default"] == 5
    model = server.ask("/model").content
    assert model["kind"] == "generator" and model["columns"] == ["en"] and model["target"] == "de"


# --- clients that behave badly, and workers that end -----------------------------------------------------


@pytest.mark.parametrize(
    "sent", [b"", b"POST /generate HTT", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: "]
)
def test_a_slow_head_ends_the_connection(strict: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), 20) as client:
        client.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100) == b""


def test_a_slow_body_is_refused(strict: Server) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), 20) as client:
        client.sendall(b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 408 ") and b"did not arrive within 1 s" in answer


def test_what_is_no_http_is_refused(strict: Server) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), 20) as client:
        client.sendall(b"nonsense\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert answer.startswith(b"HTTP/1.1 400 ") and b'{"error": "' in answer


def test_too_many_connections_are_refused(trained: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", trained, "--max_connections=20") as server:
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
            answer = server.ask("/health")
            assert answer.status == 503 and "too many connections" in answer.content["error"]
        until(lambda: server.ask("/health").status == 200)
        check_signal(server)


def check_signal(server: Server) -> None:
    """A signal lets the server answer what it has."""
    workers = server.workers()
    with slowly(server) as answer:
        server.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", server.port), 20).close()
            except ConnectionRefusedError:
                return True
            return False

        until(refused)
        assert answer().status == 200
    assert server.process.wait(30) == 0
    assert not any(worker.is_running() for worker in workers)
    assert "has answered all requests" in server.log.read_text()


def test_a_full_queue_is_told(strict: Server) -> None:
    with slowly(strict, 2_000), ThreadPoolExecutor() as pool:
        waiting = pool.submit(strict.ask, "/generate", {"texts": ["a"]})
        until(lambda: strict.figure("seqtext_queue_length") == 1)
        refused = strict.ask("/generate", {"texts": ["b"]})
        assert refused.status == 503 and refused.headers["retry-after"] == "1"
        assert "wait already" in refused.content["error"]
        assert waiting.result().status == 200


def test_a_killed_worker_is_replaced_and_its_request_computed_again(strict: Server) -> None:
    with slowly(strict) as answer:
        [worker] = strict.workers()
        worker.kill()
        until(lambda: strict.ask("/health").status == 503)
        assert answer().status == 200
    assert strict.ask("/health").content == {"status": "ok", "workers": 1}
    assert strict.figure("seqtext_worker_restarts_total") == 1
    [other] = strict.workers()
    assert other.pid != worker.pid


def test_a_second_ctrl_c_ends_the_server_at_once(trained: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", trained) as server, slowly(server, 8_000) as answer:
        for _ in range(2):
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.2)  # two of the same at once are one
        refused = answer()
        assert refused.status == 503 and "the server ends" in refused.content["error"]
        assert server.process.wait(30) == 130
        log = server.log.read_text()
    assert "has answered all requests" not in log and "Traceback" not in log


# --- other models ---------------------------------------------------------------------------------------


def test_an_exported_folder(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import seqtext_runtime

    assert main(["export", str(trained), "deployed"]) == 0
    model = seqtext_runtime.load("deployed")
    assert isinstance(model, seqtext_runtime.Generator)
    alone = model.generate(SOURCES[:4], n_best=2)
    with serving(tmp_path / "log", "deployed") as server:
        answer = server.ask("/generate", {"texts": SOURCES[:4], "n_best": 2}).content["results"]
        [worker] = server.workers()
        assert not any("libtorch" in part.path for part in worker.memory_maps())
        unknown = server.ask("/generate", {"texts": ["a"], "samples": 2})
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
    texts = [[each["text"] for each in row["hypotheses"]] for row in answer]
    assert texts == [[each.text for each in row] for row in alone]
    assert unknown.status == 422 and "samples: no such option" in unknown.content["error"]
