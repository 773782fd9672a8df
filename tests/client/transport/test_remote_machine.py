"""A client on another machine: what it asks, what it reads, and the sentence for everything that can be wrong."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import hushd
import pytest
from hushd.transport import requests, source
from hushd_protocol.endpoint import Endpoint, key_text, parse, read_key
from hushd_protocol.errors import HushdError
from support.client_calls import result, sent
from support.machines import LISTEN, Desk, Laptop, on
from support.peer import Supervisor, wait_until
from support.ports import free_port

pytestmark = pytest.mark.permissions


@pytest.fixture
def desk(start_supervisor: Callable[..., Supervisor]) -> Desk:
    """A supervisor that listens for other machines."""
    return Desk.of(start_supervisor(LISTEN))


@pytest.fixture
def laptop(desk: Desk, runtime: Path) -> Iterator[Laptop]:
    """A second machine, which may come, and where this process is."""
    made = Laptop.at(runtime / "laptop")
    desk.keys.allow("laptop", made.public)
    with on(made, desk.endpoint):
        yield made


def test_every_request_of_a_client_is_served(desk: Desk, laptop: Laptop) -> None:
    """A file, bytes, speech, preload, status, unload; the file's path is not even sent."""
    recording = laptop.folder / "a.raw"
    recording.write_bytes(b"samples" * 100_000)
    with hushd.Client() as client:
        by_path = client.transcribe(recording, engine="echo", model="a").text
        assert by_path == client.transcribe(recording.read_bytes(), engine="echo", model="a").text
        assert b"".join(client.synthesize("hello", engine="echo", model="a"))
        client.preload("tts/echo/a")
        assert client.status().remote.machines == {"laptop": 1}
        assert set(client.unload()) == {"stt/echo/a", "tts/echo/a"}
    assert str(laptop.folder) not in desk.supervisor.log()
    assert "laptop:pid" in desk.supervisor.log()


def test_an_asynchronous_client_is_served(desk: Desk, laptop: Laptop) -> None:
    """By HUSHD_ENDPOINT and by its argument."""
    recording = laptop.folder / "a.raw"
    recording.write_bytes(b"samples" * 100_000)

    async def ask(**options: str) -> str:
        async with hushd.AsyncClient(**options) as client:
            return (await client.transcribe(recording, engine="echo", model="a")).text

    heard = asyncio.run(ask())
    os.environ.pop("HUSHD_ENDPOINT")
    assert heard == asyncio.run(ask(endpoint=str(desk.endpoint)))


def test_many_programs_come_at_once(desk: Desk, laptop: Laptop) -> None:
    """Twenty-five, each with a connection of its own, are all served."""

    def ask(number: int) -> int:
        with hushd.Client() as client:
            return len(b"".join(client.synthesize("a" * number, engine="echo", model="a")))

    with ThreadPoolExecutor(25) as pool:
        assert list(pool.map(ask, range(1, 26))) == [2 * number for number in range(1, 26)]


def test_an_empty_endpoint_is_this_machine(desk: Desk, laptop: Laptop) -> None:
    """Whatever HUSHD_ENDPOINT says; and there nothing runs."""
    with hushd.Client(endpoint="", start=False) as client, pytest.raises(HushdError) as caught:
        client.status()
    assert caught.value.code == "no_supervisor"


def refused(**options: str) -> HushdError:
    """The error of a client's first request, in one sentence."""
    with pytest.raises(HushdError) as caught, hushd.Client(**options) as client:  # type: ignore[arg-type]
        client.status()
    assert caught.value.message.count("\n") == 0
    return caught.value


def test_a_key_that_is_not_allowed(desk: Desk, laptop: Laptop) -> None:
    """The sentence has the command to run there."""
    desk.keys.revoke("laptop")
    error = refused()
    assert error.code == "unauthorised"
    assert re.search(rf"hushd keys allow \S+ {key_text(laptop.public)}", error.message)


