"""A door without the rest of a supervisor, run by the test itself: real sockets, a clock that the test moves."""

from __future__ import annotations

import math
import selectors
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from hushd_protocol.names import ENGINE_ROLES
from hushd_schema.settings import HttpSettings, Settings, WyomingSettings
from hushd_supervisor.core.events import Described
from hushd_supervisor.system.process import Child
from hushd_supervisor.system.serving import listeners
from hushd_supervisor.system.serving.door import Door
from hushd_supervisor.system.serving.gateway import LEAVE_S, Gateway
from hushd_supervisor.system.serving.prepared import Answers

BOUND_S = 30.0
GATEWAY = [sys.executable, str(Path(__file__).with_name("small_gateway.py"))]
SETTINGS = Settings(http=HttpSettings(listen=("127.0.0.1:0",)), wyoming=WyomingSettings(listen=("tcp://127.0.0.1:0",)))


class Doorway:
    """A door and its programs. A context manager; `now` is the door's time, `log` what it has recorded.

    Args:
        flags: of the gateway, see small_gateway.py.
        described: whether the engines have been listed.
    """

    def __init__(
        self, folder: Path, *flags: str, settings: Settings = SETTINGS, most: int = 256, token: str = "",
        described: bool = True,
    ) -> None:  # fmt: skip
        self.now = 1000.0
        self.log: list[str] = []
        self.flags: Sequence[str] = flags
        self._selector = selectors.DefaultSelector()
        self.answers = Answers(settings, lambda: "hushd_up 1\n", folder / "engines.json")
        self.gateway = Gateway(
            self._selector, Child, folder / "gateway.log", self._record,
            lambda channel: [*GATEWAY, *self.flags, "--channel", str(channel)],
        )  # fmt: skip
        self.door = Door(self._selector, self.answers, self.gateway, self._record, lambda: self.now, most)
        self.door.configure(settings, token, listeners.open_all(settings, token))
        if described:
            self.describe()

    def __enter__(self) -> Doorway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end = time.monotonic() + LEAVE_S
        while not self.door.finish(self.now) and time.monotonic() < end:
            self.turn()
        self.door.close()

    def describe(self, voices: int = 0) -> None:
        """Lists the engines: one with so many voices, or none."""
        names = [{"name": f"voice-{number}", "language": "en", "installed": True} for number in range(voices)]
        engines = [{"name": "reader", "installed": True, "voices": names}] if voices else []
        for role in ENGINE_ROLES:
            self.answers.described(Described(role, {"role": role, "engines": engines}), self.now)
        self.door.described()

    def connect(self, kind: str = "http") -> socket.socket:
        """A new connection to the listener of `kind`."""
        (found,) = [each for each in self.door.listeners if each.address.kind == kind]
        connection = socket.create_connection(found.socket.getsockname())
        connection.setblocking(False)
        return connection

    def turn(self) -> None:
        """One turn of the loop."""
        with selectors.DefaultSelector() as poller:
            poller.register(self.door.fd, selectors.EVENT_READ)
            if poller.select(0.01):
                self.door.handle()
        if self.door.deadline() <= self.now:
            self.door.on_time()

    def passes(self, seconds: float) -> None:
        """Has time pass in which the process runs: one whose clock jumps has stood still."""
        for _ in range(math.ceil(seconds)):
            self.now += seconds / math.ceil(seconds)
            self.turn()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Turns until `condition` holds."""
        end = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < end, what
            self.turn()

    def read(self, connection: socket.socket, enough: Callable[[bytes], bool] = lambda _: False) -> bytes:
        """Bytes of a connection, until there are enough or it ends."""
        found = b""
        ended = False

        def more() -> bool:
            nonlocal found, ended
            try:
                part = connection.recv(65536)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                part = b""
            found, ended = found + part, not part
            return ended or enough(found)

        self.until(more, f"only {found[:200]!r}")
        return found

    def ask(self, request: bytes, kind: str = "http") -> bytes:
        """The answer to a request on a connection of its own, with which it ends."""
        with self.connect(kind) as connection:
            connection.send(request)
            return self.read(connection, is_whole)

    def _record(self, level: str, text: str) -> None:
        self.log.append(f"{level} {text}")


def is_whole(answer: bytes) -> bool:
    """Returns whether `answer` is a whole one of HTTP, or of Wyoming."""
    head, _, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            return len(body) >= int(line[16:])
    return False
