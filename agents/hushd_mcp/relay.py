"""`hushd mcp` at standard input and output: a relay, which lives as long as its host's session.

It answers simple requests (`initialize`, `ping`, the lists) by itself. From the first call of a tool on, it passes
everything else to the one process that serves the calls of all sessions (`sessions`), which it starts if none listens.
That process leaves when there are no calls; the next call starts another, and tells it how the session began.

Ten sessions are ten relays, so it uses little of the standard library: no hushd, no SDK, no `json`, `socket` or
`subprocess`, which take a megabyte each. Lines between relay and process that begin with # are their own: the process
says `#ready` first, the relay `#session JSON` about its session; `#rest JSON` from the process means that there was no
call for a while, with the facts for the next process; `#leave`, that it takes no further call; `#beat`, every five
seconds, that it works: one that is stopped is left for another.
"""

from __future__ import annotations

import os
import select
import sys
import time

from . import c_modules, greeting, meeting

PROCESS_SILENCE_S = 20.0  # seconds of the process's silence while a request waits, less than any host's patience
TRIES = 3  # a process that is leaving may not answer
_BROKEN_PIPE = 128 + 13
_OUTPUT_FAILED = 9
_PREPARED = os.path.join(os.path.dirname(__file__), "prepared.json")
_CHUNK = 1 << 16
_SPEECH_END_TIMEOUT_S = 1.5  # seconds for speech to fall silent


