"""The programs that call the gateway: whose a connection is, one number for each program, and what it has not read."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import AsyncClient
from hushd_gateway import callers
from hushd_gateway.callers import CallerClient
from hushd_protocol import messages as m
from support.peer import BOUND_S
from support.scripted_router import ScriptedRouter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
Ends = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["127.0.0.1 127.0.0.1", "::1 ::1", ":: 127.0.0.1", "127.0.0.1 ::ffff:127.0.0.1"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Both ends of a connection: the caller's and ours, of an address to listen at and one to connect to."""
    listening, connecting = request.param.split()
    families = [socket.AF_INET6 if ":" in each else socket.AF_INET for each in (listening, connecting)]
    try:
        listener = socket.create_server((listening, 0), family=families[0], dualstack_ipv6=listening == "::")
    except OSError:
        pytest.skip("no IPv6 here")
    with listener, socket.socket(families[1]) as caller:
        caller.connect((connecting, listener.getsockname()[1]))
        with listener.accept()[0] as ours:
            yield caller, ours


def owner(ours: socket.socket) -> tuple[int, str]:
    return callers.owner(ours.getpeername()[:2], ours.getsockname()[:2])


def test_the_kernel_knows_the_user_and_the_socket(ends: Ends) -> None:
    """The kernel knows them by IPv4, IPv6 and either within the other; nobody knows of a closed socket, whatever it has
    sent."""
    caller, ours = ends
    assert owner(ours) == (os.getuid(), str(os.fstat(caller.fileno()).st_ino))
    caller.sendall(b"GET")
    caller.close()
    with pytest.raises(LookupError):
        owner(ours)


@pytest.mark.parametrize(("user", "ours"), [(0, True), (os.getuid(), True), (os.getuid() + 1, False)])
def test_ours_are_this_users_programs_and_the_administrators(
    user: int, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "owner", lambda *_: (user, "7"))
    assert callers.is_ours(("127.0.0.1", 5), ("127.0.0.1", 80)) is ours


def test_a_caller_that_has_gone_is_not_ours(ends: Ends) -> None:
    """Another user's program would ask and leave. In the network of another table nothing can be told."""
    caller, ours = ends
    peer, here = ours.getpeername()[:2], ours.getsockname()[:2]
    assert callers.is_ours(peer, here)
    assert callers.is_ours(None, None), "a socket in the file system"
    caller.close()
    assert not callers.is_ours(peer, here)
    assert callers.is_ours(("127.0.0.1", 5), ("127.0.0.1", 1))
    assert not callers.is_ours(("192.0.2.7", 5), ("192.0.2.1", 1))


def caller(peer: tuple[str, int], here: tuple[str, int]) -> int:
    return CallerClient.of(AsyncClient(start=False), peer, here).caller


def test_a_process_is_one_caller() -> None:
    """Its connections have one number, another process's another; a machine has its own, whatever its ports."""
    code = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        own = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        child = subprocess.Popen([sys.executable, "-c", code, str(port)], stdin=subprocess.PIPE)
        accepted = [listener.accept()[0] for _ in range(3)]
        first, second, other = (caller(each.getpeername(), each.getsockname()) for each in accepted)
        far = [caller(("192.0.2.7", at), ("192.0.2.1", port)) for at in (5, 6)]
        assert first == second
        assert far[0] == far[1]
        assert len({first, other, far[0]}) == 3
        assert child.stdin
        child.stdin.close()
        child.wait(BOUND_S)
        for each in (*own, *accepted):
            each.close()


def test_a_request_names_its_caller_and_is_granted_what_is_read(runtime: Path) -> None:
    """All eight chunks come at once, and none more is granted before the program takes one."""

    def script(router: ScriptedRouter, route: bytes, message: m.Message) -> None:
        if isinstance(message, m.Request):
            chunks = [m.Chunk(id=message.id, seq=seq, rate=8000, channels=1, payload=b"ab") for seq in range(8)]
            router.send(route, *chunks, m.Progress(id=message.id))

    async def listen(router: ScriptedRouter) -> None:
        async with AsyncClient(start=False) as client:
            caller = CallerClient.of(client, ("192.0.2.7", 5), ("192.0.2.1", 80))
            speech = await caller.synthesize("Hello.", keep=False, language="en", engine="echo", model="a", voice="a")
            await speech.wait()
            await asyncio.to_thread(router.wait_for, m.Credit)
            assert [each.chunks for each in router.of(m.Credit)] == [1], "it was asked for one"
            for _ in range(4):
                await anext(speech)
            credits = await asyncio.to_thread(router.wait_for, m.Credit, 4)
            assert [each.chunks for each in credits] == [1] * 4
            (sent,) = router.of(m.Request)
            assert (sent.caller, sent.program) == (caller.caller, "192.0.2.7")
            assert sent.caller
            speech.close()

    router = ScriptedRouter(runtime, script)
    try:
        asyncio.run(asyncio.wait_for(listen(router), BOUND_S))
    finally:
        router.die()
