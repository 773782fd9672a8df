"""Requests that a test sends by a client's own means, and their answers."""

from __future__ import annotations

from collections.abc import Iterator

from hushd import Client
from hushd.transport.call import Call
from hushd.transport.retry import RetryingCall
from hushd.transport.source import Input
from hushd.transport.steps import run
from hushd_protocol.messages import Message, Request, Result


def sent(client: Client, request: Request, source: Input | None = None) -> RetryingCall:
    """A request under way, which is sent again as every request of a client is."""
    call = RetryingCall(client.link, Call, request, source)
    run(call.begin())
    return call


def messages(call: RetryingCall) -> Iterator[Message]:
    """All messages of a call, the last being its result."""
    while (message := run(call.receive())) is not None:
        yield message


def result(call: RetryingCall) -> Result:
    *_, message = messages(call)
    assert isinstance(message, Result)
    return message