class Relay:
    """The session of one host."""

    def __init__(self, options: dict[str, str]) -> None:
        self._options = options
        self._session: dict[str, object] = c_modules.loads(options["session"])  # sent to `sessions`
        self._beginning: list[bytes] = []  # the host's first lines, sent to each new process
        self._initialize = b""  # the host's `initialize`
        self._greeted = False  # the host's `initialize` has been answered here
        self._calls: dict[object, str] = {}  # the methods of unanswered requests passed on, by id
        self._waiting: list[bytes] = []  # lines for a process that is not ready
        self._link: Link | None = None
        self._heard = 0.0  # the time of the last sign of life of the process, or of the first request that waits
        self._tries = 0
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)

    def run(self) -> None:
        """Serves until the host closes standard input."""
        received = bytearray()
        while True:
            left = self._heard + PROCESS_SILENCE_S - time.monotonic() if self._awaits else None
            events = self._poll.poll(None if left is None else max(0, left * 1000))
            if not events:
                self._give_up()
            for descriptor, event in events:
                if descriptor == 0:
                    chunk = os.read(0, _CHUNK)
                    received += chunk
                    if b"\n" in chunk:
                        *lines, received = received.split(b"\n")
                        for line in lines:
                            self._handle_line(bytes(line))
                    if not chunk:
                        if received:
                            self._handle_line(bytes(received))
                        return
                elif self._link and descriptor == self._link.fileno():
                    self._serve(event)

    def close(self) -> None:
        """Ends all of the host's requests, and waits until speech has stopped."""
        if self._link:
            self._link.end()

    # --- the host ----------------------------------------------------------------------------------------------------

    def _handle_line(self, line: bytes) -> None:
        """Answers a line of the host, or passes the line on."""
        message = greeting.read(line)
        if message is None:
            self._pass(line)
        elif fault := greeting.id_fault(message, self._calls):
            _send({"jsonrpc": "2.0", "id": None, "error": {"code": greeting.INVALID_REQUEST, "message": fault}})
        elif message.get("method") == "initialize":
            self._begin(message, line)
        elif message.get("method") == "notifications/initialized" and self._beginning:
            self._beginning.append(line)
            if self._link and self._link.ready:
                self._pass(line)
        elif not (self._greeted and self._answer(message)):
            self._follow(message, line)

    def _begin(self, message: dict[str, object], line: bytes) -> None:
        answer = (
            None if self._beginning else greeting.answer(message, self._options["version"], self._options["speaks"])
        )
        if answer:
            self._greeted = True
            self._session["answered"] = message["id"]
            self._beginning = [line]
            _send(answer)
            return
        self._initialize = line
        self._follow(message, line)

    def _answer(self, message: dict[str, object]) -> bool:
        """Sends the prepared answer; returns whether there is one."""
        method = message.get("method")
        if method not in ("ping", "logging/setLevel") and not str(method).endswith("/list"):
            return False
        with open(_PREPARED, "rb") as file:
            text = file.read().decode().replace(greeting.USUAL_LANGUAGES, self._options["languages"])
        prepared = c_modules.loads(text).get(method)
        if prepared is None or not (
            greeting.is_plain(message) or ("error" in prepared and greeting.id_of(message) is not None)
        ):
            return False
        if method == "tools/list":
            self._session["resumable"] = True
        _send({"jsonrpc": "2.0", "id": message["id"]} | prepared)
        return True

    def _follow(self, message: dict[str, object], line: bytes) -> None:
        """Passes a request on; other messages only if the process has asked for them, or can know about them."""
        name = greeting.id_of(message)
        if "method" in message and name is not None:
            if not self._calls:
                self._heard = time.monotonic()
            self._calls[name] = str(message["method"])
        else:
            self._calls.pop(greeting.cancelled(message), None)
        if self._link or self._calls or not self._greeted:
            self._pass(line)

    # --- the process that serves -------------------------------------------------------------------------------------

    def _pass(self, line: bytes) -> None:
        if self._link and self._link.ready and not self._link.leaves:
            self._link.send(line)
            self._watch()
            return
        self._waiting.append(line)
        if self._link is None:
            self._tries = 0
            self._connect()

    def _connect(self) -> None:
        self._tries += 1
        self._heard = time.monotonic()
        try:
            self._link = Link(*meeting.connect(self._options["place"], self._options["log"]))
            self._watch()
        except OSError as error:
            self._fail(f"The process for calls of tools cannot be started ({error.strerror or error})")

    def _watch(self) -> None:
        if self._link:
            self._poll.register(self._link.fileno(), select.POLLIN | (select.POLLOUT if self._link.unsent else 0))

    def _serve(self, event: int) -> None:
        """Sends waiting lines to the process, and passes its lines on."""
        link = self._link
        assert link
        self._heard = time.monotonic()
        try:
            lines = link.exchange(event)
        except OSError:
            lines = None
        if lines is None:
            self._part()
            if link.ready:
                self._fail("The process for calls of tools has ended in the middle")
            elif self._tries < TRIES:
                self._connect()
            else:
                self._fail("The process for calls of tools ends at its start")
            return
        for line in lines:
            self._told(line)
        self._watch()

    @property
    def _awaits(self) -> bool:
        """True if a request waits for a process that should give a sign of life: a new one has yet to import much."""
        return bool(self._calls and self._link and (self._link.ready or not self._link.new))

    def _give_up(self) -> None:
        """Leaves a process that gives no sign of life, and its socket with it; the next request starts another."""
        assert self._link
        link = self._link
        self._part()
        meeting.abandon(self._options["place"], link.inode)
        if link.ready:
            self._fail("The process for calls of tools does not answer")
        else:
            self._connect()

    def _told(self, line: bytes) -> None:
        if line == b"#beat":
            return
        if line.startswith(b"#ready"):
            assert self._link
            self._link.ready = True
            waiting, self._waiting = self._waiting, []
            about = b"#session " + c_modules.dumps(self._session).encode()
            for each in (about, *self._beginning, *waiting):
                self._link.send(each)
        elif line == b"#leave":
            assert self._link
            self._link.leaves, self._link.taken = True, {*self._calls}
        elif line.startswith(b"#rest "):
            self._session |= c_modules.loads(line[6:])
            if not self._calls and self._link and not self._link.unsent:
                self._part()
        else:
            message = c_modules.loads(line) if self._calls else {}
            method = "" if "method" in message else self._calls.pop(message.get("id"), "")
            if method == "initialize" and "result" in message:
                self._session["answered"] = message["id"]
                self._beginning = [self._initialize]
            _write(line + b"\n")
        if self._link and self._link.leaves and self._link.taken.isdisjoint(self._calls):
            self._part()
            if self._waiting:
                self._tries = 0
                self._connect()

    def _part(self) -> None:
        if self._link:
            self._poll.unregister(self._link.fileno())
            self._link.close()
            self._link = None

    def _fail(self, sentence: str) -> None:
        """Answers every waiting request with an error."""
        calls, self._calls, self._waiting = self._calls, {}, []
        sentence = f"{sentence}: call again, and see {self._options['log']} if that does not help."
        for name, method in calls.items():
            message: dict[str, object] = {"jsonrpc": "2.0", "id": name}
            if method == "tools/call":
                reason = {"code": "worker_failed", "message": sentence, "retryable": True}
                data = {"state": "failed", "error": reason}
                content = [{"type": "text", "text": sentence}]
                era = {} if self._beginning else {"resultType": "complete"}  # the protocol of 2026 has no handshake
                _send(message | {"result": {"content": content, "structuredContent": data, "isError": True} | era})
            else:
                _send(message | {"error": {"code": -32603, "message": sentence}})


