"""The process that serves MCP, for the gateway or for pipes: a listening socket, and the application `sessions.Agents`.

The supervisor's door starts it for the gateway with the first request for `/mcp`, and treats it as a gateway. The
gateway has checked each request (Host, Origin, token). For pipes it is started by the first (`meeting`); all pipes that
come to it have the same values of the variables that count, since others use another socket (`command.place`). It
leaves soon after its last session.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import uvicorn
from hushd_protocol.system.lifeline import arm
from mcp.server.streamable_http_manager import RequestBodyLimitMiddleware

from hushd_mcp import greeting, meeting
from hushd_mcp.sessions import PIPE_IDLE_S, Agents

IDLE_EXIT_S = 10.0  # seconds after the last session, for a host that starts a process for each call
FIRST_BYTES_TIMEOUT_S = 0.2  # seconds for the first bytes of a connection that was accepted last
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def _serve(
    agents: Agents,
    listener: socket.socket,
    channel: socket.socket | None,
    withdraw: Callable[[], object],
    idle_s: float,
) -> None:
    """Serves until nobody has a session, or the channel ends, or a signal comes. Whoever connects after `withdraw` gets
    the next process."""
    loop, dismissed = asyncio.get_running_loop(), asyncio.Event()
    application = RequestBodyLimitMiddleware(agents, greeting.MAX_MESSAGE_BYTES)
    config = uvicorn.Config(application, http="h11", ws="none", lifespan="off", log_level="error", access_log=False)
    server = uvicorn.Server(config)
    async with agents.shared.http.run():
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0)
        for number in _SIGNALS:
            loop.add_signal_handler(number, dismissed.set)
        if channel:
            loop.add_reader(channel, dismissed.set)
        while agents.rests_for() < idle_s and not dismissed.is_set():
            await asyncio.sleep(min(idle_s, 1.0) / 4)
        for each in server.servers:
            each.close()
        with suppress(OSError):  # the supervisor has closed its end; the folder was removed
            withdraw()
        await asyncio.sleep(FIRST_BYTES_TIMEOUT_S)
        while not dismissed.is_set() and agents.rests_for() < FIRST_BYTES_TIMEOUT_S:
            await asyncio.sleep(FIRST_BYTES_TIMEOUT_S / 4)
        await agents.end()
    server.should_exit = server.force_exit = True
    await serving


def _withdraw(path: str, known: meeting.Identity) -> None:
    """Removes the socket of this process, unless another has made its own there: the next pipe starts one."""
    with meeting.locked(path):
        meeting.abandon(path, known)


def main(argv: Sequence[str]) -> int:
    """Serves pipes on the listening descriptor `argv[0]`, whose path is `argv[1]`; or the gateway, after `--channel`,
    on that of the last argument, with the channel's before it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each call has some ten files open
    if argv[0] == "--channel":
        if lifeline := os.environ.pop("HUSHD_LIFELINE", ""):
            arm(int(lifeline), int(os.environ.pop("HUSHD_SUPERVISOR")))
        channel, listener = (socket.socket(fileno=int(number)) for number in (argv[1], argv[2].split("=")[1]))
        idle_s = float(os.environ.get("HUSHD_GATEWAY_IDLE", IDLE_EXIT_S))
        asyncio.run(_serve(Agents(), listener, channel, partial(channel.send, b"."), idle_s))
    else:
        listener, path = socket.socket(fileno=int(argv[0])), argv[1]
        idle_s = float(argv[2]) if argv[2:] and argv[2] != "--detached" else PIPE_IDLE_S
        withdraw = partial(_withdraw, path, meeting.identity(path))
        asyncio.run(_serve(Agents(idle_s), listener, None, withdraw, min(idle_s, IDLE_EXIT_S)))
    return 0