def test_another_server_than_the_endpoint_names(desk: Desk, laptop: Laptop) -> None:
    """Its key has changed, or it is an impostor: nothing is sent to it."""
    endpoint = Endpoint(laptop.public, desk.endpoint.host, desk.endpoint.port)
    error = refused(endpoint=str(endpoint))
    assert error.code == "unauthorised"
    assert "not the hushd with the key" in error.message


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_something_that_is_no_hushd(desk: Desk, laptop: Laptop, answer: bytes) -> None:
    """A server of another kind at that port, which answers or hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(ConnectionError):  # it has read enough
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        error = refused(endpoint=str(Endpoint(desk.endpoint.key, "127.0.0.1", listener.getsockname()[1])))
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert error.code == "unauthorised"


def test_nobody_there(desk: Desk, laptop: Laptop) -> None:
    """The sentence says whether the machine refuses, or has no such name."""
    port = free_port()
    assert "nobody listens there" in refused(endpoint=str(Endpoint(desk.endpoint.key, "127.0.0.1", port))).message
    for name in ("nowhere.invalid", "x" * 64):
        error = refused(endpoint=str(Endpoint(desk.endpoint.key, name, port)))
        assert error.code == "no_supervisor"
        assert "its name is not known" in error.message


def test_a_machine_without_a_key(desk: Desk, laptop: Laptop) -> None:
    """It is told how to make one; one that others can read is not used."""
    (laptop.folder / "state/keys/secret").chmod(0o644)
    assert "open to other users" in refused().message
    (laptop.folder / "state/keys/secret").unlink()
    assert "hushd keys generate" in refused().message


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("tcp://127.0.0.1:7300", "Plain TCP"),
        ("tcp+curve://127.0.0.1:7300", "names no supervisor"),
        ("desk:7300", "names no supervisor"),
        ("tcp+curve://short@desk:7300", "52 letters"),
        ("tcp+curve://" + "1" * 52 + "@desk:7300", "other signs"),
        ("tcp+curve://" + "a" * 52 + "@desk", "names no supervisor"),
        ("tcp+curve://" + "a" * 52 + "@:7300", "names no supervisor"),
        ("tcp+curve://" + "a" * 52 + "@desk:0", "names no supervisor"),
        ("tcp+curve://" + "a" * 52 + "@desk:70000", "names no supervisor"),
    ],
)
def test_what_is_no_endpoint(endpoint: str, why: str) -> None:
    """`bad_request`, with what to write instead."""
    with pytest.raises(HushdError, match=why) as caught:
        parse(endpoint)
    assert caught.value.code == "bad_request"


def test_an_endpoint_is_read_as_it_is_written() -> None:
    """With a name, an address, and one of IPv6; a key in capitals is the same."""
    for host in ("desk", "desk.local", "192.168.1.5", "fe80::1"):
        for key in (bytes(32), bytes(range(32)), b"\xff" * 32):
            endpoint = Endpoint(key, host, 7300)
            assert parse(str(endpoint)) == endpoint
            assert read_key(key_text(key).upper()) == key


def test_what_is_left_to_the_other_machine(desk: Desk, laptop: Laptop) -> None:
    """`shutdown` and `restart` from here are refused, and the supervisor there serves on, for its own programs too."""
    with hushd.Client() as client:
        for ask in (client.shutdown, client.restart, client.reload, lambda: client.unload(force=True)):
            with pytest.raises(HushdError) as caught:
                ask()
            assert caught.value.code == "unauthorised"
        assert client.transcribe(b"hello", engine="echo", model="a").text
    with desk.supervisor.connect() as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def test_a_key_revoked_at_work(desk: Desk, laptop: Laptop) -> None:
    """A request that runs fails with the sentence about the key, and not after a silence."""
    with hushd.Client() as client:
        call = sent(client, requests.request("stt", "wait", {}, "echo", "a", None, "text"), source.of_text("hello"))
        wait_until(lambda: client.status().workers[0].running, "a request that runs")
        desk.keys.revoke("laptop")
        desk.check_keys()
        with pytest.raises(HushdError) as caught:
            result(call)
        assert caught.value.code == "unauthorised"


def test_a_supervisor_that_starts_anew_is_found_again(
    start_supervisor: Callable[..., Supervisor], runtime: Path
) -> None:
    """A client's next request goes to the next supervisor at the same address."""
    first = Desk.of(start_supervisor(LISTEN))
    laptop = Laptop.at(runtime / "laptop")
    first.keys.allow("laptop", laptop.public)
    with on(laptop, first.endpoint), hushd.Client() as client:
        assert client.status().supervisor.pid == first.supervisor.pid
        first.supervisor.stop()
        with first.at_home():
            second = start_supervisor(LISTEN.replace("127.0.0.1:0", first.endpoint.place))
        assert second.ready, second.log()
        assert client.status().supervisor.pid == second.pid