class Link:
    """A connection with the process that serves.

    Attributes:
        new: whether this relay has started the process.
        inode: of the process's socket in the file system.
        leaves: whether it takes no further calls, and only answers those it has `taken`.
    """

    def __init__(self, connected: c_modules.socket, new: bool, inode: int) -> None:
        self._socket = connected
        self.new, self.inode = new, inode
        self._received = bytearray()
        self.ready = self.leaves = False
        self.taken: set[object] = set()
        self.unsent = bytearray()

    def fileno(self) -> int:
        number: int = self._socket.fileno()
        return number

    def send(self, line: bytes) -> None:
        self.unsent += line + b"\n"

    def exchange(self, event: int) -> list[bytes] | None:
        """Sends and receives without blocking; returns the complete lines, None at the end. Raises OSError."""
        if event & select.POLLOUT:
            del self.unsent[: self._socket.send(memoryview(self.unsent)[: _CHUNK * 4])]
        if not event & ~select.POLLOUT:
            return []
        chunk = self._socket.recv(_CHUNK)
        if not chunk:
            return None
        self._received += chunk
        if b"\n" not in chunk:
            return []
        *lines, self._received = self._received.split(b"\n")
        return [bytes(line) for line in lines]

    def end(self) -> None:
        """Closes the sending side, and waits a while for the process to finish."""
        self._socket.settimeout(_SPEECH_END_TIMEOUT_S)
        try:
            self._socket.shutdown(c_modules.SHUT_WR)
            while self._socket.recv(_CHUNK):
                pass
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()


def main() -> None:
    """Runs the relay, with the options from the last argument."""
    for number in (c_modules.SIGHUP, c_modules.SIGINT, c_modules.SIGTERM):
        if c_modules.getsignal(number) != c_modules.SIG_IGN:
            c_modules.signal(number, _exit)
    relay = Relay(c_modules.loads(sys.argv[-1]))
    status = 0
    try:
        relay.run()
    except BrokenPipeError:  # the host has gone
        status = _BROKEN_PIPE
    except SystemExit as leaving:
        status = int(str(leaving.code))
    relay.close()
    os._exit(status)


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _send(message: dict[str, object]) -> None:
    _write(c_modules.dumps(message).encode() + b"\n")


def _write(data: bytes) -> None:
    """Writes to the host; where that is impossible and the host there, the relay ends with a sentence."""
    try:
        while data:
            data = data[os.write(1, data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"hushd mcp: Standard output cannot be written ({error.strerror}).", file=sys.stderr)
        raise SystemExit(_OUTPUT_FAILED) from None
