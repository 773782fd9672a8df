"""A program that knows nothing of hushd: it speaks HTTP or Wyoming by a socket, well, slowly, or by halves."""

from __future__ import annotations

import base64
import json
import random
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, NamedTuple

from hushd import Client
from hushd_protocol.errors import HushdError

from .engine import SECOND, digest
from .life import MODELS

world: Any = None  # the simulation
CROWD = 150  # connections of one program
SILENCE_S = 120.0  # without a byte, after which a request was forgotten
POLL_S = 45.0  # the same for what needs no worker
PIECE = 65536
_BOUNDARY = b"----visitor"
_CLOSE, _PING = 8, 9  # kinds of frames of WebSocket
_KEY = base64.b64encode(b"0123456789abcdef")
_HOST = b"Host: localhost\r\n"


class Lost(Exception):
    """The connection ended before the answer did. Its text says how: refused, closed, reset."""


class Silent(Exception):
    """Nothing has come for longer than anything may take."""


class Wrong(Exception):
    """Something has come that is not the answer."""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """A connection, made with the first bytes that are sent, and what has come by it."""

    def __init__(self, where: Any, patience: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        self._where = where
        self._patience = patience
        self._data = b""

    def _connect(self) -> None:
        try:
            self._socket.connect(self._where)
        except OSError as error:
            raise Lost(f"refused, {error.strerror}") from None
        self._socket.setblocking(False)
        self._where = None

    def send(self, data: bytes) -> None:
        if self._where is not None:
            self._connect()
        while data:
            self._wait(select.POLLOUT)
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                return  # an answer may have come all the same

    def more(self) -> bool:
        """Reads; False at the end."""
        while True:
            self._wait(select.POLLIN)
            try:
                piece = self._socket.recv(PIECE)
            except BlockingIOError:
                continue
            except OSError:
                raise Lost("reset") from None
            self._data += piece
            return bool(piece)

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        began = time.monotonic()
        while not poll.poll(self._patience * 1000):
            if time.monotonic() - began - world.slept(began) >= self._patience:
                raise Silent

    def until(self, mark: bytes) -> bytes:
        """Takes the bytes up to `mark`, and with it."""
        while mark not in self._data:
            if not self.more():
                raise Lost("closed")
        place = self._data.index(mark) + len(mark)
        return self.take(place)

    def take(self, count: int) -> bytes:
        while len(self._data) < count:
            if not self.more():
                raise Lost("closed")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def end(self) -> bytes:
        """Waits until the other end closes; returns what has come until then."""
        try:
            while self.more():
                pass
        except Lost:
            pass
        return self._data

    def shut(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()

    def answer(self, *, head_only: bool = False) -> Answer:
        """Reads an answer of HTTP."""
        first, *lines = self.until(b"\r\n\r\n")[:-4].split(b"\r\n")
        version, _, rest = first.partition(b" ")
        if version != b"HTTP/1.1" or not rest[:3].isdigit():
            raise Wrong(f"no answer of HTTP: {first!r}")
        headers = {
            name.decode().lower(): value.strip().decode() for name, _, value in (line.partition(b":") for line in lines)
        }
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                body += self.take(size + 2)[:-2]
            self.take(2)
        elif not head_only and int(rest[:3]) != 101:
            body = self.take(int(headers.get("content-length", 0)))
        return Answer(int(rest[:3]), headers, body)


class Visitor:
    """One program.

    Args:
        script: its acts, the names of methods.
    """

    def __init__(self, name: str, script: list[str]) -> None:
        self.name = name
        self.script = script
        self.dice = random.Random(f"{world.seed}/{name}")

    def run(self) -> None:
        for act in self.script:
            if world.calm:
                break
            getattr(self, act)()
            time.sleep(self.dice.expovariate(1.0))

    @contextmanager
    def _visit(self, act: str, *, whole: bool = True, kind: str = "http") -> Iterator[Line]:
        """A connection, whose end is judged: `whole`, whether all of a request is sent by it."""
        patience = POLL_S if act in ("health", "polls", "info") else SILENCE_S
        with world.visit(self.name, act, whole), closing(Line(world.places[kind], patience)) as line:
            yield line

    def _send(self, line: Line, data: bytes) -> None:
        """Sends in one piece, in some, or slowly."""
        how = self.dice.random()
        if how < 0.6:
            line.send(data)
        else:
            count = self.dice.randint(2, 5)
            for place in range(count):
                line.send(data[len(data) * place // count : len(data) * (place + 1) // count])
                time.sleep(self.dice.choice([0.0, 0.01, 0.3]) if how < 0.95 else 1.2)

    # --- polls -------------------------------------------------------------------------------------------------------

    def health(self) -> None:
        with self._visit("health") as line:
            self._send(line, _get(b"/health", b"Connection: close\r\n"))
            _check(line.answer(), b"OK")
            if rest := line.end():
                raise Wrong(f"more than an answer: {rest[:80]!r}")

    def polls(self) -> None:
        """Several polls by one connection, some of them at once, and work behind them."""
        with self._visit("polls") as line:
            count = self.dice.randint(2, 5)
            self._send(line, _get(b"/health") * count)
            for _ in range(count):
                _check(line.answer(), b"OK")
            if self.dice.random() < 0.5:
                time.sleep(self.dice.choice([0.1, 3.0]))
                self._send(line, _get(b"/v1/models"))
                _listed(line.answer())
        if self.dice.random() < 0.5:
            self.speech(prefix=_get(b"/health"))

    def metrics(self) -> None:
        with self._visit("metrics") as line:
            self._send(line, b"HEAD /metrics HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n")
            answer = line.answer(head_only=True)
            if answer.status != 200:
                return world.denied(answer.status, answer.headers.get("retry-after", ""), "an answer to HEAD")
            if rest := line.end():
                raise Wrong(f"an answer to HEAD with a body: {rest[:80]!r}")

    def info(self) -> None:
        with self._visit("info", kind="wyoming") as line:
            self._send(line, b'{"type": "describe"}\n')
            kind, _, data = _event_with_data(line)
            if kind == "error":
                raise Lost(f"an event of error, {data.get('text')}")
            if kind != "info":
                raise Wrong(f"{kind} for an info")

    # --- work --------------------------------------------------------------------------------------------------------

    def speech(self, prefix: bytes = b"") -> None:
        text = self._text()
        with self._visit("speech") as line:
            self._send(line, prefix + _speech(text, self.dice.choice(MODELS)))
            if prefix:
                _check(line.answer(), b"OK")
            _check(line.answer(), _doubled(text))
            if rest := line.end():
                raise Wrong(f"more than an answer: {rest[:80]!r}")

    def several(self) -> None:
        """Requests one after another by one connection."""
        with self._visit("several") as line:
            for _ in range(self.dice.randint(2, 3)):
                text = self._text()
                self._send(line, _speech(text, self.dice.choice(MODELS), b""))
                answer = line.answer()
                _check(answer, _doubled(text))
                if answer.headers.get("connection") == "close":
                    break
                time.sleep(self.dice.random())

    def transcript(self) -> None:
        data = b"RIFF" + self.dice.randbytes(self.dice.randint(SECOND, 4 * SECOND))
        with self._visit("transcript") as line:
            self._send(line, _upload(data, self.dice.choice(MODELS)))
            texts = [digest(data[start : start + SECOND]) for start in range(0, len(data), SECOND)]
            answer = line.answer()
            _check(answer)
            if answer.status == 200 and json.loads(answer.body)["text"].split() != texts:
                raise Wrong(f"{answer.body[:80]!r} instead of {len(texts)} segments")

    def say(self) -> None:
        """Wyoming's synthesize."""
        text = self._text()
        with self._visit("say", kind="wyoming") as line:
            event = {"type": "synthesize", "data": {"text": text, "voice": {"name": "echo"}}}
            self._send(line, json.dumps(event).encode() + b"\n")
            whole, sound = _doubled(text), b""
            while (heard := _event(line))[0] != "audio-stop":
                if heard[0] == "error":
                    raise Lost("an event of error")
                sound += heard[1]
                if heard[0] not in ("audio-start", "audio-chunk") or not whole.startswith(sound):
                    raise Wrong(f"{heard[0]} in a speech, after {len(sound)} bytes")
            if sound != whole:
                raise Wrong(f"{len(sound)} bytes of {len(whole)}")

    def ping(self) -> None:
        with self._visit("ping", kind="wyoming") as line:
            for number in range(self.dice.randint(1, 3)):
                text = f"{self.name}-{number}"
                self._send(line, json.dumps({"type": "ping", "data": {"text": text}}).encode() + b"\n")
                kind, _, data = _event_with_data(line)
                if (kind, data.get("text")) != ("pong", text):
                    raise Wrong(f"{kind} {data} for a ping")

    def realtime(self) -> None:
        """OpenAI's realtime session: its upgrade, its first event, and its end."""
        upgrade = (
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
            % _KEY
        )
        with self._visit("realtime") as line:
            self._send(line, _get(b"/v1/realtime?intent=transcription", upgrade))
            answer = line.answer()
            if answer.status != 101:
                return _check(answer)
            if (event := json.loads(_frame(line)))["type"] not in ("session.created", "transcription_session.created"):
                raise Wrong(f"a session begins with {event['type']}")
            line.send(b"\x88\x82\0\0\0\0\x03\xe8")  # close, 1000
            _await_close(line)

    def restart(self) -> None:
        """`hushd restart`."""
        world.restarting()
        with suppress(HushdError), Client(holder=self.name, start=False) as client:
            client.restart(20.0)

    # --- bad manners -------------------------------------------------------------------------------------------------

    def mute(self) -> None:
        """Says nothing, or half of a request, and leaves some time later."""
        data = _speech(self._text(), "a")
        with self._visit("mute", whole=False) as line:
            line.send(data[: self.dice.choice([0, 0, 5, 40])])
            time.sleep(self.dice.choice([1.0, 20.0]))

    def cut_off(self) -> None:
        """Leaves in the middle of a request, or of its answer."""
        data = _speech(self._text(), "a") if self.dice.random() < 0.7 else _upload(b"RIFF" * 500, "a")
        with self._visit("cut_off", whole=False) as line:
            line.send(data[: self.dice.randint(1, len(data))])
            if self.dice.random() < 0.5:
                time.sleep(self.dice.expovariate(2.0))

    def nonsense(self) -> None:
        """Sends bytes that are not a request: an error comes, or the end."""
        with self._visit("nonsense", whole=False) as line:
            line.send(
                self.dice.choice([b"\x16\x03\x01\x02\0", b"GET /health\r\n\r\n", b"POST / HTTP/1.1\r\nHost\r\n\r\n"])
            )
            if (data := line.end()) and b" 400 " not in data[:20]:
                raise Wrong(f"an answer to nonsense: {data[:60]!r}")

    def crowd(self) -> None:
        """Opens many connections, sends a request by each, and reads all the answers."""
        with world.visit(self.name, "crowd", False), ExitStack() as stack:
            lines = [stack.enter_context(closing(Line(world.places["http"], POLL_S))) for _ in range(CROWD)]
            for line in lines:
                line.send(b"G")
            for line in lines:
                line.send(_get(b"/health", b"Connection: close\r\n")[1:])
            for line in lines:
                status = line.answer().status
                if status not in (200, 429, 503):
                    raise Wrong(f"{status} for one of a crowd")

    def rest(self) -> None:
        time.sleep(self.dice.choice([0.5, 4.0, 12.0]))

    def _text(self) -> str:
        return "".join(chr(self.dice.randint(97, 122)) for _ in range(self.dice.randint(1, 3 * SECOND)))


def _doubled(text: str) -> bytes:
    return bytes(byte for byte in text.encode() for _ in range(2))


def _get(path: bytes, more: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + _HOST + more + b"\r\n"


def _post(path: bytes, kind: bytes, body: bytes, more: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n" % (path, kind, len(body))
    return head + _HOST + more + b"\r\n" + body


def _speech(text: str, model: str, more: bytes = b"Connection: close\r\n") -> bytes:
    asked = {"input": text, "model": f"echo/{model}", "response_format": "pcm"}
    return _post(b"/v1/audio/speech", b"application/json", json.dumps(asked).encode(), more)


def _upload(data: bytes, model: str) -> bytes:
    part = b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    body = part % (_BOUNDARY, b"model", b"", f"echo/{model}".encode())
    body += part % (_BOUNDARY, b"file", b'; filename="a.wav"', data)
    kind = b"multipart/form-data; boundary=" + _BOUNDARY
    return _post(b"/v1/audio/transcriptions", kind, body + b"--" + _BOUNDARY + b"--\r\n", b"Connection: close\r\n")


def _check(answer: Answer, body: bytes | None = None) -> None:
    """Checks an answer: the right one, or an error in OpenAI's form, which the world judges."""
    if answer.status == 200:
        if body is not None and answer.body != body:
            raise Wrong(f"{len(answer.body)} bytes that are not the {len(body)} of the answer")
        return
    try:
        message = json.loads(answer.body)["error"]["message"]
    except ValueError:
        raise Wrong(f"{answer.status}, {answer.body[:80]!r}") from None
    world.denied(answer.status, answer.headers.get("retry-after", ""), message)


def _listed(answer: Answer) -> None:
    _check(answer)
    if answer.status == 200 and b"echo/a" not in answer.body:
        raise Wrong(f"the list of models lacks one: {answer.body[:200]!r}")


def _event(line: Line) -> tuple[str, bytes]:
    return _event_with_data(line)[:2]


def _event_with_data(line: Line) -> tuple[str, bytes, dict[str, Any]]:
    head = json.loads(line.until(b"\n"))
    data = json.loads(line.take(head.get("data_length") or 0) or b"{}")
    payload = line.take(head.get("payload_length") or 0)
    return head["type"], payload, data | (head.get("data") or {})


def _frame(line: Line) -> bytes:
    """The payload of a frame of WebSocket; Lost for a Close."""
    kind, payload = _any_frame(line)
    if kind == _CLOSE:
        raise Lost("closed by a frame")
    return payload


def _await_close(line: Line) -> None:
    """Waits for a Close, or the end; pings may come before it."""
    kind = _PING
    with suppress(Lost):
        while kind == _PING:
            kind, _ = _any_frame(line)
        if kind != _CLOSE:
            raise Wrong(f"a frame of kind {kind} for a close")
        line.end()


def _any_frame(line: Line) -> tuple[int, bytes]:
    """The kind of a frame of WebSocket, and its payload."""
    kind, size = line.take(2)
    if size == 126:
        size = int.from_bytes(line.take(2))
    elif size == 127:
        size = int.from_bytes(line.take(8))
    return kind & 15, line.take(size)


def main(arguments: list[str]) -> None:
    """Lives the life of the program that the first argument names."""
    name, *script = arguments
    Visitor(name, script).run()
