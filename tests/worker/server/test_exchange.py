"""A peer that sends what it likes: it costs a sentence, bounded bytes and bounded time, in HTTP and in Wyoming."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker.job import Cancelled
from hushd_worker.server import exchange, wyoming
from hushd_worker.server.exchange import Bounds, Broken, Check, Hangs, Line

Read = Callable[[Line], object]
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PATIENT = Bounds(60, 60)
CUT_OFF = "ended the connection before the end of its answer"
# A Wyoming event of sound that ends in what its parts say.
SOUND = b'{"type": "audio-chunk", "data": {"width": 2, "channels": 1, "rate": 8000}, '


def http(line: Line) -> bytes:
    return b"".join(exchange.ask(line, "/speak", b"{}", "application/json").blocks())


def events(line: Line) -> list[tuple[bytes, int]]:
    return list(wyoming.speak(line, "mine", "Hello.", ""))


@contextmanager
def peer(first: bytes, again: bytes = b"", bounds: Bounds = PATIENT, check: Check = lambda: None) -> Iterator[Line]:
    """A line to somebody who sends `first`, and then `again` for ever, or the end."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        try:
            theirs.sendall(first)
            while again:
                theirs.sendall(again)
            theirs.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # our end was closed

    sender = threading.Thread(target=send)
    sender.start()
    with theirs:
        with ours:
            yield Line(ours, check, bounds)
        sender.join()


ENDLESS: dict[str, tuple[Read, bytes, bytes]] = {
    "interim answers": (http, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99),
    "a body": (http, OK + b"\r\n", b"x" * 999),
    "a body in chunks": (http, CHUNKED, b"1\r\nx\r\n" * 999),
    "events that nobody knows": (events, b"", b'{"type": "x"}\n' * 999),
    "sound": (events, b"", SOUND + b'"payload_length": 2}\nxx'),
    "a payload": (events, SOUND + b'"payload_length": 1e12}\n', b"x" * 999),
}
WRONG: dict[str, tuple[Read, bytes, bytes, str]] = {
    "headers": (http, OK, b"a: b\r\n", "does not speak HTTP"),
    "a header": (http, OK + b"a: ", b"b" * 999, "does not speak HTTP"),
    "a chunk's head": (http, CHUNKED + b"1;", b"x" * 999, "sent a damaged answer"),
    "a line": (events, b"", b"x" * 999, "sent an endless line"),
    "data": (events, b'{"type": "x", "data_length": 1e12}\n', b"x" * 999, "does not speak Wyoming"),
    "a status of 5,000 digits": (http, b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n", b"", "does not speak HTTP"),
    "a length of 5,000 digits": (http, OK + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000), b"", "does not speak HTTP"),
    "a length that is no ASCII": (http, OK + b"Content-Length: \xb2\r\n\r\nx", b"", "does not speak HTTP"),
    "a chunk of 5,000 digits": (http, CHUNKED + b"f" * 5000 + b"\r\n", b"", "sent a damaged answer"),
    "another protocol": (http, b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"", "does not speak HTTP"),
    "nothing": (http, b"", b"", CUT_OFF),
    "half a body": (http, OK + b"Content-Length: 9\r\n\r\nx", b"", CUT_OFF),
    "half an event": (events, SOUND + b'"payload_length": 9}\nx', b"", CUT_OFF),
    "a depth": (events, b"[" * 60_000 + b"\n", b"", "does not speak Wyoming"),
    "a number of 5,000 digits": (events, b'{"type": ' + b"1" * 5000 + b"}\n", b"", "does not speak Wyoming"),
    "an infinite payload": (events, SOUND + b'"payload_length": 1e999}\n', b"", "does not speak Wyoming"),
    "less than nothing": (events, SOUND + b'"payload_length": -5}\n', b"", "sent more than the 1.0 MB that"),
    "data that is a list": (events, b'{"type": "x", "data": [1]}\n', b"", "does not speak Wyoming"),
    "sound without a rate": (
        events, SOUND.replace(b', "rate": 8000', b"") + b'"a": 1}\n', b"",
        "sends sound that is not 16 bits and mono, or without its rate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_cut(name: str) -> None:
    """The bound is what an answer can have, whether it is said beforehand or comes bit by bit."""
    read, first, again = ENDLESS[name]
    with peer(first, again) as line, pytest.raises(Broken, match=r"sent more than the 1\.0 MB that an answer to this"):
        read(line)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_answer_is_a_sentence(name: str) -> None:
    read, first, again, said = WRONG[name]
    with peer(first, again) as line, pytest.raises(Broken) as raised:
        read(line)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("name", ENDLESS)
def test_a_cancel_is_noticed_though_the_peer_never_pauses(name: str) -> None:
    """The next of the blocks that come shows it."""
    read, first, again = ENDLESS[name]
    looks = itertools.count()

    def check() -> None:
        if next(looks) == 5:
            raise Cancelled

    with peer(first, again, Bounds(60, 60, 10**15), check) as line, pytest.raises(Cancelled):
        read(line)


@pytest.mark.parametrize("name", ENDLESS)
def test_a_deadline_is_over_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that is never silent for as long as it may be has an end, too."""
    read, first, again = ENDLESS[name]
    clock = itertools.count(step=10)
    monkeypatch.setattr(exchange.time, "monotonic", lambda: next(clock))
    said = r"has not finished its answer within 100 s"
    with peer(first, again, Bounds(50, 100, 10**15)) as line, pytest.raises(Hangs, match=said):
        read(line)


@pytest.mark.parametrize("name", ENDLESS)
def test_a_peer_may_be_silent_for_so_long(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has begun its answer and says nothing more is given up before the time for all of it is over."""
    read, first, _ = ENDLESS[name]
    clock = itertools.count(step=10)
    monkeypatch.setattr(exchange.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(exchange, "_CHECK_EVERY_S", 0.001)
    ours, theirs = socket.socketpair()
    theirs.sendall(first)
    with theirs, ours, pytest.raises(Hangs, match=r"has not answered for 50 s"):
        read(Line(ours, lambda: None, Bounds(50, 10**6, 10**15)))


def test_an_error_of_any_shape_is_a_sentence() -> None:
    """Its first words, if there are any."""
    for body, words in (
        (b"[" * 4000, "500: ["),
        (b'{"error": [[{"msg": "no model"}]]}', "500: no model"),
        (b"", "500"),
    ):
        with peer(b"HTTP/1.1 500 x\r\n\r\n" + body) as line:
            error = exchange.refusal("mine", "/speak", exchange.ask(line, "/speak", b"{}", "application/json"))
        assert error.message.startswith(f"The server mine failed ({words}")
        assert "\n" not in error.message


def test_a_path_is_no_place_for_headers() -> None:
    for path in ("/a b", "/a\r\nHost: b", "/ä"):
        with peer(b"") as line, pytest.raises(Broken, match="cannot be asked for '/"):
            exchange.ask(line, path, None, "")


def test_wyomings_error_is_the_servers() -> None:
    with (
        peer(b'{"type": "error", "data": {"text": "no voice"}}\n') as line,
        pytest.raises(HushdError, match="no voice"),
    ):
        events(line)
