"""Chromium without a screen, driven by the DevTools protocol over a WebSocket."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.peer import BOUND_S, wait_until
from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)  # fmt: skip


class Chromium:
    """A browser with one page; a context manager.

    Args:
        home: of its profile and downloads.
        microphone: a WAV file that its microphone plays once.

    Attributes:
        events: the events of the page so far, by name.
        hooks: called with an event of that name.
    """

    def __init__(self, home: Path, microphone: Path | None = None, *flags: str) -> None:
        assert PROGRAM
        self.downloads = home / "downloads"
        profile = home / "profile"
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.hooks: dict[str, Callable[[dict[str, Any]], object]] = {}
        sound = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
        self._process = subprocess.Popen(
            [PROGRAM, *_FLAGS, *sound, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port = profile / "DevToolsActivePort"
        wait_until(lambda: port.exists() and port.read_text().count("\n") == 1, "the browser")
        number, path = port.read_text().split("\n")
        self._socket: ClientConnection = connect(f"ws://127.0.0.1:{number}{path}", max_size=None, ping_interval=None)
        self._count = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._session = ""
        self._target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(BOUND_S)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while number not in self._answers:  # a hook may have sent another meanwhile
            assert self._receive(BOUND_S), f"{method} has no answer"
        answer = self._answers.pop(number)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, url: str) -> None:
        """Loads a page, and forgets the events of the one before."""
        self.send("Page.navigate", url="about:blank")  # or what that one still does would count for this one
        self.events.clear()
        self.hooks.clear()
        self.send("Fetch.disable")
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, a promise's once it is there; counts as a user's gesture."""
        found = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, seconds: float = BOUND_S) -> None:
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"not within {seconds} s: {script}\n{self.run('document.body.innerText')}"
            self._receive(0.02)

    def choose(self, selector: str, *files: Path) -> None:
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node)

    def hide(self) -> None:
        """Has the page be hidden, as another tab in front of it does."""
        self.send("Target.activateTarget", targetId=self.send("Target.createTarget", url="about:blank")["targetId"])

    def show(self) -> None:
        self.send("Target.activateTarget", targetId=self._target)

    def complaints(self) -> list[str]:
        """The page's errors: on the console, thrown, or of the browser about it."""
        self.run("0")  # takes what has come
        found = [event["exceptionDetails"]["text"] for name, event in self.events if name == "Runtime.exceptionThrown"]
        for name, event in self.events:
            if name == "Log.entryAdded" and event["entry"]["level"] == "error":
                found.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
            if name == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning"):
                found.append(str(event["args"]))
        return found

    def requests(self) -> list[str]:
        return [
            event["request"]["url"] if name == "Network.requestWillBeSent" else event["url"]
            for name, event in self.events
            if name in ("Network.requestWillBeSent", "Network.webSocketCreated")
        ]

    def _receive(self, timeout: float) -> bool:
        try:
            message = json.loads(self._socket.recv(timeout))
        except TimeoutError:
            return False
        if "id" in message:
            self._answers[message["id"]] = message
            return True
        self.events.append((message["method"], message["params"]))
        if hook := self.hooks.get(message["method"]):
            hook(message["params"])
        return True


def exists(path: Path) -> Callable[[], bool]:
    """A condition: whether a file is there with all of its content."""
    return lambda: path.exists() and path.stat().st_size > 0
