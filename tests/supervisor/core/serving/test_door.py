"""Tests of what the door decides by the first bytes of a connection."""

from __future__ import annotations

import json
import random

import h11
import pytest
from hushd_supervisor.core.serving.door import PREFIX, Answer, Decision, HandOver, Http, More, Refuse, Rules, Wyoming
from support.scrambled import scramble

HTTP = Http(frozenset({"nas"}))
INPUTS = 10_000


def get(
    path: str = "/health", *headers: str, host: str = "127.0.0.1:8000", method: str = "GET", minor: int = 1
) -> bytes:
    lines = [f"{method} {path} HTTP/1.{minor}", *([f"Host: {host}"] if host else []), *headers, "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("path", ["/health", "/metrics", "/v1/models", "/v1/audio/voices"])
def test_exactly_the_polls_are_answered(path: str) -> None:
    """GET and HEAD of four paths, to the byte; with a query it is another request."""
    request = get(path)
    assert HTTP.decide(request) == Answer(path, len(request))
    assert HTTP.decide(request + b"GET /v1") == Answer(path, len(request))
    assert HTTP.decide(get(path, method="HEAD")) == Answer(path, len(request) + 1, head_only=True)
    for other in (get(path + "/"), get(path + "?legacy=true"), get(path, method="POST"), get("/v1" + path)):
        assert HTTP.decide(other) == HandOver()


def test_a_poll_may_come_byte_by_byte() -> None:
    """Until the end of its head nothing is decided, so that no slow sender starts a gateway."""
    request = get("/v1/models", "User-Agent: slow")
    assert {HTTP.decide(request[:length]) for length in range(len(request))} == {More()}
    assert {HTTP.decide(get("/v1/audio/speech", method="POST")[:length]) for length in range(40)} == {More()}


def test_a_connection_is_kept_unless_the_program_wants_otherwise() -> None:
    """HTTP/1.1 polls again on the same connection; HTTP/1.0 and `Connection: close` do not."""
    closes = [HTTP.decide(request) for request in (get("/health", "connection: Close"), get(minor=0))]
    assert [decision.close for decision in closes if isinstance(decision, Answer)] == [True, True]


@pytest.mark.parametrize(
    "header",
    ["Content-Length: 0", "Transfer-Encoding: chunked", "Upgrade: websocket", "Origin: http://a.example",
     "Expect: 100-continue", "Sec-Fetch-Site: cross-site"],
)  # fmt: skip
def test_whatever_is_more_than_a_poll_is_the_gateways(header: str) -> None:
    """A body, an upgrade or a web page that asks: the door knows no rules for those."""
    assert HTTP.decide(get("/v1/models", header)) == HandOver()


def test_a_head_that_is_too_long_for_the_door_is_the_gateways() -> None:
    """The door reads 4 KB; what has not ended by then goes on as it is."""
    request = get("/health", "X: " + "x" * PREFIX)
    assert HTTP.decide(request[: PREFIX - 1]) == More()
    assert HTTP.decide(request[:PREFIX]) == HandOver()


@pytest.mark.parametrize(
    "host", ["evil.example", "", "[::1]evil", "[::1]:80.evil", "[::1", "[::1]:", "127.0.0.1.evil.example:8000"]
)
def test_a_foreign_host_is_refused(host: str) -> None:
    """Any request whose `Host` somebody else's name server could have chosen starts nothing."""
    assert HTTP.decide(get(host=host)) == Refuse(403)
    assert HTTP.decide(get("/v1/audio/speech", host=host, method="POST")) == Refuse(403)
    assert isinstance(HTTP.decide(get(host="NAS:8000")), Answer)


def test_polls_need_the_token_except_for_health() -> None:
    """A container's health check has no token; everything that describes this machine needs it."""
    guarded = Http(authorised=lambda sent: "s3cret" in sent)
    assert isinstance(guarded.decide(get("/health")), Answer)
    for path in ("/metrics", "/v1/models", "/v1/audio/voices"):
        assert guarded.decide(get(path)) == Refuse(401)
        assert guarded.decide(get(path, "Authorization: Bearer wrong")) == Refuse(401)
        assert guarded.decide(get(path, "X-API-Key: wrong")) == Refuse(401)
        for header in ("authorization: Bearer s3cret", "Authorization: bearer s3cret", "X-API-Key: s3cret"):
            assert isinstance(guarded.decide(get(path, header)), Answer)
    assert guarded.decide(get("/v1/realtime")) == HandOver()  # the gateway knows its other secrets


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00", b"{}\n", b"GET /health\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_request_is_refused(data: bytes) -> None:
    """TLS, HTTP/0.9 and HTTP/2, two hosts: no server here would take it, so none is started."""
    assert HTTP.decide(data) == Refuse(400)


def test_describe_is_answered_and_every_other_event_handed_over() -> None:
    """With the version that newer clients send, and the empty data of older ones."""
    for line in (b'{"type": "describe", "version": "1.10.2"}\n', b'{"data": {}, "type": "describe"}\n'):
        assert Wyoming().decide(line + b'{"type"') == Answer("info", len(line))
        assert {Wyoming().decide(line[:length]) for length in range(len(line))} == {More()}
    for line in (
        b'{"type": "transcribe"}\n',
        b'{"type": "describe", "data_length": 2}\n{}',
        b'{"type":"synthesize"}\n',
    ):
        assert Wyoming().decide(line) == HandOver()
    assert Wyoming().decide(b'{"type": "synthesize", "data": "' + b"x" * PREFIX) == HandOver()


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"{]\n", b"{}\n", b'{"type": 3}\n', b'{"a":' * 800 + b"\n"])
def test_what_is_no_event_ends_the_connection(data: bytes) -> None:
    """Another protocol, or JSON that says no type, however deep."""
    assert Wyoming().decide(data) == Refuse(400)


