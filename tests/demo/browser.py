"""A headless Chromium, driven over the pipes of its DevTools protocol."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_LIMIT = 60.0  # seconds for an answer


class Browser:
    """A browser with one page.

    Args:
        program: Its path.
        profile: A new folder.
        options: Further flags.
    """

    def __init__(self, program: str, profile: Path, *options: str) -> None:
        to_read, self._writes = os.pipe()
        self._reads, to_write = os.pipe()
        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--no-first-run",
            f"--user-data-dir={profile}", "--remote-debugging-pipe", *options,
        ]  # fmt: skip
        # Chromium reads from descriptor 3 and writes to 4
        shell = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", program, *flags, "about:blank"],
            pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest = 0, b""
        self.requests: list[str] = []  # addresses, also of the worker
        self.messages: list[str] = []  # of the console, and refusals by the security policy
        [target] = [each for each in self._targets() if each["type"] == "page"]
        own = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session: str = own["sessionId"]
        self._listen(self._session)
        self.call("Page.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._reads)
        os.close(self._writes)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer of the page to a command."""
        return self._call(method, self._session, **parameters)

    def open(self, address: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """The value of JavaScript in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until JavaScript in the page is true."""
        end = time.monotonic() + _LIMIT
        while not self.run(f"document.readyState === 'complete' && Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} within {_LIMIT} s: {self.messages}"
            time.sleep(0.05)

    def press(self, key: str, *, control: bool = False) -> None:
        """Press and release a key."""
        codes = {"Enter": 13, "Tab": 9, "ArrowDown": 40}
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=codes[key], modifiers=2 if control else 0,
            )  # fmt: skip

    def _targets(self) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self._call("Target.getTargets")["targetInfos"]
        return targets

    def _listen(self, session: str) -> None:
        """Have a page or a worker tell of its requests, and of its own workers."""
        for method in ("Network.enable", "Runtime.enable", "Log.enable"):
            self._send(method, session)
        options = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
        self._send("Target.setAutoAttach", session, **options)
        self._send("Runtime.runIfWaitingForDebugger", session)

    def _send(self, method: str, session: str | None = None, **parameters: Any) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        return self._number

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = self._send(method, session, **parameters)
        while (message := self._receive()).get("id") != number:
            self._note(message)
        assert "error" not in message, (method, message)
        result: dict[str, Any] = message["result"]
        return result

    def _note(self, message: dict[str, Any]) -> None:
        values = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            case "Target.attachedToTarget":
                self._listen(values["sessionId"])
            case "Log.entryAdded":
                self.messages.append(values["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.messages += [str(each.get("value")) for each in values["args"]]
            case "Runtime.exceptionThrown":
                self.messages.append(json.dumps(values["exceptionDetails"]))

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + _LIMIT
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reads], [], [], max(0, end - time.monotonic()))
            assert ready, f"the browser has said nothing for {_LIMIT} s"
            data = os.read(self._reads, 1 << 16)
            assert data, "the browser has ended"
            self._rest += data
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message