# --- anything at all -------------------------------------------------------------------------------------------------


def check_answer(rules: Rules, data: bytes, answer: Answer) -> None:
    """The servers behind the door read a poll that it answers as that very poll, and end it at the same byte."""
    if isinstance(rules, Wyoming):
        event = json.loads(data[: answer.used])
        assert (event["type"], answer.what) == ("describe", "info")
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request = server.next_event()  # which raises for what the door must not answer
    assert isinstance(request, h11.Request)
    assert (request.target.decode(), request.method) == (answer.what, b"HEAD" if answer.head_only else b"GET")
    assert isinstance(server.next_event(), h11.EndOfMessage)
    assert server.trailing_data[0] == data[answer.used :]


@pytest.mark.parametrize("rules", [HTTP, Http(authorised=lambda _: False), Wyoming()], ids=["http", "token", "wyoming"])
def test_any_bytes_get_a_decision_that_stays(rules: Rules) -> None:
    """10,000 inputs: none raises, 4 KB suffice, and it makes no difference in which parts they arrive."""
    chance = random.Random(12)
    seen: set[type[Decision]] = set()
    for _ in range(INPUTS):
        data = scramble(chance)
        decision = rules.decide(data)
        seen.add(type(decision))
        assert not (isinstance(decision, More) and len(data) >= PREFIX)
        if isinstance(decision, Answer):
            assert 0 < decision.used <= len(data)
            check_answer(rules, data, decision)
        part = rules.decide(data[: chance.randint(0, len(data))])
        assert part in (More(), decision), data
    assert seen == {More, Answer, HandOver, Refuse}


NAMES = [
    b"Host",
    b"HOST",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Connection",
    b"Authorization",
    b"X",
    b"",
    b"Accept",
]
VALUES = [
    b"localhost",
    b"nas:1",
    b"[::1]",
    b"[::1]evil",
    b"5",
    b"0",
    b"chunked",
    b"close",
    b"Bearer s3cret",
    b"",
    b"a b",
    b"*",
]
SIGNS = [
    b"\x00",
    b"\x0b",
    b"\x0c",
    b"\x01",
    b"\xff",
    b"\xa0",
    b"\t",
    b" ",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\r\n",
    b":",
    b"(",
]


def head(chance: random.Random) -> bytes:
    """The head of a poll with headers that often are not quite right."""
    lines = [b"GET /health HTTP/1.%d" % chance.randint(0, 1)]
    lines += [b"Host: localhost"] * chance.choice((0, 1, 1, 1, 1, 2))
    for _ in range(chance.randint(0, 3)):
        lines.append(chance.choice(NAMES) + chance.choice((b":", b": ", b" :", b":\t", b"")) + chance.choice(VALUES))
    data = bytearray(chance.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n ")).join(lines) + b"\r\n\r\n")
    for _ in range(chance.choice((0, 1, 1, 2))):
        place = chance.randrange(len(data) + 1)
        data[place : place + chance.choice((0, 0, 0, 1))] = chance.choice(SIGNS)
    return bytes(data)


def test_no_head_is_answered_that_h11_refuses() -> None:
    """Nor one that ends elsewhere for it, or has another meaning: it is refused, or goes to the gateway's h11."""
    chance = random.Random(5)
    answered = refused = 0
    for _ in range(INPUTS * 5):
        data = head(chance) + chance.choice((b"", b"GET / HTTP/1.1\r\n\r\n"))
        decision = HTTP.decide(data)
        if isinstance(decision, Answer):
            answered += 1
            check_answer(HTTP, data, decision)
        else:
            refused += decision == Refuse(400)
    assert min(answered, refused) > INPUTS // 10


@pytest.mark.parametrize(
    "header", ["Content-Length : 5", "X\x00: a", "X: a\x00", "X: a\rb", " X: a", "(: a", ": a",
               "Content-Length: 5\r\nTransfer-Encoding: chunked"],
)  # fmt: skip
def test_a_header_that_servers_read_differently_is_not_answered(header: str) -> None:
    """A name before a blank, NUL, a line that goes on, two ends of the body."""
    assert HTTP.decide(get("/health", header)) in (Refuse(400), HandOver())


@pytest.mark.parametrize(
    "authorization",
    ["Authorization: Bearer s3cret\r\nAuthorization: Bearer s3cret", "Authorization: Bearer s3cret\x85",
     "Authorization: Bearer x\r\nauthorization: Bearer s3cret"],
)  # fmt: skip
def test_a_token_is_judged_as_by_the_gateway(authorization: str) -> None:
    """One that stands there twice is none, and a blank is a blank of HTTP's."""
    guarded = Http(authorised=lambda sent: "s3cret" in sent)
    request = get("/metrics", authorization).decode().encode("latin-1")
    assert guarded.decide(request) == Refuse(401)


def test_a_request_with_two_ends_of_its_body_is_refused() -> None:
    """A proxy and the gateway could take different bytes for the next request."""
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    assert Http().decide(head + b"\r\n") == HandOver()
    assert Http().decide(head + b"Transfer-Encoding: chunked\r\n\r\n") == Refuse(400)
